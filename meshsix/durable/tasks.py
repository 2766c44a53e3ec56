"""The engine's Celery tasks: load, call, done."""

from collections.abc import Mapping
from typing import cast
from uuid import UUID

import structlog
from celery import Task
from celery.app.task import Context
from django.conf import settings
from django.db import connection
from django.db.utils import InterfaceError, OperationalError

from meshsix.celery import app
from meshsix.durable import answers, canvas, nudges, pulse, recovery, stretches
from meshsix.durable.leases import Finished
from meshsix.durable.models import StepRow
from meshsix.durable.states import StepState
from meshsix.kit import clock
from meshsix.sweeps import Sweep

Link = Mapping[str, object]

log = structlog.get_logger()


@app.task(bind=True, name=canvas.RUN_STEP)
def run_step(self: Task[[str, str], None], run_id: str, step: str) -> None:
    """Run a step and what follows it, then hand on."""
    try:
        _run_step(self.request, UUID(run_id), step)
    except (OperationalError, InterfaceError) as error:
        connection.close()
        log.warning("database away", run=run_id, step=step, error=type(error).__name__)


@app.task(name=canvas.GO_ON)
def go_on(run_id: str) -> None:
    """Send what the run can do now: stands where a canvas cannot say it beforehand."""
    nudges.nudge(UUID(run_id))


@app.task(name="durable.recover", base=Sweep, ignore_result=True)
def recover() -> None:
    """Find what was lost, and nudge it."""
    recovery.sweep(clock.now())
    pulse.beat()


@app.task(name="durable.prune", ignore_result=True)
def prune() -> None:
    """Take away answers that nobody waits for any more; beat calls it daily."""
    gone = answers.prune(clock.now() - settings.DURABLE_ANSWERS_KEPT)
    log.info("answers pruned", count=gone)


def _run_step(request: Context, run_id: UUID, step: str) -> None:
    # celery-types calls it a text; it is a list of links of which the last is the next.
    chain = cast("list[Link]", request.chain or [])
    in_chord = request.chord is not None or any(canvas.has_chord(link) for link in chain)
    followed = stretches.run(run_id, step, in_chord=in_chord)
    opened = _ready(run_id, chain) if followed is None else followed.opened
    useful = _useful(chain, opened)
    request.chain = useful  # type: ignore[assignment]  # see above
    if followed is not None:
        _hand_on(run_id, followed, carried=bool(useful) or (in_chord and followed.joins))


def _useful(chain: list[Link], opened: tuple[str, ...]) -> list[Link]:
    """Return the links (the last one is the next) from the first that can do something; a chord's own link stays."""
    for end in range(len(chain), 0, -1):
        link = chain[end - 1]
        if canvas.has_chord(link) or not set(opened).isdisjoint(canvas.steps_in(link)):
            return chain[:end]
    return []


def _hand_on(run_id: UUID, followed: Finished, *, carried: bool) -> None:
    """Send what follows, where the canvas of this message does not carry it."""
    if followed.opened and not carried:
        nudges.nudge(run_id)
    if followed.due_at is not None:
        nudges.nudge_step(run_id, followed.step, pause=followed.due_at - clock.now())


def _ready(run_id: UUID, chain: list[Link]) -> tuple[str, ...]:
    """Return the steps that a stale link may still lead to."""
    if not chain:
        return ()
    ready = StepRow.objects.filter(run_id=run_id, state=StepState.READY)
    return tuple(ready.values_list("name", flat=True))
