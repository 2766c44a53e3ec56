"""How attempts and tasks end: one transaction with the history row, the new state, its events and the caller's answer.

Whatever ends an attempt comes here: the engine's run, a deadline, a silent instance, a result from outside, a cancel.
The name of the attempt's answer is locked first, then its run, then the task. An attempt that is no longer current
changes nothing.
"""

import json
import random
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction

from apps.agents.memory import services as memory
from apps.agents.registry.models import History, Task
from apps.agents.registry.services import news, nudging
from apps.agents.registry.states import ENDED, HELD, RULES, ErrorType, TaskEvent, TaskState, after
from apps.agents.registry.words import Failure, Outcome
from meshsix import rows
from meshsix.durable import services as durable
from meshsix.durable.states import OPEN_RUNS
from meshsix.kit import clock, redact, texts
from meshsix.kit.actor import SYSTEM, Actor
from meshsix.kit.backoff import Backoff
from meshsix.live import services as live
from meshsix.live.services import NewEvent

MOST_UNSPENT = 20
"""How many tries that cost no attempt a task may have, so that it does not wander for ever."""
_BACKOFF = {"first_seconds": 2.0, "most_seconds": 60.0}
_MESSAGE_LENGTH = 2000


@transaction.atomic
def conclude(task_id: UUID, attempt: int, outcome: Outcome, *, actor: Actor | None = None) -> bool:
    """End an attempt and its run; return whether it was still current. A late one leaves a `task.progress` alone."""
    run_id = Task.objects.filter(pk=task_id).values_list("run_id", flat=True).first()
    state = durable.hold(run_id, answering=answer_name(task_id, attempt)) if run_id is not None else None
    task = Task.objects.select_for_update(no_key=True).get(pk=task_id)
    if task.run_id != run_id or task.attempts != attempt or task.status not in HELD:
        facts = {"attempt": attempt, "status": "late_result", "details": {"current": task.attempts}}
        news.of_task(task, "task.progress", facts, actor=actor)
        return False
    live.publish_all(settle(task, outcome, now=clock.now(), actor=actor))
    if run_id is not None and state in OPEN_RUNS:
        _end_run(run_id, task_id, attempt, outcome, actor)
    return True


def _end_run(run_id: UUID, task_id: UUID, attempt: int, outcome: Outcome, actor: Actor | None) -> None:
    """Let the engine's run end too: a result is what the run of an agent outside waits for, all else cancels it."""
    if outcome.failure is None:
        name = answer_name(task_id, attempt)
        durable.answer(name=name, answer_id=name, payload={"success": True}, actor=actor)
    else:
        durable.cancel(run_id, actor or SYSTEM)


def answer_name(task_id: UUID, attempt: int) -> str:
    """Return the name of the answer for which the run of an agent outside waits."""
    return f"attempt:{task_id}:{attempt}"


def settle(task: Task, outcome: Outcome, *, now: datetime, actor: Actor | None = None) -> list[NewEvent]:
    """Record the end of the current attempt of a task whose row is locked, and what follows from it.

    The events that tell of it are the caller's to publish.
    """
    failure = outcome.failure
    began = task.started_at or task.dispatched_at or now
    past = History(
        task_id=task.task_id,
        attempt=task.attempts,
        agent_id=task.dispatched_to,
        capability=task.capability,
        success=failure is None,
        duration_ms=max(0, round((now - began) / timedelta(milliseconds=1))),
        error_type="" if failure is None else failure.type,
        context=_context(task, outcome),
        created_at=now,
        counted=failure is None or RULES[failure.type].counted,
    )
    nudging.slot_is_free(task.dispatched_to)
    if failure is None:
        return [_complete(task, outcome, past, now)]
    return _fail(task, failure, past, now, actor)


def _context(task: Task, outcome: Outcome) -> dict[str, Any]:
    facts: dict[str, Any] = {"instance_id": task.instance_id, "run_id": str(task.run_id)}
    if outcome.told:
        facts["told"] = outcome.told
    return facts if outcome.failure is None else facts | _row_of(outcome.failure)


def _row_of(failure: Failure) -> dict[str, Any]:
    """Return a failure as a row can hold it: short, without secrets."""
    return {name: _fit(value)[:_MESSAGE_LENGTH] for name, value in failure.as_json().items()}


def _fit(text: str) -> str:
    return str(texts.storable(redact.text(text)))


def _complete(task: Task, outcome: Outcome, past: History, now: datetime) -> NewEvent:
    size = len(json.dumps(outcome.result, ensure_ascii=False)) if outcome.result is not None else None
    _end(
        task,
        now,
        past,
        status=after(TaskState(task.status), TaskEvent.COMPLETED),
        used_attempts=task.used_attempts + 1,
        result=outcome.result,
        result_ref=outcome.result_ref,
        error=None,
    )
    facts = {"attempt": task.attempts, "success": True, "duration_ms": past.duration_ms, "result_size": size}
    return news.task_event(task, "task.result", facts, agent_id=task.dispatched_to)


def _fail(task: Task, failure: Failure, past: History, now: datetime, actor: Actor | None) -> list[NewEvent]:
    rule = RULES[failure.type]
    used = task.used_attempts + rule.spends
    unspent = task.attempts - used
    again = rule.again and used < task.max_attempts and unspent < MOST_UNSPENT and task.cancel_requested_at is None
    task.used_attempts = used
    if failure.type is ErrorType.CANCELLED:
        return [_cancelled(task, failure, now, actor, past)]
    told = _told(task, failure, past, final=not again)
    if again:
        return [told, _go_back(task, failure, now, past)]
    if task.cancel_requested_at is not None and rule.again:
        return [told, _cancelled(task, failure, now, actor, past)]
    event = TaskEvent.TIMED_OUT if failure.type is ErrorType.TIMEOUT else TaskEvent.FAILED
    before = TaskState(task.status)
    if before is TaskState.DISPATCHED:
        before, event = after(before, TaskEvent.RETURNED), TaskEvent.FAILED
    _end(task, now, past, status=after(before, event), used_attempts=used, error=_row_of(failure))
    return [told]


def _told(task: Task, failure: Failure, past: History, *, final: bool) -> NewEvent:
    """Return the event that the attempt failed."""
    if failure.type is ErrorType.TIMEOUT:
        facts: dict[str, object] = {
            "attempt": task.attempts,
            "agent_id": task.dispatched_to,
            "timeout_seconds": task.timeout_seconds,
            "retry_count": task.used_attempts,
            "final": final,
        }
        return news.task_event(task, "task.timeout", facts, agent_id=task.dispatched_to)
    row = _row_of(failure)
    facts = {"attempt": task.attempts, "success": False, "duration_ms": past.duration_ms, "error_type": row["type"]}
    facts |= {"code": row["code"], "message": row["message"], "final": final}
    return news.task_event(task, "task.result.failure", facts, agent_id=task.dispatched_to)


def _go_back(task: Task, failure: Failure, now: datetime, past: History) -> NewEvent:
    """Let the next attempt begin: elsewhere at once, with the same agent after a pause."""
    until = now + pause_after(task.attempts, task.backoff, asked_for=failure.pause, chance=random.random())
    back = rows.transition(
        task,
        {},
        status=after(TaskState(task.status), TaskEvent.RETURNED),
        used_attempts=task.used_attempts,
        error=_row_of(failure),
        pauses=(task.pauses or {}) | {task.dispatched_to: until.isoformat()},
        wait_until=now + timedelta(seconds=task.wait_seconds),
        wait_reason="",
        started_at=None,
        deadline_at=None,
        due_at=None,
        updated_at=now,
    )
    rows.write(back, rows.insertion(past))
    nudging.look_at(task.task_id)
    facts = {
        "attempt": task.attempts,
        "previous_agent": task.dispatched_to,
        "next_agent": None,
        "reason": str(failure.type),
        "due_at": now.isoformat(),
    }
    return news.task_event(task, "task.retry", facts)


def pause_after(
    attempt: int, backoff: Mapping[str, float] | None, *, asked_for: timedelta | None, chance: float
) -> timedelta:
    """Return how long an agent is left alone after an attempt: full jitter under a doubling limit, or what it asks for.

    `backoff` is the task's own (first_seconds, most_seconds); `chance` is a random number in [0, 1).
    """
    wanted = {**_BACKOFF, **(backoff or {})}
    first, most = (timedelta(seconds=wanted[name]) for name in ("first_seconds", "most_seconds"))
    limit = Backoff(attempts=attempt + 1, first=first, most=most).limit(attempt)
    return max(limit * chance, asked_for or timedelta(0))


def _cancelled(task: Task, failure: Failure, now: datetime, actor: Actor | None, past: History) -> NewEvent:
    before = task.status
    status = after(TaskState(before), TaskEvent.CANCELLED)
    _end(task, now, past, status=status, used_attempts=task.used_attempts, error=_row_of(failure))
    return news.transition(task, before, trigger="cancelled", reason=_fit(failure.message), actor=actor)


def give_up(task: Task, failure: Failure, *, now: datetime, actor: Actor | None = None) -> None:
    """Let a task that waits end without another attempt. The caller holds its lock."""
    before = task.status
    _end(task, now, None, status=after(TaskState(before), TaskEvent.FAILED), error=_row_of(failure))
    news.moved(task, before, trigger=failure.code, reason=_fit(failure.message), actor=actor)


def cancel_waiting(task: Task, *, now: datetime, actor: Actor) -> None:
    """End a task that nobody works on. The caller holds its lock."""
    before = task.status
    _end(task, now, None, status=after(TaskState(before), TaskEvent.CANCELLED))
    news.moved(task, before, trigger="cancelled", actor=actor)


def _end(task: Task, now: datetime, past: History | None, **values: object) -> None:
    """Tell whoever waits for `task:{task_id}`, write the task's last state and let its memories expire.

    The row of its last attempt comes with it, behind all that may wait for other runs: it locks the agent's row of
    recent outcomes.
    """
    done: dict[str, object] = {"completed_at": now, "wait_reason": "", "waits_for": [], "due_at": None}
    ended = rows.transition(task, {}, **done, **values, updated_at=now)
    if task.status not in ENDED:
        raise AssertionError(f"A task does not end as {task.status}.")
    name = news.aggregate(task.task_id)
    durable.answer(
        name=name, answer_id=f"{name}:end", payload={"task_id": str(task.task_id), "status": str(task.status)}
    )
    rows.write(ended, memory.expiry(str(task.task_id), now), *([rows.insertion(past)] if past else ()))
