"""Somebody ends a task: at once while nobody works on it, else the agent is told first."""

from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction

from apps.agents.registry.models import Task
from apps.agents.registry.services import ending, news
from apps.agents.registry.states import HELD, ErrorType, TaskEvent, TaskState, after
from apps.agents.registry.words import Failure, Outcome
from meshsix.durable import services as durable
from meshsix.kit import clock
from meshsix.kit.actor import Actor

PATIENCE = timedelta(seconds=30)
"""How long an agent may take to hear of it."""


@transaction.atomic
def cancel(task_id: UUID, *, actor: Actor) -> Task:
    """End a task. Raises Task.DoesNotExist, NotPossible where it has ended.

    A running attempt is told: `job.checkpoint()` raises; after 30 s the sweep ends it without asking.
    """
    run_id, attempt = Task.objects.values_list("run_id", "attempts").get(pk=task_id)
    if run_id is not None:
        durable.hold(run_id, answering=ending.answer_name(task_id, attempt))  # in the order of `ending`
    task = Task.objects.select_for_update(no_key=True).get(pk=task_id)
    after(TaskState(task.status), TaskEvent.CANCELLED)
    if task.status == TaskState.RUNNING:
        _ask(task, actor)
    elif task.status == TaskState.DISPATCHED and task.run_id == run_id:
        ending.conclude(task_id, task.attempts, Outcome(failure=_cancelled(actor.name)), actor=actor)
    elif task.status not in HELD:
        ending.cancel_waiting(task, now=clock.now(), actor=actor)
    else:
        _ask(task, actor)  # it was given to somebody in this very moment: the sweep ends it
    task.refresh_from_db()
    return task


def _ask(task: Task, actor: Actor) -> None:
    now = clock.now()
    if Task.objects.filter(pk=task.pk, cancel_requested_at=None).update(cancel_requested_at=now, updated_at=now):
        facts = {"attempt": task.attempts, "status": "cancel_requested", "details": {}}
        news.of_task(task, "task.progress", facts, actor=actor)


def end(task_id: UUID, attempt: int) -> None:
    """End an attempt that did not hear that it was cancelled."""
    ending.conclude(task_id, attempt, Outcome(failure=_cancelled("somebody")))


def is_over(task: Task, now: datetime) -> bool:
    """Return whether the agent has had its time to hear."""
    return task.cancel_requested_at is not None and now - task.cancel_requested_at >= PATIENCE


def _cancelled(by: str) -> Failure:
    return Failure(type=ErrorType.CANCELLED, code="cancelled", message=f"Cancelled by {by}.")
