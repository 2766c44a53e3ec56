"""Calling one step: input in, ending out. The engine's one boundary, where every error becomes an ending."""

import random
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from types import FrameType

import structlog
from django.db import connection
from django.db.utils import InterfaceError, OperationalError

from meshsix.durable import coding, endings, registry, snapshots, threads
from meshsix.durable.definition import Step, StepFacts
from meshsix.durable.endings import Done, Ending, TimedOut, Trial
from meshsix.durable.leases import Lease
from meshsix.kit import clock
from meshsix.wiring import clients

log = structlog.get_logger()

Outputs = dict[str, str | None]


def perform(lease: Lease, known: Outputs) -> Ending:
    """Run the step and return how it ended. `known` has outputs of earlier steps that this process has at hand."""
    planned = snapshots.plan_of(lease.run_id, lease.digest).by_name[lease.step]
    trial = Trial(
        attempt=lease.attempt,
        backoff=planned.backoff,
        waited_in_vain=lease.answer is not None and lease.answer.timed_out,
    )
    try:
        return _call(lease, known, lease.since + planned.timeout)
    except Exception as error:
        ending = endings.from_error(error, trial, now=clock.now(), chance=random.random())
        if getattr(ending, "code", "") in {endings.UNEXPECTED, endings.TIMED_OUT}:
            log.exception("step raised", attempt=lease.attempt)
            _drop_broken_connection(error)
        return ending


def _call(lease: Lease, known: Outputs, deadline: datetime) -> Ending:
    workflow, step = registry.step(lease.workflow, lease.step)
    wanted = coding.outputs_wanted(step, workflow.ask)
    given = coding.Given(
        ask=lease.ask,
        outputs=known if known.keys() >= set(wanted) else _outputs(lease, wanted, known),
        answer=lease.answer,
        this=StepFacts(
            run_id=lease.run_id,
            step=lease.step,
            attempt=lease.attempt,
            first_started_at=lease.first_started_at,
            deadline=deadline,
        ),
    )
    value = coding.make_input(step, workflow.ask, given)
    with _bounded(lease, step, deadline):
        output = step.does(value, clients())
    return Done(output=coding.encode(coding.signature(step.does, workflow.ask).gives, output))


def _outputs(lease: Lease, wanted: list[str], known: Outputs) -> Outputs:
    """Return the stored outputs of the steps `wanted`, and keep them in `known`."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT name, output FROM durable_steps WHERE run_id = %s AND name = ANY(%s)", [lease.run_id, wanted]
        )
        known.update(cursor.fetchall())
    return known


@contextmanager
def _bounded(lease: Lease, step: Step, deadline: datetime) -> Iterator[None]:
    """Raise TimedOut in the step when its time is over.

    Only a main thread can be interrupted; elsewhere the lease alone bounds the step, its late result is fenced off, and
    it is known to threads.py.
    """
    if threading.current_thread() is not threading.main_thread():
        with threads.noted(run_id=lease.run_id, step=lease.step, until=deadline):
            yield
        return
    timeout = deadline - lease.since

    def stop(_signal: int, _frame: FrameType | None) -> None:
        raise TimedOut(f"{step.name} took longer than {timeout.total_seconds():g} s.")

    handler = signal.signal(signal.SIGALRM, stop)
    timer = signal.setitimer(signal.ITIMER_REAL, max((deadline - clock.now()).total_seconds(), 0.001))
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, handler)
        signal.setitimer(signal.ITIMER_REAL, *timer)


def _drop_broken_connection(error: Exception) -> None:
    """Let go of a database connection that a step left in an unknown state: the next query makes a new one."""
    if isinstance(error, TimedOut | OperationalError | InterfaceError):
        connection.close()
