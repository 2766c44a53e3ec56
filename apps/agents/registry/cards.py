"""How an agent stands for a task: its score and each factor of it. Pure; `score` is the formula that SQL computes."""

import json
from collections.abc import Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, NamedTuple

from apps.agents.registry.states import Why

WINDOW = 20
DECAY = 0.95
BOOST, BOOST_AFTER = 1.1, 3
PREFERRED = 1.05


@dataclass(frozen=True, kw_only=True)
class CheckCard:
    """A dependency that the capability requires."""

    key: str
    ok: bool
    stale: bool
    detail: str


class Card(NamedTuple):
    """One candidate, its first fields as the statement of queries/scores.py gives them: a decision may have thousands.

    `window` is how many counted attempts the rate is made of; numbers are exact, not rounded.
    """

    agent_id: str
    capability: str
    base_weight: float
    dependency_health: float
    rolling_success_rate: float
    recency_boost: float
    preferred_factor: float
    final_score: float
    window: int
    status: str
    required: str | None
    open_tasks: int
    max_concurrency: int
    last_dispatched_at: datetime | None = None
    last_counted_at: datetime | None = None
    healed_at: datetime | None = None
    risk: str = "AUTO"
    risky_actions: Sequence[str] = ()
    kind: str = "python"
    served_by: str = "step"
    timeout_seconds: int = 120
    input_schema: str = ""
    eligible: bool = True
    reasons: tuple[Why, ...] = ()

    @property
    def checks(self) -> tuple[CheckCard, ...]:
        """Return what it requires by name; `required` is the same as JSON text, which few ever read."""
        rows = sorted(json.loads(self.required or "[]"))
        return tuple(CheckCard(key=key, ok=ok, stale=stale, detail=detail) for key, ok, stale, detail in rows)

    @property
    def has_a_slot(self) -> bool:
        """Return whether one more task would not be too many."""
        return self.open_tasks < self.max_concurrency


def without(cards: Sequence[Card], rejected: Collection[str]) -> list[Card]:
    """Return the cards; those whose input schema (its hash) refuses the payload are not eligible, and say so."""
    if not rejected:
        return list(cards)
    return [
        card._replace(eligible=False, reasons=(*card.reasons, Why.INPUT_REJECTED))
        if card.input_schema in rejected
        else card
        for card in cards
    ]


_SHOWN = (
    "agent_id",
    "capability",
    "base_weight",
    "dependency_health",
    "rolling_success_rate",
    "recency_boost",
    "preferred_factor",
    "final_score",
    "eligible",
    "reasons",
    "window",
    "status",
    "risk",
    "open_tasks",
    "max_concurrency",
)


def as_json(card: Card) -> dict[str, Any]:
    """Return a card as it is stored and shown."""
    return {name: getattr(card, name) for name in _SHOWN} | {"checks": [asdict(check) for check in card.checks]}


def rate(newest_first: Sequence[bool]) -> float:
    """Return the decayed success rate of the newest attempts, 1.0 without any."""
    seen = newest_first[:WINDOW]
    if not seen:
        return 1.0
    weights = [DECAY**index for index in range(len(seen))]
    return sum(weight for weight, success in zip(weights, seen, strict=True) if success) / sum(weights)


def boost(newest_first: Sequence[bool]) -> float:
    """Return 1.1 where the newest three attempts succeeded, else 1.0."""
    newest = newest_first[:BOOST_AFTER]
    return BOOST if len(newest) == BOOST_AFTER and all(newest) else 1.0


def score(*, weight: float, preferred: bool, healthy: bool, newest_first: Sequence[bool]) -> float:
    """Return the score by the formula: weight x health x rate x boost x preferred."""
    health = 1.0 if healthy else 0.0
    factor = PREFERRED if preferred else 1.0
    return weight * health * rate(newest_first) * boost(newest_first) * factor
