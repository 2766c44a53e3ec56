"""The status of an onboarding as people see it, and how it follows from its run and steps. No database, no clock."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

SIGN_IN_STEPS = frozenset({"initiate_claude_oauth", "store_claude_credentials"})
"""The steps that may wait for a person: the second one does so where the provider refused what was handed in."""


class Status(StrEnum):
    """What an onboarding is doing."""

    PENDING = "pending"
    RUNNING = "running"
    WAITING_AUTH = "waiting_auth"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


SENTENCES: dict[Status, str] = {
    Status.PENDING: "Accepted; it starts in a moment.",
    Status.RUNNING: "Under way.",
    Status.WAITING_AUTH: "Waits for a person to sign in.",
    Status.COMPLETED: "Done: agents can work here.",
    Status.FAILED: "Stopped: a person must act, then resume.",
    Status.CANCELLED: "Cancelled by a person.",
}

OVER = frozenset({Status.COMPLETED, Status.CANCELLED})
"""Nobody is awaited any more; one that failed can still be helped."""
FINISHED = frozenset({Status.COMPLETED, Status.FAILED, Status.CANCELLED})

_OF_RUN: dict[str, Status] = {
    "pending": Status.PENDING,
    "running": Status.RUNNING,
    "waiting": Status.RUNNING,
    "completed": Status.COMPLETED,
    "failed": Status.FAILED,
    "cancelled": Status.CANCELLED,
}

_ACTIVE = frozenset({"ready", "running", "retrying", "waiting"})
_OVER = frozenset({"done", "skipped"})


@dataclass(frozen=True, kw_only=True)
class StepView:
    """As much of a step as the status depends on."""

    name: str
    phase: str
    state: str


@dataclass(frozen=True, kw_only=True)
class Summary:
    """An onboarding in one line. `progress` is a fraction from 0 to 1."""

    status: Status
    current_phase: str
    current_activities: tuple[str, ...]
    completed_activities: tuple[str, ...]
    progress: float


def summary(run_state: str, steps: Iterable[StepView]) -> Summary:
    """Return what people see of a run in `run_state` with these steps, in their order."""
    rows = tuple(steps)
    active = tuple(step for step in rows if step.state in _ACTIVE)
    over = tuple(step for step in rows if step.state in _OVER)
    status = _OF_RUN[run_state]
    if status is Status.RUNNING and active and all(_waits_for_sign_in(step) for step in active):
        status = Status.WAITING_AUTH
    ahead = next((step for step in rows if step.state not in _OVER), rows[-1] if rows else None)
    return Summary(
        status=status,
        current_phase=ahead.phase if ahead else "",
        current_activities=tuple(step.name for step in active) if status not in FINISHED else (),
        completed_activities=tuple(step.name for step in over),
        progress=round(len(over) / len(rows), 3) if rows else 0.0,
    )


def _waits_for_sign_in(step: StepView) -> bool:
    return step.name in SIGN_IN_STEPS and step.state == "waiting"
