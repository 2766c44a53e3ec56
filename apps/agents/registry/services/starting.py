"""Starts the engine's run of an attempt, on the queue of its agent. The caller holds the task's lock."""

import json
from collections.abc import Sequence
from datetime import timedelta

from django.utils.module_loading import import_string

from apps.agents.registry import definitions
from apps.agents.registry.models import ServedBy, Task
from apps.agents.registry.services import news
from apps.agents.registry.words import Attempt
from meshsix import rows
from meshsix.durable import coding, registry
from meshsix.durable import services as durable
from meshsix.durable.definition import Workflow
from meshsix.kit.actor import Actor, ActorKind, Door
from meshsix.live.services import NewEvent

# Workflows stand above services: they are known by name.
# One whose steps change gets a new name, or processes of both versions would fail the attempts of one another.
ATTEMPT, OUTSIDE = "task-perform", "task-outside"
_ORCHESTRATOR = Actor(kind=ActorKind.SYSTEM, name=news.ORCHESTRATOR, door=Door.SYSTEM)


def queue_of(agent_id: str, instance_id: str = "") -> str:
    """Return the Celery queue of an agent, or of one of its instances."""
    return f"agent.{agent_id}.{instance_id}" if instance_id else f"agent.{agent_id}"


def start_run(task: Task, *, served_by: str, told: Sequence[NewEvent], written: Sequence[rows.Change]) -> None:
    """Start the run `task.run_id` for the attempt that the task now is in, write the rows and publish what tells of it.

    All with one statement.
    """
    queue, timeouts = queue_of(task.dispatched_to, task.instance_id), dict[str, timedelta]()
    ask: object = Attempt(task_id=task.task_id, attempt=task.attempts, agent_id=task.dispatched_to)
    match served_by:
        case ServedBy.WORKFLOW:
            workflow, ask = _own_workflow(task)
        case ServedBy.OUTSIDE:
            workflow, queue = registry.workflow(OUTSIDE), ""
        case _:
            workflow, timeouts = registry.workflow(ATTEMPT), {"perform": timedelta(seconds=task.timeout_seconds)}
    durable.start(
        workflow,
        key=f"task:{task.task_id}:{task.attempts}",
        ask=ask,
        actor=_ORCHESTRATOR,
        run_id=task.run_id,
        queue=queue,
        timeouts=timeouts,
        also=told,
        beside=written,
    )


def _own_workflow(task: Task) -> tuple[Workflow, object]:
    """Return the workflow that serves the task's capability, and its input."""
    handler = definitions.deployed(task.dispatched_to).handlers[task.capability]
    workflow: Workflow = import_string(handler.workflow)
    return workflow, coding.decode(handler.takes, json.dumps(task.payload))
