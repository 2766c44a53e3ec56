"""The events of tasks and agents, as facts; each is published in the transaction that it tells of."""

from collections.abc import Mapping
from types import MappingProxyType
from uuid import UUID

from apps.agents.registry.models import Task
from meshsix.kit.actor import Actor
from meshsix.live import services as live
from meshsix.live.services import NewEvent

ORCHESTRATOR = "orchestrator"


def task_event(
    task: Task, event_type: str, payload: Mapping[str, object], *, actor: Actor | None = None, agent_id: str = ""
) -> NewEvent:
    """Return an event of a task."""
    return NewEvent(
        event_type=event_type,
        aggregate_id=aggregate(task.task_id),
        payload=payload,
        actor=actor,
        trace_id=task.trace_id,
        task_id=str(task.task_id),
        agent_id=agent_id or ORCHESTRATOR,
    )


def of_task(
    task: Task, event_type: str, payload: Mapping[str, object], *, actor: Actor | None = None, agent_id: str = ""
) -> None:
    """Publish an event of a task. Call it late in the transaction: it locks the task's counter of events."""
    live.publish_all([task_event(task, event_type, payload, actor=actor, agent_id=agent_id)])


def transition(
    task: Task,
    before: str | None,
    *,
    trigger: str,
    reason: str = "",
    actor: Actor | None = None,
    facts: Mapping[str, object] = MappingProxyType({}),
) -> NewEvent:
    """Return the event of a change of state that has no type of its own; `facts` are what it changed besides."""
    payload = {"entity": "task", "from": before, "to": str(task.status), "trigger": trigger, "reason": reason}
    return task_event(task, "state.transition", {**payload, **facts}, actor=actor)


def moved(
    task: Task,
    before: str | None,
    *,
    trigger: str,
    reason: str = "",
    actor: Actor | None = None,
    facts: Mapping[str, object] = MappingProxyType({}),
) -> None:
    """Publish a change of state, see `transition`."""
    live.publish_all([transition(task, before, trigger=trigger, reason=reason, actor=actor, facts=facts)])


def of_agent(agent_id: str, event_type: str, payload: Mapping[str, object], *, actor: Actor | None = None) -> None:
    """Publish an event of an agent."""
    live.publish(
        event_type=event_type,
        aggregate_id=f"agent:{agent_id}",
        payload=payload,
        actor=actor,
        agent_id=agent_id,
    )


def aggregate(task_id: UUID) -> str:
    """Return the aggregate of a task's events."""
    return f"task:{task_id}"
