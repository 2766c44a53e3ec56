"""Finds what was lost and nudges it; never runs a step itself. Any number of sweeps may run at once, at any time.

- A worker lost in mid-step is a lease that is over: the attempt ends as lost; the step runs again after its backoff.
- A lost message is a ready or due step whose `nudge_at` is over: the rest of its run is compiled and sent anew.
- An answer that never came is a wait whose deadline is over: the step runs again with an answer that is timed out.

What goes wrong with one step is logged and leaves all others alone: it would come first in every later sweep as well.
"""

import random
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from uuid import UUID

import structlog
from django.conf import settings
from django.db import transaction
from django.db.utils import InterfaceError, OperationalError

from meshsix.durable import answers, endings, finish, leases, moves, nudges, snapshots
from meshsix.durable.models import StepRow
from meshsix.durable.states import CLAIMABLE, OPEN_RUNS, RunState, StepState

_AT_ONCE = 500
_MOST_DOUBLINGS = 5
_LEASING = OPEN_RUNS | {RunState.FAILED}

log = structlog.get_logger()


def sweep(now: datetime) -> None:
    """Do one round: leases, deadlines, nudges."""
    _each(release, _overdue("lease_until", StepState.RUNNING, _LEASING, now), now)
    _each(end_wait, _overdue("wait_until", StepState.WAITING, OPEN_RUNS, now), now)
    _nudge_all(now)


def _each(does: Callable[[int, datetime], None], rows: Iterable[StepRow], now: datetime) -> None:
    for row in rows:
        with _alone(row.run_id, row.name):
            does(row.pk, now)


@contextmanager
def _alone(run_id: UUID, step: str) -> Iterator[None]:
    """Keep an error to one step: an observer or a snapshot may raise anything. A database that is away ends all."""
    try:
        yield
    except (InterfaceError, OperationalError):
        raise
    except Exception:
        log.exception("a step cannot be recovered", run=str(run_id), step=step)


def release(step_id: int, now: datetime) -> None:
    """End an attempt whose lease is over: its worker died, or was cut off and will find its result thrown away."""
    lease = leases.of_row(StepRow.objects.select_related("run", "answer").get(pk=step_id))
    if lease is None or lease.until > now:
        return
    trial = endings.Trial(
        attempt=lease.attempt,
        backoff=snapshots.plan_of(lease.run_id, lease.digest).by_name[lease.step].backoff,
        waited_in_vain=False,
    )
    detail = f"The lease of {lease.owner} ended at {lease.until.isoformat()}."
    ending = endings.retry(endings.LOST, detail, trial, now=now, chance=random.random())
    finished = finish.finish(lease, ending, now=now, goes_on=False)
    if finished is not None:
        if finished.due_at is not None:
            nudges.nudge_step(lease.run_id, lease.step, pause=finished.due_at - now)
        log.warning("lease over", run=str(lease.run_id), step=lease.step, attempt=lease.attempt, owner=lease.owner)


def end_wait(step_id: int, now: datetime) -> None:
    """Give a step whose deadline has passed the answer that says so."""
    name = StepRow.objects.values_list("wait_name", flat=True).get(pk=step_id)
    with transaction.atomic():
        answers.lock(name)
        run_id = StepRow.objects.values_list("run_id", flat=True).get(pk=step_id)
        on = moves.lock(run_id, now=now)
        step = StepRow.objects.get(pk=step_id)
        still = step.state == StepState.WAITING and step.wait_name == name and on.state in OPEN_RUNS
        if not still or step.wait_until is None or step.wait_until > now:
            return
        answers.give(on, step, answers.deadline_passed(step, now))
        moves.finish(on, step.pk)
        nudges.nudge_on_commit(run_id)


def _overdue(column: str, state: StepState, runs: Iterable[RunState], now: datetime) -> list[StepRow]:
    """Return the steps in `state`, of runs in the states `runs`, for which `column` is over, the longest first."""
    rows = StepRow.objects.filter(**{f"{column}__lte": now}, state=state, run__state__in=runs).order_by(column)
    return list(rows.only("run_id", "name")[:_AT_ONCE])


def _nudge_all(now: datetime) -> None:
    """Nudge what should be queued, each step at growing distances, since its message may only be waiting its turn."""
    with transaction.atomic():
        due = list(
            StepRow.objects.select_for_update(skip_locked=True, of=("self",))
            .filter(nudge_at__lte=now, state__in=CLAIMABLE, run__state__in=OPEN_RUNS)
            .order_by("nudge_at")[:_AT_ONCE]
        )
        for doublings in {step.nudges for step in due}:
            StepRow.objects.filter(pk__in=[step.pk for step in due if step.nudges == doublings]).update(
                nudges=min(doublings + 1, _MOST_DOUBLINGS), nudge_at=now + settings.DURABLE_NUDGE_GRACE * 2**doublings
            )
    for run_id, name in {step.run_id: step.name for step in due if step.state == StepState.READY}.items():
        with _alone(run_id, name):
            nudges.nudge(run_id)
    for step in due:
        if step.state == StepState.RETRYING:
            with _alone(step.run_id, step.name):
                nudges.nudge_step(step.run_id, step.name)
    if due:
        log.info("nudged", steps=len(due))
