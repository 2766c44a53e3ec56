"""How an agent stands for a task: its score and each factor of it. Pure; `score` is the formula that SQL computes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

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


@dataclass(frozen=True, kw_only=True)
class Card:
    """One candidate. `window` is how many counted attempts the rate is made of; numbers are exact, not rounded."""

    agent_id: str
    capability: str
    base_weight: float
    dependency_health: float
    rolling_success_rate: float
    recency_boost: float
    preferred_factor: float
    final_score: float
    eligible: bool
    reasons: tuple[Why, ...]
    window: int
    status: str
    checks: tuple[CheckCard, ...]
    open_tasks: int
    max_concurrency: int
    last_dispatched_at: datetime | None = None
    last_counted_at: datetime | None = None
    healed_at: datetime | None = None
    risk: str = "AUTO"
    risky_actions: tuple[str, ...] = ()
    kind: str = "python"
    served_by: str = "step"
    timeout_seconds: int = 120

    @property
    def has_a_slot(self) -> bool:
        """Return whether one more task would not be too many."""
        return self.open_tasks < self.max_concurrency

    def because(self, *reasons: Why) -> "Card":
        """Return the card with these reasons; by hand: `replace` takes five times as long, and many are made."""
        told = object.__new__(Card)
        vars(told).update(vars(self), reasons=reasons)
        return told


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
