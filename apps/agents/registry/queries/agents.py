"""Reads of agents: who is there, by the beats of their instances and the database's clock."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import (
    Case,
    CharField,
    Count,
    DateTimeField,
    DurationField,
    Exists,
    ExpressionWrapper,
    F,
    IntegerField,
    Max,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
    When,
)
from django.db.models.functions import Coalesce, Now

from apps.agents.registry.models import Agent, Capability, Instance, ServedBy, Task
from apps.agents.registry.states import DEGRADED_AFTER, HELD, OFFLINE_AFTER, AgentStatus


def with_status(agents: QuerySet[Agent] | None = None) -> QuerySet[Agent]:
    """Return agents with `beat_at` (None: no instance), `beat_age`, `status_now` and `open_tasks`, in one query."""
    rows = Agent.objects.all() if agents is None else agents
    alive = Instance.objects.filter(agent=OuterRef("pk"), stopped_at=None).order_by().values("agent")
    held = Task.objects.filter(dispatched_to=OuterRef("pk"), status__in=HELD).order_by().values("dispatched_to")
    age = ExpressionWrapper(Now() - F("beat_at"), output_field=DurationField())
    return rows.annotate(
        beat_at=Subquery(alive.annotate(at=Max("last_heartbeat_at")).values("at"), output_field=DateTimeField()),
        open_tasks=Coalesce(
            Subquery(held.annotate(count=Count("pk")).values("count"), output_field=IntegerField()), Value(0)
        ),
    ).annotate(
        beat_age=age,
        status_now=Case(
            When(Q(beat_age__isnull=True) | Q(beat_age__gt=OFFLINE_AFTER), then=Value(AgentStatus.OFFLINE.value)),
            When(beat_age__gt=DEGRADED_AFTER, then=Value(AgentStatus.DEGRADED.value)),
            default=Value(AgentStatus.ONLINE.value),
            output_field=CharField(),
        ),
    )


@dataclass(frozen=True, kw_only=True)
class Seen:
    """An agent's status as it is and as it was last published."""

    agent_id: str
    now: AgentStatus
    published: AgentStatus
    version: str


def statuses() -> tuple[Seen, ...]:
    """Return every agent's status, in one query."""
    return tuple(
        Seen(
            agent_id=row.agent_id,
            now=AgentStatus(vars(row)["status_now"]),
            published=AgentStatus(row.status),
            version=row.version,
        )
        for row in with_status()
    )


def status_of(agent_id: str) -> AgentStatus:
    """Return an agent's status now. Raises Agent.DoesNotExist."""
    return AgentStatus(vars(with_status(Agent.objects.filter(pk=agent_id)).get())["status_now"])


def detailed(agents: QuerySet[Agent] | None = None) -> QuerySet[Agent]:
    """Return agents with status, capabilities and checks, in three queries however many there are."""
    return with_status(agents).prefetch_related("capabilities", "checks")


def alive_instances(agent_id: str) -> QuerySet[Instance]:
    """Return the instances that have not stopped and whose beats are not overdue for good, the newest first."""
    fresh = Now() - Value(OFFLINE_AFTER, output_field=DurationField())
    return Instance.objects.filter(agent_id=agent_id, stopped_at=None, last_heartbeat_at__gte=fresh)


def is_alive(agent_id: str, instance_id: str) -> bool:
    """Return whether this instance can still be expected to work."""
    return alive_instances(agent_id).filter(instance_id=instance_id).exists()


def capability(agent_id: str, name: str) -> Capability | None:
    """Return what an agent offers under this name, or None."""
    return Capability.objects.filter(agent_id=agent_id, name=name, withdrawn_at=None).first()


def input_schema(name: str) -> Mapping[str, Any] | None:
    """Return what a capability takes, None where nobody offers it; of several agents the preferred one's."""
    rows = Capability.objects.filter(name=name, withdrawn_at=None).select_related("input_schema")
    preferred, weight = Coalesce("override_preferred", "preferred"), Coalesce("override_weight", "weight")
    first = rows.order_by(preferred.desc(), weight.desc(), "agent_id").first()
    return None if first is None else first.input_schema.schema


def served_by_workflow(agent_id: str) -> QuerySet[Capability, str]:
    """Return the names of the agent's capabilities that a workflow serves: their steps run in any of its instances."""
    own = Capability.objects.filter(agent_id=agent_id, served_by=ServedBy.WORKFLOW)
    return own.values_list("name", flat=True)


def lost_instances(now: datetime, grace: timedelta) -> QuerySet[Instance]:
    """Return the instances whose attempts must go elsewhere: silent for too long, or stopped `grace` ago."""
    silent = Now() - Value(OFFLINE_AFTER, output_field=DurationField())
    return Instance.objects.filter(
        Q(stopped_at=None, last_heartbeat_at__lt=silent) | Q(stopped_at__lt=now - grace)
    ).filter(
        Exists(
            Task.objects.filter(
                dispatched_to=OuterRef("agent_id"), instance_id=OuterRef("instance_id"), status__in=HELD
            )
        )
    )
