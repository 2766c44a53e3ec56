"""The small writes that finishing, answering, cancelling and resuming share. All run in the caller's transaction.

The caller holds the lock of the run's row: `lock` takes it, and so do the statements of leases.py and finish.py.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import cast
from uuid import UUID

from django.conf import settings
from django.utils.module_loading import import_string

from meshsix import prepared, rows
from meshsix.durable import registry, snapshots, statements
from meshsix.durable.models import Run, StepRow
from meshsix.durable.news import News
from meshsix.durable.plan import Plan
from meshsix.durable.states import (
    ENDED_WELL,
    RUN_TRANSITIONS,
    STEP_TRANSITIONS,
    RunEvent,
    RunState,
    StepEvent,
    StepState,
    after,
    sources,
)
from meshsix.kit.actor import Actor
from meshsix.live.services import NewEvent

_BUSY = frozenset({StepState.READY, StepState.RUNNING, StepState.RETRYING})
_ENDS = frozenset({RunState.COMPLETED, RunState.FAILED, RunState.CANCELLED})
_TOLD_AS = {
    RunEvent.BLOCKED: "run-waiting",
    RunEvent.COMPLETED: "run-completed",
    RunEvent.FAILED: "run-failed",
    RunEvent.CANCELLED: "run-cancelled",
    RunEvent.RESUMED: "run-resumed",
    RunEvent.RESET: "run-resumed",
}

Observer = Callable[[Run, StepRow | None], None]
Ended = Callable[[Run, str | None], Iterable[NewEvent]]


@dataclass(kw_only=True)
class Scene:
    """The run that a transaction is about. `state` and `phase` follow the writes; `ends` says that it ended here.

    `row` is what its last change of state left, None before one; `output` (JSON) is what its last step gave, where that
    alone ended it well.
    """

    run_id: UUID
    workflow: str
    state: RunState
    phase: str
    plan: Plan
    now: datetime
    news: News
    ends: bool = False
    row: Run | None = None
    output: str | None = None


def lock(run_id: UUID, *, now: datetime, actor: Actor | None = None) -> Scene:
    """Lock the run's row until the end of the transaction. Raises Run.DoesNotExist."""
    run = (
        Run.objects.select_for_update(no_key=True)
        .values_list("workflow", "state", "phase", "definition_hash")
        .get(pk=run_id)
    )
    return scene(run_id, *run, now=now, actor=actor)


def scene(
    run_id: UUID, workflow: str, state: str, phase: str, digest: str, *, now: datetime, actor: Actor | None = None
) -> Scene:
    """Return the scene of a run whose row is locked already."""
    return Scene(
        run_id=run_id,
        workflow=workflow,
        state=RunState(state),
        phase=phase,
        plan=snapshots.plan_of(run_id, digest),
        now=now,
        news=News(run_id=run_id, workflow=workflow, actor=actor),
    )


def states_of(run_id: UUID) -> dict[str, str]:
    """Return the state of each step by name."""
    return dict(prepared.fetch(statements.STATES, {"run_id": run_id}))


def run_event(states: Mapping[str, str]) -> RunEvent | None:
    """Return what the states of its steps mean for a run that is under way, None where it simply goes on."""
    present = set(states.values())
    if present <= ENDED_WELL:
        return RunEvent.COMPLETED
    if not present & _BUSY and StepState.WAITING in present:
        return RunEvent.BLOCKED
    return None


def move_run(on: Scene, event: RunEvent, **facts: object) -> None:
    """Change the run's state by its table, with the times and the event that belong to it. Raises WrongState."""
    on.state = after(RUN_TRANSITIONS, on.state, event)
    on.ends = on.state in _ENDS
    values = {"state": on.state, "error_code": facts.get("code", ""), "error_hint": facts.get("hint", "")}
    if on.ends:
        on.row = rows.update(Run, on.run_id, **values, finished_at=on.now)
    else:
        rows.write(rows.setting(Run, on.run_id, {}, **values, finished_at=None))
    if event in _TOLD_AS:
        on.news.run(_TOLD_AS[event], **facts)


def note_end(on: Scene, row: Run, *, output: str | None) -> None:
    """Note that a run has ended well, by the statement that recorded the end of its last step."""
    on.state, on.ends, on.row, on.output = RunState.COMPLETED, True, row, output
    on.news.run(_TOLD_AS[RunEvent.COMPLETED])


def set_phase(on: Scene, phase: str) -> None:
    """Note in which phase the run now is."""
    if on.phase != phase:
        on.phase = phase
        rows.write(rows.setting(Run, on.run_id, {}, phase=phase))


def open_steps(on: Scene, names: Iterable[str]) -> tuple[str, ...]:
    """Make pending steps ready; return those that were."""
    opened: list[str] = []
    for name in names:
        step = on.plan.by_name[name]
        if make_ready(on, name, StepEvent.REACHED):
            opened.append(name)
            set_phase(on, step.phase)
    return tuple(opened)


def make_ready(on: Scene, name: str, event: StepEvent, **values: object) -> bool:
    """Make a step that paused, waited or failed ready; return whether it was in a state that allows `event`."""
    planned = on.plan.by_name[name]
    values = {"nudge_at": on.now + settings.DURABLE_NUDGE_GRACE, "due_at": None} | values
    changed = set_step(on, name, event, **values)
    if changed and event is not StepEvent.ANSWERED:
        on.news.step("step-ready", name, planned.phase, 0)
    return changed


def set_step(on: Scene, name: str, event: StepEvent, **values: object) -> bool:
    """Change a step's state if the table allows it from where it is; return whether it did."""
    allowed = sources(STEP_TRANSITIONS, event)
    target = after(STEP_TRANSITIONS, allowed[0], event)
    changed = StepRow.objects.filter(run_id=on.run_id, name=name, state__in=allowed).update(state=target, **values)
    return changed > 0


def finish(on: Scene, step_id: int | None) -> None:
    """Call the workflow's observer, tell of an end, and write the events: the last things of each transaction."""
    observe(on.workflow, on.run_id, step_id)
    ended = _ended_of(on.workflow) if on.ends else None
    if ended is not None and on.row is not None:
        on.news.events[:0] = ended(on.row, on.output)
    on.news.publish()


def observe(workflow: str, run_id: UUID, step_id: int | None) -> None:
    """Call the observer of a workflow that has one with the run and the step as they now are."""
    observer = observer_of(workflow)
    if observer is not None:
        step = None if step_id is None else StepRow.objects.get(pk=step_id)
        observer(Run.objects.get(pk=run_id), step)


def observer_of(workflow: str) -> Observer | None:
    """Return the observer of a workflow; one that is no longer deployed has none."""
    try:
        path = registry.workflow(workflow).observer
    except registry.UnknownStep:
        return None
    return cast("Observer", _load(path)) if path else None


def _ended_of(workflow: str) -> Ended | None:
    """Return whom a workflow tells of the ends of its runs; one that is no longer deployed tells nobody."""
    try:
        path = registry.workflow(workflow).ended
    except registry.UnknownStep:
        return None
    return cast("Ended", _load(path)) if path else None


@cache
def _load(path: str) -> object:
    return cast("object", import_string(path))
