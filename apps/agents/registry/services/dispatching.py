"""Gives pending tasks to agents: score, decide, take a slot, start the attempt; one transaction a task.

The task's row is locked first, then the agent's, one at a time; the new run belongs to nobody yet, so that no two
transactions wait for each other. A task that is stored only now (admitting.py) is known to nobody else.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from django.db import transaction
from django.db.utils import OperationalError
from psycopg.errors import DeadlockDetected

from apps.agents.registry.cards import Card
from apps.agents.registry.models import Agent, Dispatch, Task
from apps.agents.registry.policy import Decision, How
from apps.agents.registry.queries import tasks as task_queries
from apps.agents.registry.services import backlog, ending, isolation, news, nudging, starting, surveying
from apps.agents.registry.services.surveying import Survey
from apps.agents.registry.states import ErrorType, TaskEvent, TaskState, after
from apps.agents.registry.words import Failure
from meshsix import rows
from meshsix.durable import coding
from meshsix.kit import clock, ids
from meshsix.live.services import NewEvent

APPROVAL_WAIT = timedelta(hours=24)
_LOOKS_AGAIN = timedelta(seconds=10)
_AT_ONCE = 500


class Routed(StrEnum):
    """What became of a try to give a task to somebody."""

    DISPATCHED = "dispatched"
    PROPOSED = "proposed"
    WAITS = "waits"
    FAILED = "failed"
    NOT_NOW = "not_now"
    """It is not pending, not due yet, or somebody else is at it."""


def offer(task_id: UUID) -> Routed:
    """Try to give one pending task to an agent; where a slot became free just meanwhile, let a worker look again.

    Whoever freed it did not see yet that this task waits for it (nudging.slot_is_free).
    """
    outcome = dispatch(task_id)
    if outcome is Routed.WAITS:
        nudging.look_once_more(task_id)
    return outcome


def dispatch(task_id: UUID) -> Routed:
    """Try to give one pending task to an agent. Losing to somebody else is normal, by a deadlock too."""
    try:
        return _dispatch(task_id)
    except coding.BadData as error:
        return _refuse(task_id, error)
    except OperationalError as error:
        if has_lost(error):
            return Routed.NOT_NOW
        raise


def has_lost(error: OperationalError) -> bool:
    """Return whether somebody else was let go on in a deadlock: trying again is normal."""
    return isinstance(error.__cause__, DeadlockDetected)


def _dispatch(task_id: UUID) -> Routed:
    now = clock.now()
    with transaction.atomic():
        task = task_queries.locked(task_id)
        if task is None or (task.due_at is not None and task.due_at > now):
            return Routed.NOT_NOW
        seen = surveying.survey(task, now)
        return _act(seen, take_a_slot(seen, seen.decide()))


def take_a_slot(seen: Survey, decision: Decision) -> Decision:
    """Lock the chosen agent and count again; decide anew until the choice holds."""
    while decision.chosen is not None and not _take(seen, decision.chosen):
        decision = seen.decide()
    return decision


def _take(seen: Survey, chosen: Card) -> bool:
    """Lock the chosen agent where it has a free slot for the task; else let go of it before another one is locked."""
    taken, seen.dispatch_id = task_queries.take_slot(chosen.agent_id, seen.task, seen.now)
    if seen.dispatch_id is None:
        seen.note_taken(chosen.agent_id, max(taken, chosen.max_concurrency))
    return seen.dispatch_id is not None


def _act(seen: Survey, decision: Decision) -> Routed:
    task, chosen = seen.task, decision.chosen
    if chosen is None:
        return _wait(seen, decision)
    if chosen.agent_id in seen.pauses:
        # somebody else may come while all agents pause
        due_at = min(*seen.pauses.values(), seen.now + _LOOKS_AGAIN)
        Task.objects.filter(pk=task.pk).update(due_at=due_at, wait_reason="backoff", waits_for=[])
        return Routed.NOT_NOW
    if seen.needs_a_person(chosen):
        return _propose(seen, decision, chosen)
    return _start(seen, decision, chosen)


def _start(seen: Survey, decision: Decision, chosen: Card) -> Routed:
    """Give the task to the chosen agent, whose row is locked."""
    given = rows.transition(seen.task, {}, **start_of(seen, decision, chosen))
    start(seen, decision, chosen, written=[given])
    return Routed.DISPATCHED


def start_of(seen: Survey, decision: Decision, chosen: Card) -> dict[str, object]:
    """Return what a task's row says once the task is given to the chosen agent."""
    return {
        "status": after(TaskState(seen.task.status), TaskEvent.ROUTED),
        "attempts": seen.task.attempts + 1,
        "dispatched_to": chosen.agent_id,
        "dispatched_at": seen.now,
        "run_id": ids.new_id(),
        "instance_id": seen.instance_id if decision.how is How.AFFINITY else "",
        "proposed_agent": "",
        "due_at": None,
        "wait_reason": "",
        "waits_for": [],
        "updated_at": seen.now,
    }


def start(
    seen: Survey, decision: Decision, chosen: Card, *, written: Sequence[rows.Change], told: Sequence[NewEvent] = ()
) -> None:
    """Start the attempt that the task is in now; `written` is its row, `told` what happened to it before."""
    task = seen.task
    row = surveying.decided(seen, decision, attempt=task.attempts)
    row.pk = seen.dispatch_id
    facts = {
        "capability": task.capability,
        "target_agent": chosen.agent_id,
        "attempt": task.attempts,
        "priority": task.priority,
        "score": chosen.final_score,
        "policy": str(decision.how),
        "candidates": len(decision.cards),
        "eligible": sum(card.eligible for card in decision.cards),
        "dispatch_id": row.pk,
    }
    starting.start_run(
        task,
        served_by=chosen.served_by,
        told=[*told, news.task_event(task, "task.dispatched", facts)],
        written=[
            *written,
            rows.setting(Agent, chosen.agent_id, {}, last_dispatched_at=seen.now),
            rows.insertion(row),
        ],
    )


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
    reason = surveying.reasons_in_words(decision.cards)
    if task.wait_until is not None and task.wait_until <= seen.now:
        words = f"Nobody could take the task within its time: {reason}."
        hint = "See why each agent could not: GET /api/tasks/{id}/why. Start or enable one, then retry the task."
        ending.give_up(task, Failure(type=ErrorType.ERROR, code="no_agent", message=words, hint=hint), now=seen.now)
        _note(seen, decision, attempt=None, reason=words)
        return Routed.FAILED
    values = surveying.waiting_of(decision)
    if any(getattr(task, name) != value for name, value in values.items()):
        rows.change(task, **values, updated_at=seen.now)
    if task_queries.last_fingerprint(task.task_id) != surveying.fingerprint(decision):
        _note(seen, decision, attempt=None, reason=f"{decision.how}: {reason}")
    return Routed.WAITS


def _note(seen: Survey, decision: Decision, *, attempt: int | None, reason: str = "") -> Dispatch:
    """Store the decision with all that it was made of."""
    row = surveying.decided(seen, decision, attempt=attempt, reason=reason)
    rows.insert(row)
    return row


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
