"""Gives pending tasks to agents: score, decide, take a slot, start the attempt; one transaction a task.

The task's row is locked first, then the agent's, one at a time; the new run belongs to nobody yet, so that no two
transactions wait for each other.
"""

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from django.db import transaction
from django.db.utils import OperationalError
from psycopg.errors import DeadlockDetected

from apps.agents.registry import policy
from apps.agents.registry.cards import Card, as_json, without
from apps.agents.registry.models import Agent, Dispatch, Task
from apps.agents.registry.policy import Decision, How, Rules, Wanted
from apps.agents.registry.queries import policies, scores
from apps.agents.registry.queries import tasks as task_queries
from apps.agents.registry.services import backlog, ending, isolation, news, nudging, starting
from apps.agents.registry.states import ErrorType, TaskEvent, TaskState, Why, after
from apps.agents.registry.words import Failure
from meshsix import rows
from meshsix.durable import coding
from meshsix.kit import clock, ids

APPROVAL_WAIT = timedelta(hours=24)
_LOOKS_AGAIN = timedelta(seconds=10)
_FULL_CARDS = 20
_AT_ONCE = 500


class Routed(StrEnum):
    """What became of a try to give a task to somebody."""

    DISPATCHED = "dispatched"
    PROPOSED = "proposed"
    WAITS = "waits"
    FAILED = "failed"
    NOT_NOW = "not_now"
    """It is not pending, not due yet, or somebody else is at it."""


@dataclass(kw_only=True)
class Survey:
    """All that is known when a task is routed; `cards` follow what is found once an agent's row is locked."""

    task: Task
    now: datetime
    rules: Rules
    wanted: Wanted
    pauses: Mapping[str, datetime]
    instance_id: str
    cards: list[Card]

    def decide(self) -> Decision:
        """Return who gets the task by what is known now."""
        return policy.decide(self.cards, self.rules, self.wanted, now=self.now)

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
    return Survey(task=task, now=now, rules=rules, wanted=wanted, pauses=pauses, instance_id=instance_id, cards=cards)


def _pauses(task: Task, now: datetime) -> dict[str, datetime]:
    """Return until when each agent is left alone that is not to have the task again yet."""
    known = {agent_id: datetime.fromisoformat(until) for agent_id, until in (task.pauses or {}).items()}
    return {agent_id: until for agent_id, until in known.items() if until > now}


def action_of(payload: object) -> str:
    """Return the payload's `action` where it is a text, else nothing."""
    action = payload.get("action") if isinstance(payload, dict) else None
    return action if isinstance(action, str) else ""


def offer(task_id: UUID) -> Routed:
    """Try to give one pending task to an agent; where a slot became free just meanwhile, let a worker look again.

    Whoever freed it did not see yet that this task waits for it (nudging.slot_is_free).
    """
    outcome = dispatch(task_id)
    for agent_id in task_queries.free_after_all(task_id) if outcome is Routed.WAITS else ():
        nudging.fill(agent_id)
    return outcome


def dispatch(task_id: UUID) -> Routed:
    """Try to give one pending task to an agent. Losing to somebody else is normal, by a deadlock too."""
    try:
        return _dispatch(task_id)
    except coding.BadData as error:
        return _refuse(task_id, error)
    except OperationalError as error:
        if isinstance(error.__cause__, DeadlockDetected):
            return Routed.NOT_NOW
        raise


def _dispatch(task_id: UUID) -> Routed:
    now = clock.now()
    with transaction.atomic():
        task = task_queries.locked(task_id)
        if task is None or (task.due_at is not None and task.due_at > now):
            return Routed.NOT_NOW
        seen = survey(task, now)
        return _act(seen, _take_a_slot(seen))


def _take_a_slot(seen: Survey) -> Decision:
    """Decide, lock the chosen agent and count again, until the choice holds."""
    while True:
        decision = seen.decide()
        if decision.chosen is None or _holds(seen, decision.chosen):
            return decision


def _holds(seen: Survey, chosen: Card) -> bool:
    """Lock the chosen agent where it has a free slot for the task; else let go of it before another one is locked."""
    taken, holds = task_queries.take_slot(chosen.agent_id, seen.task.task_id, seen.now)
    if not holds:
        seen.note_taken(chosen.agent_id, max(taken, chosen.max_concurrency))
    return holds


def _act(seen: Survey, decision: Decision) -> Routed:
    task, chosen = seen.task, decision.chosen
    if chosen is None:
        return _wait(seen, decision)
    if chosen.agent_id in seen.pauses:
        # somebody else may come while all agents pause
        due_at = min(*seen.pauses.values(), seen.now + _LOOKS_AGAIN)
        Task.objects.filter(pk=task.pk).update(due_at=due_at, wait_reason="backoff", waits_for=[])
        return Routed.NOT_NOW
    gate = (task.gate or {}).get("agents", [])
    if policy.needs_approval(chosen, seen.wanted.action) and chosen.agent_id not in gate:
        return _propose(seen, decision, chosen)
    return _start(seen, decision, chosen)


def _start(seen: Survey, decision: Decision, chosen: Card) -> Routed:
    """Give the task to the chosen agent, whose row is locked."""
    task, now = seen.task, seen.now
    bound = decision.how is How.AFFINITY
    run_id, attempt = ids.new_id(), task.attempts + 1
    given = rows.transition(
        task,
        {},
        status=after(TaskState(task.status), TaskEvent.ROUTED),
        attempts=attempt,
        dispatched_to=chosen.agent_id,
        dispatched_at=now,
        run_id=run_id,
        instance_id=seen.instance_id if bound else "",
        proposed_agent="",
        due_at=None,
        wait_reason="",
        waits_for=[],
        updated_at=now,
    )
    row = _decided(seen, decision, attempt=attempt)
    busy = rows.setting(Agent, chosen.agent_id, {}, last_dispatched_at=now)
    _, _, row.pk = rows.write(given, busy, rows.insertion(row))
    facts = {
        "capability": task.capability,
        "target_agent": chosen.agent_id,
        "attempt": attempt,
        "priority": task.priority,
        "score": chosen.final_score,
        "policy": str(decision.how),
        "candidates": len(decision.cards),
        "eligible": sum(card.eligible for card in decision.cards),
        "dispatch_id": row.pk,
    }
    starting.start_run(task, served_by=chosen.served_by, told=news.task_event(task, "task.dispatched", facts))
    return Routed.DISPATCHED


def _propose(seen: Survey, decision: Decision, chosen: Card) -> Routed:
    """Ask a person whether the chosen agent may do it."""
    task, before = seen.task, seen.task.status
    rows.change(
        task,
        status=after(TaskState(before), TaskEvent.PROPOSED),
        proposed_agent=chosen.agent_id,
        wait_until=seen.now + APPROVAL_WAIT,
        wait_reason="approval",
        waits_for=[],
        updated_at=seen.now,
    )
    row = _note(seen, decision, attempt=None, reason=f"{chosen.agent_id} needs a person's approval")
    news.moved(task, before, trigger="proposed", facts={"agent": chosen.agent_id, "dispatch_id": row.pk})
    return Routed.PROPOSED


def _wait(seen: Survey, decision: Decision) -> Routed:
    """Leave the task pending with the reason; its time may be over."""
    task = seen.task
    reason = reasons_in_words(decision.cards)
    if task.wait_until is not None and task.wait_until <= seen.now:
        words = f"Nobody could take the task within its time: {reason}."
        hint = "See why each agent could not: GET /api/tasks/{id}/why. Start or enable one, then retry the task."
        ending.give_up(task, Failure(type=ErrorType.ERROR, code="no_agent", message=words, hint=hint), now=seen.now)
        _note(seen, decision, attempt=None, reason=words)
        return Routed.FAILED
    values = {"wait_reason": f"{decision.how}: {reason}"[:300], "waits_for": list(decision.waits_for)}
    if any(getattr(task, name) != value for name, value in values.items()):
        rows.change(task, **values, updated_at=seen.now)
    if task_queries.last_fingerprint(task.task_id) != _fingerprint(decision):
        _note(seen, decision, attempt=None, reason=f"{decision.how}: {reason}")
    return Routed.WAITS


def reasons_in_words(cards: Sequence[Card]) -> str:
    """Return how many agents there are and how often each reason holds, for people."""
    if not cards:
        return "no agent offers the capability"
    counts = Counter(str(reason) for card in cards for reason in card.reasons)
    told = ", ".join(f"{count} {reason}" for reason, count in counts.most_common())
    return f"{len(cards)} agent{'s' if len(cards) > 1 else ''} ({told})"


def _note(seen: Survey, decision: Decision, *, attempt: int | None, reason: str = "") -> Dispatch:
    """Store the decision with all that it was made of."""
    row = _decided(seen, decision, attempt=attempt, reason=reason)
    rows.insert(row)
    return row


def _decided(seen: Survey, decision: Decision, *, attempt: int | None, reason: str = "") -> Dispatch:
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
        fingerprint=_fingerprint(decision),
        created_at=seen.now,
    )


def _fingerprint(decision: Decision) -> str:
    """Return a hash of who could not get the task and why; scores and counts do not change it."""
    told = [str(decision.how), *sorted(f"{card.agent_id}={','.join(card.reasons)}" for card in decision.cards)]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()


def dispatch_due(now: datetime) -> int:
    """Give what can be given, the first in line first; return how many tasks found an agent.

    Tasks that ask for the same in the same situation wait together: once one of them finds nobody, the others behind
    it are only looked at when something about them is new; until then they wait for what it waits for. Where nothing
    at all is new to it, this holds for whoever waits for the same agents for the same reason, whatever they ask.
    """
    routed, stuck, behind = 0, dict[str, UUID](), defaultdict[UUID, list[UUID]](list)
    nothing_new = set[str]()
    for task in task_queries.due(now, at_once=_AT_ONCE):
        if task.settled and task.situation in nothing_new:
            continue
        if task.settled and task.alike in stuck:
            behind[stuck[task.alike]].append(task.task_id)
            continue
        before = task_queries.last_fingerprint(task.task_id)
        outcome = alone(offer, task.task_id)
        routed += outcome in {Routed.DISPATCHED, Routed.PROPOSED}
        if outcome is Routed.WAITS:
            stuck[task.alike] = task.task_id
            if task.settled and before == task_queries.last_fingerprint(task.task_id):
                nothing_new.add(task.situation)
    for first, others in behind.items():
        backlog.follow(first, others)
    return routed


def fill(agent_id: str, now: datetime) -> int:
    """Give an agent's free slots to those who wait for them, the first in line first; return how many got one."""
    given, tried = 0, set[UUID]()
    while waiting := [task_id for task_id in task_queries.next_for(agent_id, now) if task_id not in tried]:
        tried.update(waiting)
        given += sum(alone(dispatch, task_id) is Routed.DISPATCHED for task_id in waiting)
    return given


def alone(does: Callable[[UUID], Routed], task_id: UUID) -> Routed:
    """Keep an error to one task, which still ends when its time is over. Raises where the database is away."""
    outcome = isolation.alone(task_id, lambda: does(task_id))
    return _end_if_over(task_id) if outcome is None else outcome


@transaction.atomic
def _refuse(task_id: UUID, error: coding.BadData) -> Routed:
    """End a task whose payload fits the agent's schema but not the input that its workflow takes."""
    task = task_queries.locked(task_id)
    if task is None:
        return Routed.NOT_NOW
    hint = "Correct the payload, then ask again."
    failure = Failure(type=ErrorType.INVALID_INPUT, code="invalid_input", message=str(error), hint=hint)
    ending.give_up(task, failure, now=clock.now())
    return Routed.FAILED


@transaction.atomic
def _end_if_over(task_id: UUID) -> Routed:
    """End a task with which an error happened once its time is over; until then it stands in nobody's way.

    People are told; each sweep looks at it, and not at another one in its place.
    """
    now = clock.now()
    task = task_queries.locked(task_id)
    if task is None:
        return Routed.NOT_NOW
    if task.wait_until is None or task.wait_until > now:
        rows.change(task, wait_reason=task_queries.NOT_ROUTED, waits_for=[])
        return Routed.NOT_NOW
    words = "The task could not be routed within its time, by an error of the platform."
    hint = "The platform's log tells which one. Mend it, then retry the task."
    ending.give_up(task, Failure(type=ErrorType.ERROR, code="no_agent", message=words, hint=hint), now=now)
    return Routed.FAILED
