"""What is known when a task is routed, and how the decision made of it is kept. Nothing is locked or written here."""

import hashlib
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

from apps.agents.registry import policy
from apps.agents.registry.cards import Card, as_json, without
from apps.agents.registry.models import Dispatch, Task
from apps.agents.registry.policy import Decision, Rules, Wanted
from apps.agents.registry.queries import policies, scores
from apps.agents.registry.queries import tasks as task_queries
from apps.agents.registry.schemas import Fault
from apps.agents.registry.states import Why

_FULL_CARDS = 20


@dataclass(kw_only=True)
class Survey:
    """All that is known when a task is routed; `cards` follow what is found once an agent's row is locked.

    `rejected` says by input schema (its hash) what is wrong with the payload, `dispatch_id` is there once a slot is.
    """

    task: Task
    now: datetime
    rules: Rules
    wanted: Wanted
    pauses: Mapping[str, datetime]
    instance_id: str
    cards: list[Card]
    rejected: Mapping[str, tuple[Fault, ...]]
    dispatch_id: int | None = None

    def decide(self) -> Decision:
        """Return who gets the task by what is known now."""
        return policy.decide(self.cards, self.rules, self.wanted, now=self.now)

    def needs_a_person(self, chosen: Card) -> bool:
        """Return whether somebody must approve that this agent does it, and nobody has yet."""
        approved = (self.task.gate or {}).get("agents", [])
        return policy.needs_approval(chosen, self.wanted.action) and chosen.agent_id not in approved

    def note_taken(self, agent_id: str, open_tasks: int) -> None:
        """Note how many slots of an agent are really taken."""
        self.cards = [
            card._replace(open_tasks=open_tasks) if card.agent_id == agent_id else card for card in self.cards
        ]


def survey(task: Task, now: datetime) -> Survey:
    """Read what routing a task needs; nothing is locked or written."""
    row = policies.of(task.capability)
    rules = Rules(exploration_rate=row.exploration_rate, hysteresis=row.hysteresis, spill_ratio=row.spill_ratio)
    bound_to, instance_id = task_queries.bound_instance(task.affinity_key) if task.affinity_key else ("", "")
    pauses = _pauses(task, now)
    wanted = Wanted(
        first_attempt=task.attempts == 0,
        priority=task.priority,
        explorable=task.explorable,
        draw=policy.draw(task.task_id),
        tried=task_queries.tried(task.task_id) if task.attempts else frozenset(),
        pausing=frozenset(pauses),
        incumbent=task_queries.incumbent(task.capability) if rules.hysteresis > 0 else "",
        bound_to=bound_to,
        action=action_of(task.payload),
    )
    found = scores.candidates(task.capability, now=now, project=task.project, allowed=task.allowed_agents)
    asked = {card.input_schema for card in found if Why.WITHDRAWN not in card.reasons}
    rejected = task_queries.rejected_by(asked, task.payload)
    cards = without(found, rejected)
    return Survey(
        task=task,
        now=now,
        rules=rules,
        wanted=wanted,
        pauses=pauses,
        instance_id=instance_id,
        cards=cards,
        rejected=rejected,
    )


def _pauses(task: Task, now: datetime) -> dict[str, datetime]:
    """Return until when each agent is left alone that is not to have the task again yet."""
    known = {agent_id: datetime.fromisoformat(until) for agent_id, until in (task.pauses or {}).items()}
    return {agent_id: until for agent_id, until in known.items() if until > now}


def action_of(payload: object) -> str:
    """Return the payload's `action` where it is a text, else nothing."""
    action = payload.get("action") if isinstance(payload, dict) else None
    return action if isinstance(action, str) else ""


def waiting_of(decision: Decision) -> dict[str, object]:
    """Return what the row of a task says that nobody gets now."""
    reason = f"{decision.how}: {reasons_in_words(decision.cards)}"
    return {"wait_reason": reason[:300], "waits_for": list(decision.waits_for)}


def reasons_in_words(cards: Sequence[Card]) -> str:
    """Return how many agents there are and how often each reason holds, for people."""
    if not cards:
        return "no agent offers the capability"
    counts = Counter(str(reason) for card in cards for reason in card.reasons)
    told = ", ".join(f"{count} {reason}" for reason, count in counts.most_common())
    return f"{len(cards)} agent{'s' if len(cards) > 1 else ''} ({told})"


def decided(seen: Survey, decision: Decision, *, attempt: int | None, reason: str = "") -> Dispatch:
    """Return the row of a decision, with all that it was made of."""
    full, rest = decision.cards[:_FULL_CARDS], decision.cards[_FULL_CARDS:]
    return Dispatch(
        task=seen.task,
        attempt=attempt,
        chosen_agent=decision.chosen.agent_id if decision.chosen else "",
        policy=asdict(seen.rules) | {"decided_by": str(decision.how)},
        reason=(reason or str(decision.how))[:300],
        cards=[as_json(card) for card in full],
        others=[
            {"agent": card.agent_id, "score": card.final_score, "reason": str(next(iter(card.reasons), ""))}
            for card in rest
        ],
        fingerprint=fingerprint(decision),
        created_at=seen.now,
    )


def fingerprint(decision: Decision) -> str:
    """Return a hash of who could not get the task and why; scores and counts do not change it."""
    told = [str(decision.how), *sorted(f"{card.agent_id}={','.join(card.reasons)}" for card in decision.cards)]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()
