"""Recording how an attempt ended, and what follows from it: one transaction, fenced by attempt and owner."""

import json
from dataclasses import asdict
from datetime import datetime
from typing import Any

from django.db import transaction

from meshsix import prepared
from meshsix.durable import answers, endings, leases, moves, nudges, statements, straight
from meshsix.durable.endings import Ask, Done, Ending, Fail, Pause, Skip
from meshsix.durable.leases import Finished, Lease
from meshsix.durable.models import StepRow
from meshsix.durable.states import OPEN_RUNS, STEP_TRANSITIONS, RunEvent, RunState, StepState, after

STATES = {kind: after(STEP_TRANSITIONS, StepState.RUNNING, event) for kind, event in endings.EVENTS.items()}
_NOTHING: dict[str, Any] = dict.fromkeys(("output", "finished_at", "due_at", "nudge_at")) | dict.fromkeys(
    ("code", "hint", "detail", "reason"), ""
)


def finish(lease: Lease, ending: Ending, *, now: datetime, goes_on: bool, in_chord: bool = False) -> Finished | None:
    """Record the ending; return what follows, or None where the lease is no longer current and nothing changed.

    `goes_on` lets the one step that follows be taken in the same transaction; `in_chord` leaves a step that joins
    branches to the body of the chord.
    """
    if goes_on and isinstance(ending, Done | Skip):
        follower = straight.follower(lease)
        if follower is not None:
            return straight.end_and_take(lease, ending, follower, now=now)
    if isinstance(ending, Done | Skip) and straight.is_last(lease):
        return _end_run(lease, ending, now)
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


@transaction.atomic
def _end_run(lease: Lease, ending: Done | Skip, now: datetime) -> Finished | None:
    found = straight.end_run(lease, ending, now=now)
    if found is None:
        return None
    state, phase, row = found
    on = moves.scene(lease.run_id, lease.workflow, state, phase, lease.digest, now=now)
    _tell(on, lease, ending)
    if row is not None:
        moves.note_end(on, row, output=ending.output if isinstance(ending, Done) else None)
    moves.finish(on, lease.step_id)
    return Finished()


def _record(lease: Lease, ending: Ending, now: datetime) -> tuple[str, str] | None:
    """Write the ending if the lease is current; return the run's state and phase, None where it is not."""
    values = {
        "run_id": lease.run_id,
        "step_id": lease.step_id,
        "state": str(STATES[type(ending)]),
        "running": str(StepState.RUNNING),
        "attempt": lease.attempt,
        "attempt_after": lease.attempt,
        "lease_owner": lease.owner,
        "since": lease.since,
        "now": now,
        "result": str(endings.result(ending)),
        "counts": True,
    }
    values |= _NOTHING | _columns(lease, ending, now)
    statement = statements.FINISH_ASKING if isinstance(ending, Ask) else statements.FINISH
    rows = prepared.fetch(statement, values)
    return (rows[0][0], rows[0][1]) if rows else None


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
        return Finished(next=_take_on(on, reached[0], StepState.PENDING))
    return Finished(step=lease.step, opened=moves.open_steps(on, reached), joins=not alone)


def _take_on(on: moves.Scene, name: str, state: StepState) -> Lease | None:
    """Take a step in the transaction that made it possible: nobody ever sees it ready."""
    lease = leases.take(on.run_id, name, now=on.now, states=[str(state)])
    return None if lease is None else _begin_next(on, lease)


def _begin_next(on: moves.Scene, lease: Lease) -> Lease:
    on.phase = lease.phase  # taking a step moves its run
    on.news.step("step-started", lease.step, lease.phase, lease.attempt)
    return lease


def _find_answer(on: moves.Scene, lease: Lease, ending: Ask, *, goes_on: bool) -> Finished:
    """Give an answer that came before its question; without one the step, and perhaps the run, waits."""
    found = answers.stored(ending.name)
    if found is not None:
        answers.give(on, StepRow.objects.get(pk=lease.step_id), found)
        if goes_on:
            return Finished(next=_take_on(on, lease.step, StepState.READY))
        return Finished(step=lease.step, opened=(lease.step,))
    event = moves.run_event(moves.states_of(on.run_id))
    if event is not None:
        moves.move_run(on, event, step=lease.step, wait_name=ending.name, until=ending.until.isoformat())
    return Finished()


def begin(lease: Lease, *, now: datetime) -> None:
    """Record that a step was taken by a message: the other half of `leases.take`, in the same transaction."""
    on = moves.scene(lease.run_id, lease.workflow, lease.run_state, lease.run_phase, lease.digest, now=now)
    if on.state is RunState.PENDING:
        on.news.run("run-started")
    on.news.step("step-started", lease.step, lease.phase, lease.attempt)
    moves.finish(on, lease.step_id)
