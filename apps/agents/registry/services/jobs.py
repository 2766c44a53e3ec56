"""What a handler is given besides its input: who asks, until when, the clients, and a voice."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import transaction

from apps.agents.registry.models import Task
from apps.agents.registry.services import news
from apps.agents.registry.states import HELD
from meshsix.durable.definition import Answer
from meshsix.kit import clock
from meshsix.wiring import Clients


class Stopped(Exception):  # noqa: N818 - reads as a word of the domain
    """The attempt should end now: it was cancelled, its time is over, or another attempt took its place."""


@dataclass(frozen=True, kw_only=True)
class Job:
    """One attempt of a task. `answer` is what the handler waited for, None on its first call."""

    task_id: UUID
    attempt: int
    agent_id: str
    capability: str
    project: str
    trace_id: str
    requested_by: str
    deadline: datetime
    clients: Clients
    answer: Answer | None = None

    def progress(self, status: str, details: Mapping[str, object] | None = None) -> None:
        """Publish how far the work is, as a `task.progress`."""
        with transaction.atomic():
            task = Task.objects.get(pk=self.task_id)
            facts = {"attempt": self.attempt, "status": status, "details": dict(details or {})}
            news.of_task(task, "task.progress", facts, agent_id=self.agent_id)

    def checkpoint(self) -> None:
        """Raise Stopped where going on is in vain. Long handlers call it between their parts."""
        if clock.now() >= self.deadline:
            raise Stopped("The deadline is over.")
        row = Task.objects.values_list("attempts", "status", "cancel_requested_at").get(pk=self.task_id)
        if row[0] != self.attempt or row[1] not in HELD:
            raise Stopped("Another attempt has taken the place of this one.")
        if row[2] is not None:
            raise Stopped("The task was cancelled.")


def job_of(task: Task, clients: Clients, answer: Answer | None = None) -> Job:
    """Return the job of the attempt that a task is in."""
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
        answer=answer,
    )
