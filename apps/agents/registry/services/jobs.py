"""What a handler is given besides its input: who asks, until when, the clients, a model, memory, and a voice."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db import transaction

from apps.agents.llm.services import Llm
from apps.agents.llm.words import Work
from apps.agents.memory import context
from apps.agents.memory.context import Context, Parts
from apps.agents.memory.services import Memories
from apps.agents.registry.models import Task
from apps.agents.registry.services import news
from apps.agents.registry.states import HELD, ErrorType
from meshsix.durable.definition import Answer
from meshsix.kit import clock
from meshsix.wiring import Clients


class Stopped(Exception):  # noqa: N818 - reads as a word of the domain
    """The attempt should end now; `reason` is `timeout` where its time is over, else `cancelled`."""

    def __init__(self, message: str, *, reason: ErrorType = ErrorType.CANCELLED) -> None:
        super().__init__(message)
        self.reason = reason


@dataclass(frozen=True, kw_only=True)
class Job:
    """One attempt of a task. `answer` is what the handler waited for, None on its first call.

    What the handler gathers with `memory.remember...` and `with_result` is kept once it has returned.
    """

    task_id: UUID
    attempt: int
    agent_id: str
    capability: str
    project: str
    trace_id: str
    requested_by: str
    deadline: datetime
    clients: Clients
    llm: Llm
    memory: Memories
    answer: Answer | None = None
    writes: list[Callable[[], object]] = field(default_factory=list)

    @property
    def has_gathered(self) -> bool:
        """Return whether something is to be written with the result."""
        return bool(self.writes) or self.memory.has_gathered

    def with_result(self, write: Callable[[], object]) -> None:
        """Let `write` change the database once the handler has returned and its attempt is still the current one.

        It runs in one transaction with what is remembered, before the engine records the result; where the process dies
        in between, another attempt does it again, so it writes under a natural key.
        """
        self.writes.append(write)

    def context(self, parts: Parts) -> Context:
        """Return what a model is given, within CONTEXT_TOKENS. Raises ContextTooLarge."""
        return context.build(parts, most=settings.CONTEXT_TOKENS)

    def progress(self, status: str, details: Mapping[str, object] | None = None) -> None:
        """Publish how far the work is, as a `task.progress`."""
        with transaction.atomic():
            task = Task.objects.get(pk=self.task_id)
            facts = {"attempt": self.attempt, "status": status, "details": dict(details or {})}
            news.of_task(task, "task.progress", facts, agent_id=self.agent_id)

    def checkpoint(self) -> None:
        """Raise Stopped where going on is in vain. Long handlers call it between their parts."""
        if clock.now() >= self.deadline:
            raise Stopped("The deadline is over.", reason=ErrorType.TIMEOUT)
        row = Task.objects.values_list("attempts", "status", "cancel_requested_at").get(pk=self.task_id)
        if row[0] != self.attempt or row[1] not in HELD:
            raise Stopped("Another attempt has taken the place of this one.")
        if row[2] is not None:
            raise Stopped("The task was cancelled.")


def job_of(task: Task, clients: Clients, answer: Answer | None = None) -> Job:
    """Return the job of the attempt that a task is in."""
    work = work_of(task)
    llm = Llm(work, clients)
    return Job(
        task_id=task.task_id,
        attempt=task.attempts,
        agent_id=task.dispatched_to,
        capability=task.capability,
        project=task.project,
        trace_id=task.trace_id,
        requested_by=task.requested_by,
        deadline=task.deadline_at or clock.now(),
        clients=clients,
        llm=llm,
        memory=Memories(work, llm),
        answer=answer,
    )


def work_of(task: Task) -> Work:
    """Return the attempt that a task is in as models and memory know it."""
    return Work(
        agent_id=task.dispatched_to,
        task_id=str(task.task_id),
        attempt=task.attempts,
        project=task.project,
        issue=issue_of(task),
        trace_id=task.trace_id,
        requested_by=task.requested_by,
        deadline=task.deadline_at,
    )


def issue_of(task: Task) -> str:
    """Return the issue `owner/name#number` that the payload names, empty unless it is one of the task's project."""
    named = task.payload.get("issue") if isinstance(task.payload, dict) else None
    if not isinstance(named, str) or not task.project:
        return ""
    project, _, number = named.lower().partition("#")
    return f"{project}#{number}" if project == task.project and number.isdigit() else ""
