"""What others may read of runs."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from meshsix.durable.models import Attempt, Run, StepRow


class WaitKind(StrEnum):
    """For what a step waits."""

    ANSWER = "answer"
    """For an answer from outside."""
    TIME = "time"
    """For its next attempt, at a known time."""
    WORKER = "worker"
    """For a free worker."""
    WORK = "work"
    """A worker is at it."""
    PERSON = "person"
    """It failed: somebody must mend the cause and resume."""


@dataclass(frozen=True, kw_only=True)
class Wait:
    """Why a run does not go on faster: one of these for each step that could be next.

    `what` says for what it waits, `who` can act; `until` is None where nothing bounds it.
    """

    step: str
    kind: WaitKind
    what: str
    since: datetime | None
    until: datetime | None
    who: str
    code: str = ""
    hint: str = ""


@dataclass(frozen=True, kw_only=True)
class StepDetail:
    """A step with its attempts, the oldest first."""

    row: StepRow
    attempts: tuple[Attempt, ...]


@dataclass(frozen=True, kw_only=True)
class PhaseDetail:
    """A phase with its steps, in order."""

    name: str
    title: str
    steps: tuple[StepDetail, ...]


@dataclass(frozen=True, kw_only=True)
class RunDetail:
    """A run with its phases; `progress` is the fraction of steps that ended well, from 0 to 1."""

    run: Run
    phases: tuple[PhaseDetail, ...]
    progress: float


def run_detail(run_id: UUID) -> RunDetail:
    """Return the run with all steps and attempts, in three queries. Raises Run.DoesNotExist."""
    raise NotImplementedError


def why(run_id: UUID) -> tuple[Wait, ...]:
    """Return what the run waits for now, in the order of its steps; empty once it has completed or was cancelled.

    Raises Run.DoesNotExist.
    """
    raise NotImplementedError


def unfinished_run(key: str) -> Run | None:
    """Return the unfinished run of this key."""
    raise NotImplementedError


def latest_run(key: str) -> Run | None:
    """Return the newest run of this key, finished or not."""
    raise NotImplementedError
