"""What others may read of runs."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from django.db.models import Prefetch

from meshsix.durable import plan
from meshsix.durable.models import Attempt, Run, StepRow
from meshsix.durable.states import ENDED_WELL, RunState, StepState

_OVER = frozenset({RunState.COMPLETED, RunState.CANCELLED})


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
    run = Run.objects.prefetch_related(
        Prefetch("steps", StepRow.objects.select_related("answer").order_by("position")), "steps__attempts"
    ).get(pk=run_id)
    planned = plan.from_json(run.definition)
    details = [StepDetail(row=row, attempts=tuple(row.attempts.all())) for row in run.steps.all()]
    ended = sum(detail.row.state in ENDED_WELL for detail in details)
    return RunDetail(
        run=run,
        phases=tuple(
            PhaseDetail(
                name=phase.name,
                title=phase.title,
                steps=tuple(detail for detail in details if detail.row.phase == phase.name),
            )
            for phase in planned.phases
        ),
        progress=ended / len(details) if details else 0.0,
    )


def why(run_id: UUID) -> tuple[Wait, ...]:
    """Return what the run waits for now, in the order of its steps; empty once it has completed or was cancelled.

    Raises Run.DoesNotExist.
    """
    run = Run.objects.defer("definition").get(pk=run_id)
    if run.state in _OVER:
        return ()
    rows = list(run.steps.exclude(state__in=[StepState.PENDING, *ENDED_WELL]).order_by("position"))
    if run.state == RunState.FAILED:
        rows = [row for row in rows if row.state == StepState.FAILED]
    return tuple(_wait(row) for row in rows)


def _wait(row: StepRow) -> Wait:
    match StepState(row.state):
        case StepState.WAITING:
            what = row.wait_asked.get("what") or row.wait_name
            who = row.wait_asked.get("who") or "whoever is asked"
            return Wait(
                step=row.name, kind=WaitKind.ANSWER, what=what, since=row.wait_since, until=row.wait_until, who=who
            )
        case StepState.RETRYING:
            return Wait(
                step=row.name,
                kind=WaitKind.TIME,
                what=row.error_detail or "its next attempt",
                since=row.attempt_started_at,
                until=row.due_at,
                who="nobody needs to",
                code=row.error_code,
                hint=row.error_hint,
            )
        case StepState.RUNNING:
            return Wait(
                step=row.name,
                kind=WaitKind.WORK,
                what=f"attempt {row.attempt} of {row.max_attempts}",
                since=row.attempt_started_at,
                until=row.lease_until,
                who=row.lease_owner,
            )
        case StepState.FAILED:
            return Wait(
                step=row.name,
                kind=WaitKind.PERSON,
                what=row.error_detail or row.error_hint,
                since=row.finished_at,
                until=None,
                who="an operator",
                code=row.error_code,
                hint=row.error_hint,
            )
        case _:
            return Wait(
                step=row.name, kind=WaitKind.WORKER, what="a free worker", since=None, until=None, who="a worker"
            )
