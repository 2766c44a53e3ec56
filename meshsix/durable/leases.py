"""Taking a step: one compare-and-set that wins or loses. Losing is normal and means that somebody else has it."""

import json
import os
import secrets
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection

from meshsix.durable.definition import Answer
from meshsix.durable.models import StepRow
from meshsix.durable.states import OPEN_RUNS, STEP_TRANSITIONS, StepEvent, StepState, sources

# The run's row is locked before its steps', here as everywhere, so that no two transactions wait for each other.
_TAKE = """
WITH run AS (
    SELECT id, workflow, state, phase, ask, definition_hash FROM durable_runs
    WHERE id = %(run_id)s AND state = ANY(%(open_runs)s) FOR NO KEY UPDATE
), step AS (
    UPDATE durable_steps AS step
    SET state = %(running)s, attempt = step.attempt + 1, lease_owner = %(owner)s,
        lease_until = %(now)s + step.timeout + %(margin)s, started_at = COALESCE(step.started_at, %(now)s),
        attempt_started_at = %(now)s, due_at = NULL, nudge_at = NULL, nudges = 0
    FROM run
    WHERE step.run_id = run.id AND step.name = %(name)s AND step.state = ANY(%(sources)s)
      AND (step.due_at IS NULL OR step.due_at <= %(now)s)
    RETURNING step.id, step.name, step.phase, step.attempt, step.started_at, step.lease_until, step.answer_id
)
SELECT step.id, step.name, step.phase, step.attempt, step.started_at, step.lease_until, answer.id, answer.name,
       answer.payload, answer.timed_out, run.id, run.workflow, run.state, run.phase, run.ask, run.definition_hash
FROM step CROSS JOIN run LEFT JOIN durable_answers AS answer ON answer.id = step.answer_id
"""


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


def new_owner() -> str:
    """Return a name for one claim: the host and process for people, and a random part that makes it unique."""
    return f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(8)}"


def take(run_id: UUID, step: str, *, now: datetime, pending: bool = False) -> Lease | None:
    """Take the step if it may run now, else return None. Runs in the caller's transaction.

    `pending` takes a step that was pending until this very transaction, whose needs the caller has seen to end.
    """
    states: Sequence[StepState] = [StepState.PENDING] if pending else sources(STEP_TRANSITIONS, StepEvent.CLAIMED)
    owner = new_owner()
    values: dict[str, Any] = {
        "run_id": run_id,
        "open_runs": sorted(OPEN_RUNS),
        "running": StepState.RUNNING,
        "owner": owner,
        "now": now,
        "margin": settings.DURABLE_LEASE_MARGIN,
        "name": step,
        "sources": [str(state) for state in states],
    }
    with connection.cursor() as cursor:
        cursor.execute(_TAKE, values)
        row = cursor.fetchone()
    return None if row is None else _lease(row, owner, now)


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


def _lease(row: Sequence[Any], owner: str, now: datetime) -> Lease:
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
