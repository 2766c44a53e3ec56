"""Agents outside: they come, take leases, beat, report and leave.

Who calls stands in a Grant, made of its token; what is not within it is NotYours. A lease begins its attempt.
"""

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction

from apps.agents.registry import schemas
from apps.agents.registry.definitions import Definition
from apps.agents.registry.models import Agent, AgentKind, History, Task
from apps.agents.registry.queries import agents as agent_queries
from apps.agents.registry.queries import leases as lease_queries
from apps.agents.registry.queries import tasks as task_queries
from apps.agents.registry.services import attempts, ending, news, registration, results
from apps.agents.registry.services.registration import Registered
from apps.agents.registry.states import HELD, ErrorType, TaskState
from apps.agents.registry.words import Failure, Outcome
from meshsix.kit import redact
from meshsix.kit.actor import Actor
from meshsix.wiring import Clients

Work = tuple[UUID, int]
"""A task and the number of its attempt."""

REPORTED = (
    ErrorType.ERROR,
    ErrorType.REFUSED,
    ErrorType.MISSING,
    ErrorType.INVALID_ANSWER,
    ErrorType.TRY_LATER,
    ErrorType.AGENT_STOPPED,
    ErrorType.PERMANENT,
    ErrorType.INVALID_INPUT,
    ErrorType.BUDGET_EXCEEDED,
    ErrorType.CONTEXT_TOO_LARGE,
    ErrorType.CANCELLED,
)
"""What an agent may say of its own failure; silence, lateness and a bad output are the platform's to find."""


class NotYours(Exception):  # noqa: N818 - reads as a word of the domain
    """The token is for another agent, capability or project, or the attempt was never this agent's (403)."""


class Taken(Exception):  # noqa: N818 - reads as a word of the domain
    """The name is that of an agent of the deployment itself (409)."""


class NotJoined(Exception):  # noqa: N818 - reads as a word of the domain
    """The instance is not registered, or has left (409)."""


class NotLeased(Exception):  # noqa: N818 - reads as a word of the domain
    """Nobody has begun the attempt yet (409)."""


class TooLate(Exception):  # noqa: N818 - reads as a word of the domain
    """The attempt is not the current one any more (409)."""


@dataclass(frozen=True, kw_only=True)
class Grant:
    """What a token allows. `projects` are `owner/name` in lower case, None for any and for work without one."""

    agent_id: str
    capabilities: frozenset[str]
    projects: frozenset[str] | None


@dataclass(frozen=True, kw_only=True)
class Heard:
    """What an instance must know about what it works on: to be ended, and not its own any more."""

    cancel: tuple[Work, ...]
    unknown: tuple[Work, ...]


@dataclass(frozen=True, kw_only=True)
class Report:
    """How an attempt ended, as the agent says: a result, or a failure."""

    result: Mapping[str, Any] | None = None
    failure: Failure | None = None

    @property
    def digest(self) -> str:
        """Return the SHA-256 by which the same report is known when it comes again."""
        pause = self.failure.pause / timedelta(seconds=1) if self.failure and self.failure.pause else None
        told = [self.result, self.failure.as_json() if self.failure else None, pause]
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def join(definition: Definition, *, instance_id: str, host: str, grant: Grant, actor: Actor) -> Registered:
    """Let an instance work as the agent. Raises NotYours, Taken, BadDefinition."""
    if definition.agent_id != grant.agent_id:
        raise NotYours(f"The token is for the agent {grant.agent_id}.")
    foreign = sorted({each.name for each in definition.capabilities} - grant.capabilities)
    if foreign:
        raise NotYours(f"The token is not for these capabilities: {', '.join(foreign)}.")
    if grant.projects is not None:
        projects = definition.projects or tuple(sorted(grant.projects))
        if not projects or not grant.projects.issuperset(projects):
            raise NotYours("The token is not for all of these projects.")
        definition = replace(definition, projects=projects)
    inside = Agent.objects.filter(pk=definition.agent_id).exclude(kind=AgentKind.EXTERNAL)
    if definition.agent_id in settings.AGENTS or inside.exists():
        raise Taken(f"{definition.agent_id} is an agent of this deployment.")
    return registration.register(definition, instance_id=instance_id, host=host, actor=actor)


def beat(grant: Grant, instance_id: str) -> None:
    """Note that the instance lives. Raises NotJoined."""
    if not registration.beat(instance_id, agent_id=grant.agent_id):
        raise NotJoined(f"The instance {instance_id} of {grant.agent_id} is not registered, or has left.")


def forgotten(grant: Grant, instance_id: str, running: Collection[Work]) -> list[Task]:
    """Return what the instance has leased and does not know of: the answer with the lease got lost on its way."""
    held = task_queries.held_by(grant.agent_id, instance_id).order_by("started_at")
    return [task for task in held if (task.task_id, task.attempts) not in running]


def lease(grant: Grant, instance_id: str, *, most: int) -> list[Task]:
    """Give an instance up to `most` of the tasks that wait for its agent: each begins, and its time runs."""
    taken: list[Task] = []
    while len(taken) < most:
        task = _take(grant, instance_id)
        if task is None:
            break
        taken.append(task)
    return taken


@transaction.atomic
def _take(grant: Grant, instance_id: str) -> Task | None:
    """Begin the task that was dispatched first; one that somebody else is just taking is passed over."""
    waiting = lease_queries.leasable(
        grant.agent_id, instance_id, capabilities=grant.capabilities, projects=grant.projects
    )
    task = waiting.select_for_update(skip_locked=True, no_key=True).first()
    if task is None or task.run_id is None:
        return None
    return attempts.begin(task.run_id, instance_id=instance_id)


def hear(grant: Grant, instance_id: str, running: Collection[Work]) -> Heard:
    """Note a beat, and return what changed about what the instance works on. Raises NotJoined."""
    beat(grant, instance_id)
    own = task_queries.held_by(grant.agent_id, instance_id).filter(pk__in={task_id for task_id, _ in running})
    known = {
        (task_id, attempt): cancel_at
        for task_id, attempt, cancel_at in own.values_list("task_id", "attempts", "cancel_requested_at")
    }
    return Heard(
        cancel=tuple(work for work in running if known.get(work) is not None),
        unknown=tuple(work for work in running if work not in known),
    )


@transaction.atomic
def progress(grant: Grant, work: Work, *, status: str, details: Mapping[str, Any]) -> bool:
    """Publish how far an attempt is; return whether somebody wants it to end. Raises NotYours, TooLate."""
    task = _own(grant, work)
    if task.attempts != work[1] or task.status not in HELD:
        raise TooLate("The attempt is over: its progress is of no use any more.")
    facts = {"attempt": work[1], "status": redact.text(status), "details": redact.structure(dict(details))}
    news.of_task(task, "task.progress", facts, agent_id=grant.agent_id)
    return task.cancel_requested_at is not None


def finish(grant: Grant, work: Work, report: Report, *, clients: Clients, actor: Actor) -> History:
    """End an attempt as its agent reports; return its row. The same report again gives the same row.

    Raises NotYours, NotLeased, TooLate (an event tells of it), and the storage's TryLater or Refused.
    """
    task_id, attempt = work
    task = _own(grant, work)
    told = lease_queries.told(task_id, attempt, report.digest)
    if told is not None:
        return told
    if task.attempts == attempt and task.status == TaskState.DISPATCHED:
        raise NotLeased("The attempt was not leased yet.")
    is_current = task.attempts == attempt and task.status in HELD
    found = _outcome(task, attempt, report, clients) if is_current else Outcome()  # what is late is not even stored
    outcome = replace(found, told=report.digest)
    ending.conclude(task_id, attempt, outcome, actor=actor)
    ended = lease_queries.told(task_id, attempt, report.digest)
    if ended is None:
        results.drop(outcome, clients=clients)
        raise TooLate("Another attempt has taken the place of this one, or it had ended otherwise.")
    return ended


def _own(grant: Grant, work: Work) -> Task:
    """Return the task if this attempt of it was given to the agent. Raises NotYours, also where there is no task."""
    task = Task.objects.filter(pk=work[0]).first()
    within = task is not None and (grant.projects is None or task.project in grant.projects)
    if task is None or not within or not lease_queries.was_given(work[0], work[1], grant.agent_id):
        raise NotYours("This attempt was never given to the agent of the token.")
    return task


def _outcome(task: Task, attempt: int, report: Report, clients: Clients) -> Outcome:
    if report.failure is not None:
        return Outcome(failure=_believed(task, report.failure))
    offered = agent_queries.capability(task.dispatched_to, task.capability)
    faults = schemas.faults(offered.output_schema.schema, report.result) if offered is not None else ()
    if faults:
        return Outcome(failure=attempts.invalid_output(faults))
    return results.keep(dict(report.result or {}), task_id=task.task_id, attempt=attempt, clients=clients)


def _believed(task: Task, failure: Failure) -> Failure:
    """Return the failure as told; `cancelled` where nobody wanted the end is an error of the agent."""
    if failure.type is not ErrorType.CANCELLED or task.cancel_requested_at is not None:
        return failure
    return replace(failure, type=ErrorType.ERROR, hint="The agent says that it was cancelled, and nobody cancelled it.")


def leave(grant: Grant, instance_id: str, *, actor: Actor) -> bool:
    """Let an instance go; what it has not ended goes elsewhere at once. Return whether it had not left before."""
    left = registration.leave(grant.agent_id, instance_id, reason=registration.SIGTERM, actor=actor)
    attempts.give_back(grant.agent_id, instance_id)
    return left
