"""Who gets a task: the order of the scores, and the few rules that may change it. Pure: time is handed in."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from apps.agents.registry.cards import BOOST_AFTER, Card
from apps.agents.registry.states import Why

_RECENT = timedelta(hours=24)
_MOST_PRIORITY_TO_EXPLORE = 5


class How(StrEnum):
    """Which rule decided."""

    BEST = "best"
    """The highest score."""
    AFFINITY = "affinity"
    """The instance that has worked for the same key."""
    INCUMBENT = "incumbent"
    """The agent of the newest success, which nobody exceeds by enough."""
    EXPLORATION = "exploration"
    """A new or recovered agent that gets its share."""
    SPILLED = "spilled"
    """The best one is full, and the next is nearly as good."""
    AT_CAPACITY = "at_capacity"
    """Nobody who is good enough has a free slot."""
    NO_AGENT = "no_agent"
    """Nobody can do it now."""


@dataclass(frozen=True, kw_only=True)
class Rules:
    """The routing policy of a capability."""

    exploration_rate: float = 0.0
    hysteresis: float = 0.0
    spill_ratio: float = 0.9


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What of a task the rules ask for. `draw` is its chance for exploration; `incumbent` and `bound_to` may be empty.

    `tried` have had a try, and `pausing` are not to have another one yet. `bound_to` is the agent whose living instance
    has worked for the same affinity key.
    """

    first_attempt: bool
    priority: int
    explorable: bool
    draw: float
    tried: frozenset[str] = frozenset()
    pausing: frozenset[str] = frozenset()
    incumbent: str = ""
    bound_to: str = ""
    action: str = ""


@dataclass(frozen=True, kw_only=True)
class Decision:
    """Who gets the task and why; `cards` are all candidates in order with every reason, the chosen one first.

    `waits_for` are the agents that would get it as soon as one of them has a free slot.
    """

    chosen: Card | None
    how: How
    cards: tuple[Card, ...]
    waits_for: tuple[str, ...] = ()


def draw(task_id: UUID) -> float:
    """Return the task's own chance in [0, 1): the same whenever it is asked for."""
    return int.from_bytes(hashlib.sha256(str(task_id).encode()).digest()[:8], "big") / 2**64


def needs_approval(card: Card, action: str) -> bool:
    """Return whether a person must agree before this agent may do it."""
    return card.risk != "AUTO" or (action != "" and action in card.risky_actions)


def decide(cards: Sequence[Card], rules: Rules, wanted: Wanted, *, now: datetime) -> Decision:
    """Return who gets the task; where all who can have it pause, the one to wait for.

    With exploration and hysteresis at 0 the order is exactly that of the scores.
    """
    eligible = sorted((card for card in cards if card.eligible), key=_order)
    may = [card for card in eligible if card.agent_id not in wanted.tried] or eligible
    pool = [card for card in may if card.agent_id not in wanted.pausing] or may
    pausing = {card.agent_id for card in may} - {card.agent_id for card in pool}
    if not pool:
        return Decision(chosen=None, how=How.NO_AGENT, cards=_told(cards, pool, None, How.NO_AGENT, pausing))
    leader, how = _leader(pool, rules, wanted, now)
    near = [] if how is How.AFFINITY else [card.agent_id for card in pool if _near(card, leader, rules)]
    chosen, how = _with_a_slot(pool, leader, how, rules)
    waits_for = () if chosen is not None else tuple(dict.fromkeys((leader.agent_id, *near)))
    return Decision(chosen=chosen, how=how, cards=_told(cards, pool, chosen, how, pausing), waits_for=waits_for)


def _order(card: Card) -> tuple[float, bool, int, float, str]:
    """Score; then preferred, fewer open tasks, longer idle, name."""
    idle_since = card.last_dispatched_at.timestamp() if card.last_dispatched_at else float("-inf")
    return (-card.final_score, card.preferred_factor <= 1, card.open_tasks, idle_since, card.agent_id)


def _leader(pool: Sequence[Card], rules: Rules, wanted: Wanted, now: datetime) -> tuple[Card, How]:
    """Return who stands first, whether there is a slot or not."""
    by_name: Mapping[str, Card] = {card.agent_id: card for card in pool}
    if wanted.bound_to in by_name:
        return by_name[wanted.bound_to], How.AFFINITY
    leader, how = pool[0], How.BEST
    incumbent = by_name.get(wanted.incumbent) if rules.hysteresis > 0 else None
    if incumbent is not None and leader.final_score <= incumbent.final_score * (1 + rules.hysteresis):
        how = How.BEST if incumbent is leader else How.INCUMBENT
        leader = incumbent
    if _may_explore(rules, wanted) and not _is_new(leader, now):
        for card in pool:
            if _is_new(card, now) and card.has_a_slot and not needs_approval(card, wanted.action):
                return card, How.EXPLORATION
    return leader, how


def _may_explore(rules: Rules, wanted: Wanted) -> bool:
    willing = wanted.first_attempt and wanted.explorable and wanted.priority <= _MOST_PRIORITY_TO_EXPLORE
    return willing and wanted.draw < rules.exploration_rate


def _is_new(card: Card, now: datetime) -> bool:
    """Return whether an agent is new or has recovered: too little is known of it, or nothing fresh."""
    healed = card.healed_at is not None and now - card.healed_at <= _RECENT
    stale = card.last_counted_at is None or now - card.last_counted_at > _RECENT
    return card.window < BOOST_AFTER or healed or stale


def _with_a_slot(pool: Sequence[Card], leader: Card, how: How, rules: Rules) -> tuple[Card | None, How]:
    if leader.has_a_slot:
        return leader, how
    if how is not How.AFFINITY:
        for card in pool:
            if card.has_a_slot and _near(card, leader, rules):
                return card, How.SPILLED
    return None, How.AT_CAPACITY


def _near(card: Card, leader: Card, rules: Rules) -> bool:
    return card.final_score >= rules.spill_ratio * leader.final_score


def _told(
    cards: Sequence[Card], pool: Sequence[Card], chosen: Card | None, how: How, pausing: Collection[str]
) -> tuple[Card, ...]:
    """Return all cards, the chosen one first, then the eligible ones in order, each with its reasons."""
    in_pool = {card.agent_id for card in pool}
    rest = sorted((card for card in cards if card.agent_id not in in_pool), key=_order)
    ordered = [card for card in (*pool, *rest) if chosen is None or card.agent_id != chosen.agent_id]
    left_out = {
        card.agent_id: Why.PAUSING if card.agent_id in pausing else Why.TRIED_ALREADY for card in rest if card.eligible
    }
    told = [_with_reason(card, left_out.get(card.agent_id)) for card in ordered]
    if chosen is None:
        return tuple(told)
    named = {How.INCUMBENT: (Why.INCUMBENT,), How.EXPLORATION: (Why.EXPLORATION,)}.get(how, ())
    return (chosen._replace(reasons=named), *told)


def _with_reason(card: Card, left_out: Why | None) -> Card:
    if not card.eligible:
        return card if card.reasons else card._replace(reasons=(Why.OUTSCORED,))
    if left_out is not None:
        return card._replace(reasons=(left_out,))
    return card._replace(reasons=(Why.OUTSCORED if card.has_a_slot else Why.AT_CAPACITY,))
