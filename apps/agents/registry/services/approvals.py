"""A person says yes or no to an agent that may not go ahead by itself."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction

from apps.agents.registry.models import Task
from apps.agents.registry.services import dispatching, ending, news
from apps.agents.registry.states import ErrorType, NotPossible, TaskEvent, TaskState, after
from apps.agents.registry.words import Failure
from meshsix.kit import clock
from meshsix.kit.actor import Actor


class OwnTask(Exception):  # noqa: N818 - reads as a word of the domain
    """Nobody approves what they asked for themselves, unless APPROVE_OWN_TASKS allows it."""


class OtherAgent(Exception):  # noqa: N818 - reads as a word of the domain
    """Another agent is proposed now than the one about which the person decided (409)."""


def approve(task_id: UUID, *, agent: str, actor: Actor) -> Task:
    """Let `agent`, which the person saw proposed, do it in all attempts; another one that needs approval asks again.

    Raises Task.DoesNotExist, NotPossible, OwnTask, OtherAgent.
    """
    now = clock.now()
    with transaction.atomic():
        task = Task.objects.select_for_update(no_key=True).get(pk=task_id)
        if task.requested_by == actor.name and not settings.APPROVE_OWN_TASKS:
            raise OwnTask("Somebody else than the requester must approve the task.")
        before = task.status
        check_seen(task, agent)
        task.status = after(TaskState(before), TaskEvent.APPROVED)
        agents = [*(task.gate or {}).get("agents", []), task.proposed_agent]
        gate: Mapping[str, Any] = {"agents": sorted(set(agents)), "user": actor.name, "at": now.isoformat()}
        Task.objects.filter(pk=task_id).update(
            status=task.status,
            gate=gate,
            proposed_agent="",
            wait_reason="",
            wait_until=now + timedelta(seconds=task.wait_seconds),
            updated_at=now,
        )
        news.moved(task, before, trigger="approved", actor=actor, facts={"agent": task.proposed_agent})
    dispatching.offer(task_id)
    return Task.objects.get(pk=task_id)


def check_seen(task: Task, agent: str) -> None:
    """Raise OtherAgent unless `agent` is the one that is proposed now."""
    if task.status == TaskState.AWAITING_APPROVAL and task.proposed_agent != agent:
        raise OtherAgent("Another agent is proposed now. Look at it, then decide.")


@transaction.atomic
def reject(task_id: UUID, *, agent: str, actor: Actor, reason: str) -> Task:
    """Say no to `agent`, which the person saw proposed, and why: the task fails.

    Raises Task.DoesNotExist, NotPossible, OtherAgent.
    """
    task = Task.objects.select_for_update(no_key=True).get(pk=task_id)
    check_seen(task, agent)
    _refuse(task, "approval_rejected", f"{actor.name} rejected it: {reason}.", clock.now(), actor)
    return task


@transaction.atomic
def expire(task_id: UUID, now: datetime) -> bool:
    """End a task that nobody approved in time; return whether it still waited."""
    task = Task.objects.select_for_update(no_key=True).get(pk=task_id)
    if task.status != TaskState.AWAITING_APPROVAL or task.wait_until is None or task.wait_until > now:
        return False
    _refuse(task, "approval_timeout", "Nobody approved it within a day.", now, None)
    return True


def _refuse(task: Task, code: str, words: str, now: datetime, actor: Actor | None) -> None:
    if task.status != TaskState.AWAITING_APPROVAL:
        raise NotPossible(TaskState(task.status), TaskEvent.FAILED)
    hint = f"{task.proposed_agent} may do this only with a person's approval. Retry the task to ask again."
    failure = Failure(type=ErrorType.PERMANENT, code=code, message=words, hint=hint)
    ending.give_up(task, failure, now=now, actor=actor)
