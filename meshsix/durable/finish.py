"""Recording how an attempt ended, and what follows from it: one transaction, fenced by attempt and owner."""

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from meshsix.durable import answers, endings, leases, moves, nudges
from meshsix.durable.endings import Ask, Done, Ending, Fail, Pause, Skip
from meshsix.durable.leases import Lease
from meshsix.durable.models import StepRow
from meshsix.durable.states import OPEN_RUNS, STEP_TRANSITIONS, RunEvent, RunState, StepState, after

_FINISH = """
WITH run AS (
    SELECT id, state, phase FROM durable_runs WHERE id = %(run_id)s FOR NO KEY UPDATE
), step AS (
    UPDATE durable_steps AS step
    SET state = %(state)s, attempt = %(attempt_after)s, output = %(output)s::jsonb, finished_at = %(finished_at)s,
        due_at = %(due_at)s, nudge_at = %(nudge_at)s, error_code = %(code)s, error_hint = %(hint)s,
        error_detail = %(detail)s, skip_reason = %(reason)s, lease_until = NULL, lease_owner = ''
    FROM run
    WHERE step.id = %(step_id)s AND step.state = %(running)s AND step.attempt = %(attempt)s
      AND step.lease_owner = %(owner)s
    RETURNING step.id
), attempt AS (
    INSERT INTO durable_attempts (step_id, number, owner, started_at, finished_at, result, error_code, error_hint,
                                  error_detail)
    SELECT step.id, %(attempt)s, %(owner)s, %(since)s, %(now)s, %(result)s, %(code)s, %(hint)s, %(detail)s
    FROM step WHERE %(counts)s
)
SELECT run.state, run.phase FROM run CROSS JOIN step
"""
_ASKED_AS_WELL = """    , wait_name = %(wait_name)s, wait_since = %(now)s, wait_until = %(wait_until)s,
        wait_asked = %(wait_asked)s::jsonb, answer_id = NULL
    FROM run
    WHERE step.id"""
_FINISH_ASKING = _FINISH.replace("    FROM run\n    WHERE step.id", _ASKED_AS_WELL, 1)


@dataclass(frozen=True, kw_only=True)
class Finished:
    """What followed the end of `step`. `next` is taken already and runs in this process.

    `opened` are ready for any worker; `joins` says that they join branches of which this was the last; `due_at` is
    when the step itself runs again.
    """

    step: str = ""
    next: Lease | None = None
    opened: tuple[str, ...] = ()
    joins: bool = False
    due_at: datetime | None = None


def finish(lease: Lease, ending: Ending, *, now: datetime, goes_on: bool, in_chord: bool = False) -> Finished | None:
    """Record the ending; return what follows, or None where the lease is no longer current and nothing changed.

    `goes_on` lets the one step that follows be taken in the same transaction; `in_chord` leaves a step that joins
    branches to the body of the chord.
    """
    with transaction.atomic():
        if isinstance(ending, Ask):
            answers.lock(ending.name)
        run = _record(lease, ending, now)
        if run is None:
            return None
        on = moves.scene(lease.run_id, lease.workflow, *run, lease.digest, now=now)
        _tell(on, lease, ending)
        followed = _follow(on, lease, ending, goes_on=goes_on, in_chord=in_chord)
        moves.finish(on, lease.step_id)
        return followed


def _record(lease: Lease, ending: Ending, now: datetime) -> tuple[str, str] | None:
    values: dict[str, Any] = {
        "run_id": lease.run_id,
        "step_id": lease.step_id,
        "state": after(STEP_TRANSITIONS, StepState.RUNNING, endings.EVENTS[type(ending)]),
        "running": StepState.RUNNING,
        "attempt": lease.attempt,
        "attempt_after": lease.attempt,
        "owner": lease.owner,
        "since": lease.since,
        "now": now,
        "result": endings.result(ending),
        "counts": True,
    }
    values |= dict.fromkeys(("output", "finished_at", "due_at", "nudge_at")) | dict.fromkeys(
        ("code", "hint", "detail", "reason"), ""
    )
    with connection.cursor() as cursor:
        cursor.execute(_FINISH_ASKING if isinstance(ending, Ask) else _FINISH, values | _columns(lease, ending, now))
        row: tuple[str, str] | None = cursor.fetchone()
    return row


def _columns(lease: Lease, ending: Ending, now: datetime) -> dict[str, Any]:
    """Return what an ending writes beyond the state."""
    match ending:
        case Done():
            return {"output": ending.output, "finished_at": now}
        case Skip():
            return {"reason": ending.reason, "finished_at": now}
        case Fail():
            return {"code": ending.code, "hint": ending.hint, "detail": ending.detail, "finished_at": now}
        case Pause():
            return {
                "code": ending.code,
                "hint": ending.hint,
                "detail": ending.detail,
                "due_at": ending.due_at,
                "nudge_at": nudges.recovers_at(ending.due_at, now),
                "counts": ending.counts,
                "attempt_after": lease.attempt if ending.counts else lease.attempt - 1,
            }
        case Ask():
            return {
                "wait_name": ending.name,
                "wait_until": ending.until,
                "wait_asked": json.dumps(asdict(ending.asked)),
                "attempt_after": 0,
            }


def _tell(on: moves.Scene, lease: Lease, ending: Ending) -> None:
    """Note the event of an ending."""
    seconds = round((on.now - lease.since).total_seconds(), 3)
    facts: dict[str, object]
    match ending:
        case Done():
            name, facts = "step-done", {}
        case Skip():
            name, facts = "step-skipped", {"reason": ending.reason}
        case Fail():
            name, facts = "step-failed", {"code": ending.code, "hint": ending.hint}
        case Pause():
            name = "step-retrying"
            facts = {"code": ending.code, "hint": ending.hint, "due_at": ending.due_at.isoformat()}
            facts["counts"] = ending.counts
        case Ask():
            name = "step-waiting"
            facts = {"wait_name": ending.name, "until": ending.until.isoformat(), "asked": asdict(ending.asked)}
    on.news.step(name, lease.step, lease.phase, lease.attempt, seconds=seconds, **facts)


def _follow(on: moves.Scene, lease: Lease, ending: Ending, *, goes_on: bool, in_chord: bool) -> Finished:
    """Do what an ending means for the rest of the run."""
    if on.state not in OPEN_RUNS:
        return Finished()
    match ending:
        case Done() | Skip():
            return _open_followers(on, lease, goes_on=goes_on, in_chord=in_chord)
        case Pause():
            return Finished(step=lease.step, due_at=ending.due_at)
        case Fail():
            moves.move_run(on, RunEvent.FAILED, step=lease.step, code=ending.code, hint=ending.hint)
            return Finished()
        case Ask():
            return _find_answer(on, lease, ending, goes_on=goes_on)


def _open_followers(on: moves.Scene, lease: Lease, *, goes_on: bool, in_chord: bool) -> Finished:
    followers = on.plan.followers[lease.step]
    alone = all(on.plan.by_name[name].needs == (lease.step,) for name in followers)
    if followers and alone:
        reached = followers
    else:
        states = moves.states_of(on.run_id)
        reached = on.plan.reached(states, followers)
        event = moves.run_event(states)
        if not reached and event is not None:
            moves.move_run(on, event)
    if goes_on and len(reached) == 1 and (alone or not in_chord):
        return Finished(next=_take_on(on, reached[0], pending=True))
    return Finished(step=lease.step, opened=moves.open_steps(on, reached), joins=not alone)


def _take_on(on: moves.Scene, name: str, *, pending: bool) -> Lease | None:
    """Take a step in the transaction that made it possible: nobody ever sees it ready."""
    lease = leases.take(on.run_id, name, now=on.now, pending=pending)
    if lease is not None:
        moves.set_phase(on, lease.phase)
        on.news.step("step-started", lease.step, lease.phase, lease.attempt)
    return lease


def _find_answer(on: moves.Scene, lease: Lease, ending: Ask, *, goes_on: bool) -> Finished:
    """Give an answer that came before its question; without one the step, and perhaps the run, waits."""
    found = answers.stored(ending.name)
    if found is not None:
        answers.give(on, StepRow.objects.get(pk=lease.step_id), found)
        if goes_on:
            return Finished(next=_take_on(on, lease.step, pending=False))
        return Finished(step=lease.step, opened=(lease.step,))
    event = moves.run_event(moves.states_of(on.run_id))
    if event is not None:
        moves.move_run(on, event, step=lease.step, wait_name=ending.name, until=ending.until.isoformat())
    return Finished()


def begin(lease: Lease, *, now: datetime) -> None:
    """Record that a step was taken by a message: the other half of `leases.take`, in the same transaction."""
    on = moves.scene(lease.run_id, lease.workflow, lease.run_state, lease.run_phase, lease.digest, now=now)
    if on.state is RunState.PENDING:
        moves.move_run(on, RunEvent.STARTED)
    moves.set_phase(on, lease.phase)
    on.news.step("step-started", lease.step, lease.phase, lease.attempt)
    moves.finish(on, lease.step_id)
