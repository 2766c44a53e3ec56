"""Reads of the calls: what was spent."""

from datetime import datetime
from decimal import Decimal

from django.db.models import QuerySet, Sum

from apps.agents.llm.models import LlmCall


def spent_by_project(project_key: str, *, since: datetime) -> Decimal:
    """Return what the calls for a project cost since then, in USD; calls without a known cost count nothing."""
    return _sum(LlmCall.objects.filter(project=project_key, created_at__gte=since))


def spent_by_agent(agent_id: str, *, since: datetime) -> Decimal:
    """Return what the calls of an agent cost since then, in USD."""
    return _sum(LlmCall.objects.filter(agent_id=agent_id, created_at__gte=since))


def _sum(calls: QuerySet[LlmCall]) -> Decimal:
    return calls.aggregate(total=Sum("cost_usd"))["total"] or Decimal(0)
