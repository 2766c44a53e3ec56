"""What a run will do, as a value that can be stored: each step, what it needs, how often and how long it may try.

A plan is compiled from a Workflow when a run is created and read back from the run's snapshot ever after, so a deploy
in mid-run never changes what the run means. Pure: no database, no clock.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cached_property
from typing import Any

from meshsix.durable.definition import Parallel, Step, Workflow
from meshsix.durable.states import ENDED_WELL, StepState
from meshsix.kit.backoff import Backoff


@dataclass(frozen=True, kw_only=True)
class PlannedStep:
    """One step of a plan; `needs` are the steps that must be done or skipped before it may run."""

    name: str
    phase: str
    position: int
    needs: tuple[str, ...]
    backoff: Backoff
    timeout: timedelta


@dataclass(frozen=True, kw_only=True)
class PlannedPhase:
    """A phase's name, and its title for people."""

    name: str
    title: str


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The steps of a run in the order of their positions, and everything that is asked about their order."""

    workflow: str
    queue: str
    phases: tuple[PlannedPhase, ...]
    steps: tuple[PlannedStep, ...]

    @cached_property
    def by_name(self) -> dict[str, PlannedStep]:
        """Return the steps by name."""
        return {step.name: step for step in self.steps}

    @cached_property
    def followers(self) -> dict[str, tuple[str, ...]]:
        """Return for each step the steps that need it, in order."""
        return {step.name: tuple(later.name for later in self.steps if step.name in later.needs) for step in self.steps}

    @cached_property
    def last(self) -> PlannedStep | None:
        """Return the step before which all others have ended, None where several end the plan."""
        step = self.steps[-1]
        return step if len(self.upstream(step.name)) == len(self.steps) - 1 else None

    def upstream(self, name: str) -> frozenset[str]:
        """Return all steps that are certain to have ended before `name` runs."""
        found: set[str] = set()
        open_names = list(self.by_name[name].needs)
        while open_names:
            need = open_names.pop()
            if need not in found:
                found.add(need)
                open_names.extend(self.by_name[need].needs)
        return frozenset(found)

    def dependents(self, name: str) -> frozenset[str]:
        """Return all steps that need `name`, directly or through others."""
        return frozenset(step.name for step in self.steps if name in self.upstream(step.name))

    def reached(self, states: Mapping[str, str], among: Iterable[str] | None = None) -> tuple[str, ...]:
        """Return the pending steps (of `among`, else of all) whose needs have all ended well."""
        return tuple(
            name
            for name in (self.by_name if among is None else among)
            if states[name] == StepState.PENDING
            and all(states[need] in ENDED_WELL for need in self.by_name[name].needs)
        )

    @cached_property
    def snapshot(self) -> dict[str, Any]:
        """Return what a run stores of the plan, as JSON data that nobody changes."""
        return {
            "workflow": self.workflow,
            "queue": self.queue,
            "phases": [{"name": phase.name, "title": phase.title} for phase in self.phases],
            "steps": [
                {
                    "name": step.name,
                    "phase": step.phase,
                    "needs": list(step.needs),
                    "attempts": step.backoff.attempts,
                    "first_pause_seconds": step.backoff.first.total_seconds(),
                    "longest_pause_seconds": step.backoff.most.total_seconds(),
                    "timeout_seconds": step.timeout.total_seconds(),
                }
                for step in self.steps
            ],
        }

    @cached_property
    def text(self) -> str:
        """Return the snapshot as canonical JSON text."""
        return json.dumps(self.snapshot, sort_keys=True, separators=(",", ":"))

    @cached_property
    def digest(self) -> str:
        """Return the SHA-256 of the snapshot: equal plans have equal digests."""
        return hashlib.sha256(self.text.encode()).hexdigest()


def from_json(snapshot: Mapping[str, Any]) -> Plan:
    """Read a stored snapshot back."""
    return Plan(
        workflow=snapshot["workflow"],
        queue=snapshot["queue"],
        phases=tuple(PlannedPhase(name=phase["name"], title=phase["title"]) for phase in snapshot["phases"]),
        steps=tuple(
            PlannedStep(
                name=step["name"],
                phase=step["phase"],
                position=position,
                needs=tuple(step["needs"]),
                backoff=Backoff(
                    attempts=step["attempts"],
                    first=timedelta(seconds=step["first_pause_seconds"]),
                    most=timedelta(seconds=step["longest_pause_seconds"]),
                ),
                timeout=timedelta(seconds=step["timeout_seconds"]),
            )
            for position, step in enumerate(snapshot["steps"])
        ),
    )


def from_workflow(workflow: Workflow) -> Plan:
    """Lay out the steps of a workflow: each needs the end of what stands before it in its own stretch."""
    steps: list[PlannedStep] = []
    ends: tuple[str, ...] = ()
    for phase in workflow.phases:
        ends = _lay(phase.stretch, phase.name, ends, steps)
    return Plan(
        workflow=workflow.name,
        queue=workflow.queue,
        phases=tuple(PlannedPhase(name=phase.name, title=phase.title) for phase in workflow.phases),
        steps=tuple(steps),
    )


def for_run(planned: Plan, *, queue: str, timeouts: Mapping[str, timedelta]) -> Plan:
    """Return the plan with a queue (empty: its own) and with timeouts of steps that hold for one run.

    Raises KeyError for a step that the plan does not have.
    """
    unknown = timeouts.keys() - planned.by_name.keys()
    if unknown:
        raise KeyError(f"{planned.workflow} has no step {', '.join(sorted(unknown))}.")
    steps = tuple(replace(step, timeout=timeouts.get(step.name, step.timeout)) for step in planned.steps)
    return replace(planned, queue=queue or planned.queue, steps=steps)


def _lay(
    stretch: Sequence[Step | Parallel], phase: str, needs: tuple[str, ...], steps: list[PlannedStep]
) -> tuple[str, ...]:
    """Append the steps of a stretch that begins after `needs`; return the steps that end it."""
    for part in stretch:
        if isinstance(part, Parallel):
            needs = tuple(end for branch in part.branches for end in _lay(branch, phase, needs, steps))
        else:
            steps.append(
                PlannedStep(
                    name=part.name,
                    phase=phase,
                    position=len(steps),
                    needs=needs,
                    backoff=part.backoff,
                    timeout=part.timeout,
                )
            )
            needs = (part.name,)
    return needs


def functions(workflow: Workflow) -> dict[str, Step]:
    """Return the steps of a workflow by name. A name that stands twice is checks.py's business."""
    found: dict[str, Step] = {}
    for phase in workflow.phases:
        for step in all_steps(phase.stretch):
            found[step.name] = step
    return found


def all_steps(stretch: Sequence[Step | Parallel]) -> tuple[Step, ...]:
    """Return the steps of a stretch, those of its branches too, in order."""
    found: list[Step] = []
    for part in stretch:
        if isinstance(part, Parallel):
            for branch in part.branches:
                found.extend(all_steps(branch))
        else:
            found.append(part)
    return tuple(found)
