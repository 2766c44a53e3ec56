"""Lists of tasks, agents and attempts as people ask for them."""

from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db.models import Q, QuerySet

from apps.agents.registry.models import Agent, Capability, Dispatch, History, Task
from apps.agents.registry.queries import agents as agent_queries
from apps.agents.registry.queries.visibility import visible_tasks


@dataclass(frozen=True, kw_only=True)
class Asked:
    """Which tasks are wanted; what is empty is not asked for. Times are those of the request."""

    status: str = ""
    capability: str = ""
    agent: str = ""
    project: str = ""
    requester: str = ""
    since: datetime | None = None
    until: datetime | None = None


def tasks(user: AbstractBaseUser | AnonymousUser, asked: Asked) -> QuerySet[Task]:
    """Return the tasks that `user` may see and asked for."""
    wanted = {
        "status": asked.status,
        "capability": asked.capability,
        "dispatched_to": asked.agent,
        "project": asked.project.lower(),
        "requested_by": asked.requester,
        "created_at__gte": asked.since,
        "created_at__lt": asked.until,
    }
    return visible_tasks(user).filter(**{name: value for name, value in wanted.items() if value})


def agents(*, status: str = "", capability: str = "", enabled: bool | None = None) -> QuerySet[Agent]:
    """Return agents with status, capabilities and checks, in three queries; only those that fit."""
    rows = agent_queries.detailed()
    if status:
        rows = rows.filter(Q(("status_now", status)))
    if enabled is not None:
        rows = rows.filter(enabled=enabled)
    if capability:
        offering = Capability.objects.filter(name=capability, withdrawn_at=None).values("agent_id")
        rows = rows.filter(pk__in=offering)
    return rows


def history(user: AbstractBaseUser | AnonymousUser, agent_id: str, *, capability: str = "") -> QuerySet[History]:
    """Return the attempts of an agent that ended, of tasks that `user` may see; also of an agent that is gone."""
    rows = History.objects.filter(agent_id=agent_id, task_id__in=visible_tasks(user).values("pk"))
    return rows.filter(capability=capability) if capability else rows


def score_of(task: Task) -> float | None:
    """Return the score with which the present attempt was given to its agent, None where it was to nobody."""
    row = Dispatch.objects.filter(task=task, attempt=task.attempts).first()
    if row is None:
        return None
    scores = [card["final_score"] for card in row.cards if card["agent_id"] == row.chosen_agent]
    return round(scores[0], 6) if scores else None
