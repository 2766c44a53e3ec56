"""What the templates of agents and tasks need: states, reasons and factors in words."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any

from django import template

from apps.agents.registry import plain
from apps.agents.registry.cards import Card, as_json
from apps.agents.registry.models import Check
from apps.agents.registry.policy import How
from apps.agents.registry.queries.why import Explanation
from apps.agents.registry.states import TaskState, Why

register = template.Library()

_MINUTE = timedelta(minutes=1)
_HOUR = timedelta(hours=1)
_SECOND_MS = 1000
_MINUTE_MS = 60_000


@register.filter
def look(state: str) -> str:
    """Return which badge a task's state or an agent's status has."""
    return plain.LOOKS.get(state, "pending")


@register.filter
def state_words(state: str) -> str:
    """Return a task's state in words for people."""
    return plain.STATES[TaskState(state)]


@register.filter
def reason_words(code: str) -> str:
    """Return why an agent did not get a task."""
    return plain.reason(str(code))


@register.filter
def error_words(error_type: str) -> str:
    """Return what an error type means."""
    return plain.error(error_type)


@register.filter
def next_step(failure: Mapping[str, str]) -> str:
    """Return what a person can do about an error."""
    return plain.next_step(failure)


@register.filter
def wait_words(wait_reason: str) -> str:
    """Return what a task waits for."""
    return plain.waiting(wait_reason)


@register.filter
def short_age(age: timedelta | None) -> str:
    """Return how old a beat is, exactly while it matters: `12 s`, `3 min`, `5 h`."""
    if age is None:
        return ""
    past = max(age, timedelta(0))
    if past < 2 * _MINUTE:
        return f"{past.total_seconds():.0f} s"
    if past < 2 * _HOUR:
        return f"{past // _MINUTE} min"
    return f"{past // _HOUR} h" if past < 48 * _HOUR else f"{past // (24 * _HOUR)} days"


@register.filter
def took(duration_ms: int) -> str:
    """Return a duration in milliseconds for people."""
    if duration_ms < _SECOND_MS:
        return f"{duration_ms} ms"
    if duration_ms < _MINUTE_MS:
        return f"{duration_ms / _SECOND_MS:.1f} s"
    return f"{duration_ms // _MINUTE_MS} min {duration_ms % _MINUTE_MS // _SECOND_MS} s"


@register.filter
def score(value: float | None) -> str:
    """Return a score or a factor with three decimals."""
    return "none" if value is None else f"{value:.3f}"


@register.filter
def factors(card: Card | Mapping[str, Any]) -> list[tuple[str, float, str]]:
    """Return the factors of a score in order: name, value, and what it is made of."""
    facts = as_json(card) if isinstance(card, Card) else card
    down = sum(not check["ok"] for check in facts["checks"])
    needs = f"{len(facts['checks'])} needed, {down} down" if facts["checks"] else "needs nothing"
    window = facts["window"]
    return [
        ("Weight", facts["base_weight"], "as declared or set"),
        ("Dependencies", facts["dependency_health"], needs),
        ("Success", facts["rolling_success_rate"], f"of {window} attempts" if window else "no attempt yet"),
        ("In a row", facts["recency_boost"], "3 successes" if facts["recency_boost"] > 1 else "no bonus"),
        ("Preferred", facts["preferred_factor"], "yes" if facts["preferred_factor"] > 1 else "no"),
    ]


@register.filter
def standing(card: Card, best: Card | None) -> list[str]:
    """Return why an agent would get the next task, or why not, in sentences."""
    if best is not None and card.agent_id == best.agent_id:
        return ["It gets the next task." if card.has_a_slot else "It would, but has no free slot."]
    agent = {
        "agent_id": card.agent_id,
        "score": card.final_score,
        "reason": ", ".join(card.reasons),
        "card": as_json(card),
    }
    if card.reasons:
        return [plain.sentence(agent, None)]
    chosen = None if best is None else {"agent_id": best.agent_id, "score": best.final_score}
    full = [] if card.has_a_slot else [plain.sentence(agent | {"reason": Why.AT_CAPACITY}, chosen)]
    return [plain.sentence(agent | {"reason": Why.OUTSCORED}, chosen), *full]


@register.filter
def well(checks: Iterable[Check]) -> int:
    """Return how many of the checks found what they looked for."""
    return sum(check.ok is True for check in checks)


@dataclass(frozen=True, kw_only=True)
class Line:
    """One candidate of a decision, as its page tells of it."""

    agent_id: str
    score: float | None
    chosen: bool
    words: str
    card: Mapping[str, Any]


@register.filter
def choice_words(decision: Explanation) -> str:
    """Return by which rule somebody or nobody was chosen."""
    decided_by = str(decision.policy.get("decided_by", ""))
    chosen = next((each.score for each in decision.agents if each.chosen), None)
    tried = [each.score for each in decision.agents if each.reason in {Why.TRIED_ALREADY, Why.PAUSING}]
    if decided_by == How.BEST and chosen is not None and any(score is not None and score > chosen for score in tried):
        return plain.BEST_OF_THE_UNTRIED
    return plain.choice(decided_by)


@register.filter
def lines(decision: Explanation) -> list[Line]:
    """Return the candidates of whom the whole card is stored, each with why it got the task or not."""
    agents = [asdict(each) for each in decision.agents if each.card is not None]
    chosen = next((each for each in agents if each["chosen"]), None)
    return [
        Line(
            agent_id=each["agent_id"],
            score=each["score"],
            chosen=each["chosen"],
            words=choice_words(decision) if each["chosen"] else plain.sentence(each, chosen),
            card=each["card"],
        )
        for each in agents
    ]


@register.filter
def rest(decision: Explanation) -> list[tuple[str, int]]:
    """Return how many further candidates there were, by the reason why they did not get the task."""
    counts = Counter(each.reason for each in decision.agents if each.card is None)
    return [(plain.reason(reason), count) for reason, count in counts.most_common()]
