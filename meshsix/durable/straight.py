"""The shortest way on, for the most frequent case: a step ended well, one step follows it, and nobody observes the run.

One statement does what finish.py does in several: record the end, fenced; publish both events; take the next step.
Another one takes the step with which a message begins, and publishes that.
"""

import json
from datetime import datetime
from typing import Any, LiteralString
from uuid import UUID

from meshsix import prepared, rows
from meshsix.durable import leases, moves, snapshots, statements
from meshsix.durable.endings import Done, Skip
from meshsix.durable.leases import Finished, Lease
from meshsix.durable.models import Run
from meshsix.durable.plan import PlannedStep
from meshsix.durable.states import RunState, StepState
from meshsix.kit import ids, redact
from meshsix.live import services as live

_RUNNING = str(StepState.RUNNING)
_ENDED: dict[type[object], tuple[str, str]] = {
    Done: (str(StepState.DONE), "step-done"),
    Skip: (str(StepState.SKIPPED), "step-skipped"),
}


def take(run_id: UUID, step: str, *, now: datetime) -> Lease | None:
    """Take a step for a message and tell so; None where it cannot be. For runs without an observer."""
    owner = leases.new_owner()
    told = {
        "trace_id": run_id.hex,
        "aggregate_id": f"run:{run_id}",
        "opened_id": ids.new_id(),
        "begun_id": ids.new_id(),
    }
    found = prepared.fetch(statements.TAKE_AND_TELL, leases.taking(owner, run_id, step, now) | told)
    if not found:
        return None
    lease = leases.of_taken(found[0], owner, now)
    live.tell(f"run:{run_id}", found[0][-1], events=2 if lease.run_state == RunState.PENDING else 1)
    return lease


def follower(lease: Lease) -> PlannedStep | None:
    """Return the step that follows if this way is open: it is the only one, and needs nothing else."""
    planned = snapshots.plan_of(lease.run_id, lease.digest)
    followers = planned.followers[lease.step]
    if len(followers) != 1 or moves.observer_of(lease.workflow) is not None:
        return None
    found = planned.by_name[followers[0]]
    return found if found.needs == (lease.step,) else None


def end_and_take(lease: Lease, ending: Done | Skip, step: PlannedStep, *, now: datetime) -> Finished | None:
    """Record the end and take the step that follows; return None where the lease is no longer current."""
    owner = leases.new_owner()
    found = prepared.fetch(statements.END_AND_TAKE, _values(lease, ending, step, owner, now))
    if not found:
        return None
    number, step_id = found[0]
    live.tell(f"run:{lease.run_id}", number, events=1 if step_id is None else 2)
    taken = None if step_id is None else leases.of_follower(lease, step, step_id, owner, now)
    return Finished(step=lease.step, next=taken)


def is_last(lease: Lease) -> bool:
    """Return whether the run ends with this step."""
    last = snapshots.plan_of(lease.run_id, lease.digest).last
    return last is not None and last.name == lease.step


def end_run(lease: Lease, ending: Done | Skip, *, now: datetime) -> tuple[str, str, Run | None] | None:
    """Record the end of the last step, and of its run; return None where the lease is no longer current.

    Else the run's state and phase as they were, and its row as it now is: None where somebody had ended it before.
    """
    found = prepared.fetch(_END_RUN, _ending(lease, ending, now), binary=True)
    if not found:
        return None
    state, phase, *row = found[0]
    return state, phase, rows.made(Run, row) if row[0] is not None else None


_END_RUN: LiteralString = statements.END_RUN.format(run_columns=rows.columns(Run, of="ended"))


def _ending(lease: Lease, ending: Done | Skip, now: datetime) -> dict[str, Any]:
    """Return the values with which a statement ends a step well."""
    return {
        "run_id": lease.run_id,
        "step_id": lease.step_id,
        "state": _ENDED[type(ending)][0],
        "output": ending.output if isinstance(ending, Done) else None,
        "reason": redact.text(ending.reason) if isinstance(ending, Skip) else "",
        "running": _RUNNING,
        "attempt": lease.attempt,
        "lease_owner": lease.owner,
        "since": lease.since,
        "now": now,
    }


def _values(lease: Lease, ending: Done | Skip, step: PlannedStep, owner: str, now: datetime) -> dict[str, Any]:
    ends = _ending(lease, ending, now)
    facts: dict[str, object] = {"step": lease.step, "phase": lease.phase, "attempt": lease.attempt}
    facts["seconds"] = round((now - lease.since).total_seconds(), 3)
    if ends["reason"]:
        facts["reason"] = ends["reason"]
    told: dict[str, object] = {
        "trace_id": lease.run_id.hex,
        "aggregate_id": f"run:{lease.run_id}",
        "ended_id": ids.new_id(),
        "ended_type": _ENDED[type(ending)][1],
        "ended": json.dumps(facts),
        "started_id": ids.new_id(),
        "started": json.dumps({"step": step.name, "phase": step.phase, "attempt": 1}),
    }
    return ends | leases.claim(owner, step.name, now) | told
