"""Reads for agents outside: what they may take, and what they have told."""

from collections.abc import Collection
from uuid import UUID

from django.db.models import Exists, QuerySet

from apps.agents.registry.models import Dispatch, History, Instance, Task
from apps.agents.registry.states import TaskState


def leasable(
    agent_id: str, instance_id: str, *, capabilities: Collection[str], projects: Collection[str] | None
) -> QuerySet[Task]:
    """Return the tasks that were given to an agent and that this instance may begin, the first given first.

    None for an instance that has left: a request of it may still wait.
    """
    joined = Instance.objects.filter(agent_id=agent_id, instance_id=instance_id, stopped_at=None)
    rows = Task.objects.filter(
        Exists(joined),
        dispatched_to=agent_id,
        status=TaskState.DISPATCHED,
        instance_id__in=["", instance_id],
        capability__in=capabilities,
    )
    if projects is not None:
        rows = rows.filter(project__in=projects)
    return rows.order_by("dispatched_at", "task_id")


def was_given(task_id: UUID, attempt: int, agent_id: str) -> bool:
    """Return whether this attempt of a task was given to this agent."""
    return Dispatch.objects.filter(task_id=task_id, attempt=attempt, chosen_agent=agent_id).exists()


def told(task_id: UUID, attempt: int, digest: str) -> History | None:
    """Return the attempt if it ended by the report with this SHA-256, else None."""
    return History.objects.filter(task_id=task_id, attempt=attempt, context__told=digest).first()
