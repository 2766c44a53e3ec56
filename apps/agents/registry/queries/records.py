"""What pages show beside lists: how an agent has fared lately, what can be filtered by, where a page goes on."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db.models import Q, QuerySet

from apps.agents.registry.models import Agent, Capability, History, Instance, Task

_MOST_NAMES = 500


@dataclass(frozen=True, kw_only=True)
class Record:
    """How the last attempts ended. `rate` is the share of successes of those that count, None where none does."""

    attempts: int
    successes: int
    rate: float | None
    errors: tuple[tuple[str, int], ...]


def record(attempts: Sequence[History]) -> Record:
    """Return how these attempts ended, errors by type, the most frequent first."""
    counted = [row.success for row in attempts if row.counted]
    errors = Counter(row.error_type for row in attempts if not row.success)
    return Record(
        attempts=len(attempts),
        successes=sum(row.success for row in attempts),
        rate=sum(counted) / len(counted) if counted else None,
        errors=tuple(errors.most_common()),
    )


def instances(agent_id: str, *, most: int) -> list[Instance]:
    """Return the processes that work or worked as an agent: those that have not stopped first, then the newest."""
    rows = Instance.objects.filter(agent_id=agent_id)
    return list(rows.order_by("-stopped_at", "-last_heartbeat_at")[:most])


def capability_names() -> list[str]:
    """Return the names of what agents offer, to choose from."""
    rows = Capability.objects.filter(withdrawn_at=None).order_by("name")
    return list(rows.values_list("name", flat=True).distinct()[:_MOST_NAMES])


def agent_names() -> list[str]:
    """Return the names of agents, to choose from."""
    return list(Agent.objects.order_by("pk").values_list("pk", flat=True)[:_MOST_NAMES])


def before(rows: QuerySet[Task], task_id: UUID | None) -> QuerySet[Task]:
    """Return the tasks behind this one in the list, the newest first; all where it is none of them."""
    ordered = rows.order_by("-created_at", "-task_id")
    edge = rows.filter(pk=task_id).only("created_at").first() if task_id is not None else None
    if edge is None:
        return ordered
    return ordered.filter(Q(created_at__lt=edge.created_at) | Q(created_at=edge.created_at, pk__lt=edge.pk))
