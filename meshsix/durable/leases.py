"""Taking a step: one compare-and-set that wins or loses. Losing is normal and means that somebody else has it."""

import json
import os
import secrets
import socket
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings

from meshsix import prepared
from meshsix.durable import statements
from meshsix.durable.definition import Answer
from meshsix.durable.models import StepRow
from meshsix.durable.plan import PlannedStep
from meshsix.durable.states import STEP_TRANSITIONS, RunState, StepEvent, StepState, sources

_CLAIMABLE = tuple(str(state) for state in sources(STEP_TRANSITIONS, StepEvent.CLAIMED))


@dataclass(frozen=True, kw_only=True)
class Lease:
    """A step that this process may run until `until`. `owner` and `attempt` fence its finish.

    `ask` is the run's input as JSON text; `run_state` and `run_phase` are the run's as they were before.
    """

    run_id: UUID
    workflow: str
    digest: str
    run_state: str
    run_phase: str
    ask: str
    step_id: int
    step: str
    phase: str
    attempt: int
    owner: str
    since: datetime
    until: datetime
    first_started_at: datetime
    answer: Answer | None


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


def new_owner() -> str:
    """Return a name for one claim: the host and process for people, and a random part that makes it unique."""
    return f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(8)}"


def claim(owner: str, step: str, now: datetime) -> dict[str, Any]:
    """Return the values with which a statement takes a step."""
    return {
        "owner": owner,
        "now": now,
        "margin": settings.DURABLE_LEASE_MARGIN,
        "name": step,
    }


def take(run_id: UUID, step: str, *, now: datetime, states: Sequence[str] = _CLAIMABLE) -> Lease | None:
    """Take the step if it is in one of these states and its time has come, else return None.

    Runs in the caller's transaction. Steps that are still pending are taken only by who has seen their needs end.
    """
    owner = new_owner()
    values = claim(owner, step, now) | {"run_id": run_id, "sources": list(states)}
    rows = prepared.fetch(statements.TAKE, values)
    return of_taken(rows[0], owner, now) if rows else None


def taking(owner: str, run_id: UUID, step: str, now: datetime) -> dict[str, Any]:
    """Return the values with which a message's statement takes a step."""
    return claim(owner, step, now) | {"run_id": run_id, "sources": list(_CLAIMABLE)}


def of_follower(before: Lease, step: PlannedStep, step_id: int, owner: str, now: datetime) -> Lease:
    """Return the lease of a step that was pending until it was taken when the one `before` it was finished."""
    return replace(
        before,
        run_state=str(RunState.RUNNING),
        run_phase=step.phase,
        step_id=step_id,
        step=step.name,
        phase=step.phase,
        attempt=1,
        owner=owner,
        since=now,
        until=now + step.timeout + settings.DURABLE_LEASE_MARGIN,
        first_started_at=now,
        answer=None,
    )


def of_row(step: StepRow) -> Lease | None:
    """Return the lease that a running step's row shows, None for a step that is not running. Its run is fetched too."""
    if step.state != StepState.RUNNING or step.lease_until is None or step.attempt_started_at is None:
        return None
    run = step.run
    return Lease(
        run_id=run.pk,
        workflow=run.workflow,
        digest=run.definition_hash,
        run_state=run.state,
        run_phase=run.phase,
        ask=json.dumps(run.ask),
        step_id=step.pk,
        step=step.name,
        phase=step.phase,
        attempt=step.attempt,
        owner=step.lease_owner,
        since=step.attempt_started_at,
        until=step.lease_until,
        first_started_at=step.started_at or step.attempt_started_at,
        answer=None,
    )


def of_taken(row: Sequence[Any], owner: str, now: datetime) -> Lease:
    """Return the lease that a statement which takes a step gave back."""
    return Lease(
        step_id=row[0],
        step=row[1],
        phase=row[2],
        attempt=row[3],
        first_started_at=row[4],
        until=row[5],
        answer=None if row[6] is None else Answer(id=row[6], name=row[7], payload=json.loads(row[8]), timed_out=row[9]),
        run_id=row[10],
        workflow=row[11],
        run_state=row[12],
        run_phase=row[13],
        ask=row[14],
        digest=row[15],
        owner=owner,
        since=now,
    )
