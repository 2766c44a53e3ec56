"""Runs a step and the steps that follow it, until the run is blocked, forks, or the message has lasted long enough."""

import time
from uuid import UUID

import structlog
from django.conf import settings
from django.db import connection, transaction
from django.db.utils import InterfaceError, OperationalError

from meshsix.durable import finish, leases, perform, registry, straight
from meshsix.durable.endings import Done, Ending
from meshsix.durable.leases import Finished, Lease
from meshsix.durable.perform import Outputs
from meshsix.kit import clock

_FIRST_PAUSE_SECONDS = 0.1
_LONGEST_PAUSE_SECONDS = 1.0

log = structlog.get_logger()


def run(run_id: UUID, step: str, *, in_chord: bool) -> Finished | None:
    """Run `step` and what follows; return what is left for others, None where somebody else has the step.

    `in_chord` leaves a step that joins branches to the chord's body.
    """
    lease = _take(run_id, step)
    if lease is None:
        return None
    began = clock.now()
    known: Outputs = {}
    followed: Finished | None = Finished()
    while lease is not None:
        with structlog.contextvars.bound_contextvars(run=str(run_id), step=lease.step, trace_id=run_id.hex):
            ending = perform.perform(lease, known)
            goes_on = clock.now() - began < settings.DURABLE_STRETCH
            followed = _record(lease, ending, goes_on=goes_on, in_chord=in_chord)
        if followed is None:
            return Finished()
        known[lease.step] = ending.output if isinstance(ending, Done) else None
        lease = followed.next
    return followed


def _take(run_id: UUID, step: str) -> Lease | None:
    now = clock.now()
    if not registry.is_observed(step):
        return straight.take(run_id, step, now=now)
    with transaction.atomic():
        lease = leases.take(run_id, step, now=now)
        if lease is not None:
            finish.begin(lease, now=now)
    return lease


def _record(lease: Lease, ending: Ending, *, goes_on: bool, in_chord: bool) -> Finished | None:
    """Record an ending, over again while the database is away and the lease lasts: the step's effect is made."""
    pause = _FIRST_PAUSE_SECONDS
    while True:
        now = clock.now()
        try:
            followed = finish.finish(lease, ending, now=now, goes_on=goes_on, in_chord=in_chord)
        except (OperationalError, InterfaceError) as error:
            connection.close()
            if now >= lease.until:
                log.warning("result lost with the lease", error=type(error).__name__)
                return None
            time.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)
        else:
            _log(lease, ending, followed, (now - lease.since).total_seconds())
            return followed


def _log(lease: Lease, ending: Ending, followed: Finished | None, seconds: float) -> None:
    if followed is None:
        log.warning("result thrown away: the lease was no longer current", attempt=lease.attempt)
    else:
        log.info("step ended", ending=type(ending).__name__.lower(), attempt=lease.attempt, seconds=round(seconds, 3))
