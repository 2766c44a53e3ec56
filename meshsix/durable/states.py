"""The life of a run and of its steps, as plain values. No database, no clock."""

from enum import StrEnum
from typing import TypeVar


class RunState(StrEnum):
    """Where a run stands."""

    PENDING = "pending"
    """Accepted and stored; no step has begun."""
    RUNNING = "running"
    """At least one step is under way, queued, or to be tried again."""
    WAITING = "waiting"
    """Nothing can go on until an answer arrives or its deadline passes; the run holds no worker and no message."""
    COMPLETED = "completed"
    """Every step is done or skipped."""
    FAILED = "failed"
    """A step ended for good; a person can resume the run from there."""
    CANCELLED = "cancelled"
    """A person ended the run; results that arrive later are thrown away."""


class RunEvent(StrEnum):
    """What happens to a run."""

    STARTED = "started"
    """The first step was claimed."""
    BLOCKED = "blocked"
    """The last step that could go on began to wait for an answer."""
    UNBLOCKED = "unblocked"
    """An answer arrived, or its deadline passed."""
    COMPLETED = "completed"
    """The last step ended well."""
    FAILED = "failed"
    """A step ended for good."""
    RESUMED = "resumed"
    """A person lets the failed steps run again."""
    RESET = "reset"
    """A person lets a step and all that depends on it run again."""
    CANCELLED = "cancelled"
    """A person ends the run."""


class StepState(StrEnum):
    """Where a step stands."""

    PENDING = "pending"
    """It waits for the steps that it needs."""
    READY = "ready"
    """It may run now; a worker will claim it."""
    RUNNING = "running"
    """A worker holds its lease."""
    RETRYING = "retrying"
    """It runs again when its `due_at` has come."""
    WAITING = "waiting"
    """It waits for an answer; nothing is held meanwhile."""
    DONE = "done"
    """Its output is stored."""
    SKIPPED = "skipped"
    """It had nothing to do in this run, for a stated reason."""
    FAILED = "failed"
    """It ended for good with a code and a hint."""
    CANCELLED = "cancelled"
    """Its run was cancelled before it ended."""


class StepEvent(StrEnum):
    """What happens to a step."""

    REACHED = "reached"
    """All that it needs is done or skipped."""
    CLAIMED = "claimed"
    """A worker took its lease."""
    DONE = "done"
    """It returned its output."""
    SKIPPED = "skipped"
    """It said that it has nothing to do."""
    PAUSED = "paused"
    """It may work later, or its worker was lost, and attempts are left."""
    ASKED = "asked"
    """It waits for an answer from outside."""
    FAILED = "failed"
    """It ended for good, or its attempts are used up."""
    ANSWERED = "answered"
    """Its answer arrived, or the deadline did."""
    WOKEN = "woken"
    """Somebody knows that it need not wait for its `due_at`."""
    RESUMED = "resumed"
    """A person lets it run again after it failed."""
    RESET = "reset"
    """A person lets it, or a step that it needs, run again."""
    CANCELLED = "cancelled"
    """Its run was cancelled."""


OPEN_RUNS = frozenset({RunState.PENDING, RunState.RUNNING, RunState.WAITING})
ENDED_WELL = frozenset({StepState.DONE, StepState.SKIPPED})
CLAIMABLE = frozenset({StepState.READY, StepState.RETRYING})

RUN_TRANSITIONS: dict[tuple[RunState, RunEvent], RunState] = {
    (RunState.PENDING, RunEvent.STARTED): RunState.RUNNING,
    (RunState.PENDING, RunEvent.CANCELLED): RunState.CANCELLED,
    (RunState.RUNNING, RunEvent.BLOCKED): RunState.WAITING,
    (RunState.RUNNING, RunEvent.COMPLETED): RunState.COMPLETED,
    (RunState.RUNNING, RunEvent.FAILED): RunState.FAILED,
    (RunState.RUNNING, RunEvent.RESET): RunState.RUNNING,
    (RunState.RUNNING, RunEvent.CANCELLED): RunState.CANCELLED,
    (RunState.WAITING, RunEvent.UNBLOCKED): RunState.RUNNING,
    (RunState.WAITING, RunEvent.RESET): RunState.RUNNING,
    (RunState.WAITING, RunEvent.CANCELLED): RunState.CANCELLED,
    (RunState.FAILED, RunEvent.RESUMED): RunState.RUNNING,
    (RunState.FAILED, RunEvent.RESET): RunState.RUNNING,
    (RunState.COMPLETED, RunEvent.RESET): RunState.RUNNING,
}

STEP_TRANSITIONS: dict[tuple[StepState, StepEvent], StepState] = {
    (StepState.PENDING, StepEvent.REACHED): StepState.READY,
    (StepState.PENDING, StepEvent.CANCELLED): StepState.CANCELLED,
    (StepState.READY, StepEvent.CLAIMED): StepState.RUNNING,
    (StepState.READY, StepEvent.RESET): StepState.PENDING,
    (StepState.READY, StepEvent.CANCELLED): StepState.CANCELLED,
    (StepState.RUNNING, StepEvent.DONE): StepState.DONE,
    (StepState.RUNNING, StepEvent.SKIPPED): StepState.SKIPPED,
    (StepState.RUNNING, StepEvent.PAUSED): StepState.RETRYING,
    (StepState.RUNNING, StepEvent.ASKED): StepState.WAITING,
    (StepState.RUNNING, StepEvent.FAILED): StepState.FAILED,
    (StepState.RUNNING, StepEvent.RESET): StepState.PENDING,
    (StepState.RUNNING, StepEvent.CANCELLED): StepState.CANCELLED,
    (StepState.RETRYING, StepEvent.CLAIMED): StepState.RUNNING,
    (StepState.RETRYING, StepEvent.WOKEN): StepState.READY,
    (StepState.RETRYING, StepEvent.RESET): StepState.PENDING,
    (StepState.RETRYING, StepEvent.CANCELLED): StepState.CANCELLED,
    (StepState.WAITING, StepEvent.ANSWERED): StepState.READY,
    (StepState.WAITING, StepEvent.RESET): StepState.PENDING,
    (StepState.WAITING, StepEvent.CANCELLED): StepState.CANCELLED,
    (StepState.DONE, StepEvent.RESET): StepState.PENDING,
    (StepState.SKIPPED, StepEvent.RESET): StepState.PENDING,
    (StepState.FAILED, StepEvent.RESUMED): StepState.READY,
    (StepState.FAILED, StepEvent.RESET): StepState.PENDING,
}

State = TypeVar("State", RunState, StepState)
Event = TypeVar("Event", RunEvent, StepEvent)


class WrongState(Exception):  # noqa: N818 - reads as a word of the domain
    """The event cannot happen in this state; both are named."""

    def __init__(self, state: RunState | StepState, event: RunEvent | StepEvent) -> None:
        kind = "run" if isinstance(state, RunState) else "step"
        super().__init__(f"A {kind} that is {state} cannot be {event}.")
        self.state = state
        self.event = event


def after(table: dict[tuple[State, Event], State], state: State, event: Event) -> State:
    """Return the state after `event`. Raises WrongState where the table has no such line."""
    try:
        return table[state, event]
    except KeyError:
        raise WrongState(state, event) from None


def sources(table: dict[tuple[State, Event], State], event: Event) -> list[State]:
    """Return the states in which `event` can happen, for a compare-and-set."""
    return [state for state, happens in table if happens is event]
