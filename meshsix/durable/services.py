"""What others may do with runs. Each function is one transaction; messages are sent after it is committed."""

from enum import StrEnum
from typing import Any
from uuid import UUID

from meshsix.durable.definition import Workflow
from meshsix.durable.models import Run
from meshsix.kit.actor import Actor


class AlreadyRunning(Exception):  # noqa: N818 - reads as a word of the domain
    """The key has an unfinished run, `run_id`."""

    def __init__(self, run_id: UUID) -> None:
        super().__init__(f"Run {run_id} is not finished yet.")
        self.run_id = run_id


class AnswerOutcome(StrEnum):
    """What became of an answer."""

    GIVEN = "given"
    """A step waited for it and runs again with it."""
    STORED = "stored"
    """Nobody waits for it yet; the step that asks for it will find it."""
    DUPLICATE = "duplicate"
    """It had been delivered before; nothing changed."""
    LATE = "late"
    """Its question is settled: answered, timed out or cancelled. Nothing changed."""


def start(workflow: Workflow, *, key: str, ask: object, actor: Actor, run_id: UUID | None = None) -> Run:
    """Store a new run with all its steps and nudge the first one. Raises AlreadyRunning.

    `ask` is an instance of `workflow.ask`. A finished run of the same key does not stand in the way.
    """
    raise NotImplementedError


def answer(*, name: str, answer_id: str, payload: dict[str, Any], actor: Actor | None = None) -> AnswerOutcome:
    """Give the answer called `name` to the step that waits for it, or keep it for the step that will.

    `answer_id` makes it once-only: a second delivery changes nothing. `payload` holds references and facts.
    """
    raise NotImplementedError


def cancel(run_id: UUID, actor: Actor) -> Run:
    """End the run now; what a running step still returns is thrown away. Raises Run.DoesNotExist, WrongState."""
    raise NotImplementedError


def resume(run_id: UUID, actor: Actor) -> Run:
    """Let the failed steps of a failed run go again with all their attempts.

    Raises Run.DoesNotExist, WrongState, or AlreadyRunning where the key has a newer unfinished run.
    """
    raise NotImplementedError


def rerun(run_id: UUID, step: str, actor: Actor) -> Run:
    """Let `step` and all that depends on it run again; what else failed goes again too.

    Raises Run.DoesNotExist, StepRow.DoesNotExist, WrongState, AlreadyRunning.
    """
    raise NotImplementedError


def wake(run_id: UUID, step: str) -> bool:
    """Let a retrying step run now instead of at its `due_at`; return whether it was waiting for that."""
    raise NotImplementedError
