"""The sweep over tasks, by beat: ends what is over, gives out what is due. Any number may run at once, at any time."""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

import structlog
from django.core.cache import cache
from django.db.models import QuerySet
from redis.exceptions import RedisError

from apps.agents.registry.models import Instance, Task
from apps.agents.registry.models.tasks import LARGE
from apps.agents.registry.queries import agents as agent_queries
from apps.agents.registry.queries import tasks as task_queries
from apps.agents.registry.services import approvals, attempts, cancelling, dispatching, ending, isolation
from apps.agents.registry.states import ErrorType
from apps.agents.registry.words import Failure, Outcome
from meshsix.integrations.errors import VendorError
from meshsix.wiring import Clients

BEGINS_WITHIN = timedelta(seconds=60)
_AT_ONCE = 500

log = structlog.get_logger()


def sweep(now: datetime) -> None:
    """Do one round."""
    _each(task_queries.past_deadline(now), lambda task: _conclude(task, attempts.deadline_failure(task, now)))
    _each(task_queries.deaf_to_cancelling(now, cancelling.PATIENCE), _end_cancelled)
    for instance in agent_queries.lost_instances(now, attempts.stop_grace()):
        _each(_stranded(instance), lambda task, left=instance: _conclude(task, _left_behind(left)))  # type: ignore[misc] # bound at once
    if broker_takes_messages():
        _each(task_queries.not_begun(now, BEGINS_WITHIN), lambda task: _conclude(task, _not_started()))
    _each(task_queries.approvals_over(now), lambda task: approvals.expire(task.task_id, now))
    _each(task_queries.waited_out(now), lambda task: dispatching.alone(dispatching.dispatch, task.task_id))
    dispatching.dispatch_due(now)


def _each(tasks: QuerySet[Task], does: Callable[[Task], object]) -> None:
    for task in tasks.defer(*LARGE)[:_AT_ONCE]:
        isolation.alone(task.task_id, partial(does, task))


def _conclude(task: Task, failure: Failure) -> None:
    ending.conclude(task.task_id, task.attempts, Outcome(failure=failure))


def _end_cancelled(task: Task) -> None:
    cancelling.end(task.task_id, task.attempts)


def _stranded(instance: Instance) -> QuerySet[Task]:
    """Return what an instance has begun and will not end. The steps of a workflow simply go on elsewhere."""
    own = agent_queries.served_by_workflow(instance.agent_id)
    return task_queries.held_by(instance.agent_id, instance.instance_id).exclude(capability__in=own)


def _left_behind(instance: Instance) -> Failure:
    if instance.stopped_at is not None:
        message = f"The instance {instance.instance_id} stopped before the attempt ended."
        return Failure(type=ErrorType.AGENT_STOPPED, code="agent_stopped", message=message)
    message = f"The instance {instance.instance_id} was last heard of at {instance.last_heartbeat_at.isoformat()}."
    return Failure(type=ErrorType.AGENT_LOST, code="agent_lost", message=message)


def _not_started() -> Failure:
    message = f"Nobody began within {BEGINS_WITHIN.total_seconds():g} s."
    hint = "Look whether a worker of the agent takes messages: manage.py runagent."
    return Failure(type=ErrorType.NOT_STARTED, code="not_started", message=message, hint=hint)


def broker_takes_messages() -> bool:
    """Return whether the broker answers: while it is away nobody can begin, and nobody is to blame."""
    try:
        cache.get("registry:probe")
    except RedisError:
        return False
    return True


def forget_results(now: datetime, kept: timedelta, clients: Clients) -> int:
    """Take away results that need not be kept any longer; return how many. What storage refuses stays for later."""
    forgotten = 0
    for task in task_queries.with_old_results(now, kept).defer(*LARGE)[:_AT_ONCE]:
        try:
            if task.result_ref:
                clients.storage.delete(task.result_ref)
        except VendorError as error:
            log.warning("a result stays", task=str(task.task_id), error=str(error))
            continue
        forgotten += Task.objects.filter(pk=task.pk).update(result=None, result_ref="")
    return forgotten
