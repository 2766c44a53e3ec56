"""What an agent would do, shown before a person says yes: the same task, changed so that it does no harm."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from apps.agents.registry.models import Task
from apps.agents.registry.queries import agents as agent_queries
from apps.agents.registry.services import submission
from apps.agents.registry.services.approvals import check_seen
from apps.agents.registry.states import NotPossible, TaskEvent, TaskState
from apps.agents.registry.words import Gate, Request
from meshsix.kit import clock, ids
from meshsix.kit.actor import Actor

_KEY = "preview:{}:"


class NoPreview(Exception):  # noqa: N818 - reads as a word of the domain
    """The proposed agent cannot show what it would do."""


def change_of(task: Task) -> Mapping[str, Any] | None:
    """Return what the proposed agent changes a payload by to show what it would do; None where it cannot."""
    offered = agent_queries.capability(task.proposed_agent, task.capability) if task.proposed_agent else None
    return (offered.preview or None) if offered is not None else None  # an empty one would do the task itself


def preview(task_id: UUID, *, agent: str, actor: Actor) -> Task:
    """Let `agent`, which the person saw proposed, show what it would do; return the task whose result shows it.

    It is declared to change nothing, so that it needs no approval. Raises Task.DoesNotExist, NotPossible, OtherAgent,
    NoPreview, Invalid where the payload, changed like this, cannot be taken.
    """
    task = Task.objects.get(pk=task_id)
    if task.status != TaskState.AWAITING_APPROVAL:
        raise NotPossible(TaskState(task.status), TaskEvent.APPROVED)
    check_seen(task, agent)
    change = change_of(task)
    if change is None:
        raise NoPreview(f"{agent} cannot show beforehand what {task.capability} would do.")
    wanted = Request(
        capability=task.capability,
        payload={**task.payload, **change},
        priority=task.priority,
        max_attempts=1,
        project=task.project,
        trace_id=task.trace_id,
        parent_task_id=task.task_id,
        explorable=False,
        allowed_agents=(agent,),
        idempotency_key=f"{_KEY.format(task.task_id)}{ids.new_id()}",
        gate=Gate(agents=(agent,), user=actor.name, at=clock.now().isoformat()),
    )
    return submission.submit(wanted, actor=actor).task


def previews(task: Task) -> QuerySet[Task]:
    """Return what was shown so far, the newest first."""
    family = Task.objects.filter(trace_id=task.trace_id, parent_task_id=task.task_id)  # by the index of traces
    return family.filter(idempotency_key__startswith=_KEY.format(task.task_id)).order_by("-created_at")
