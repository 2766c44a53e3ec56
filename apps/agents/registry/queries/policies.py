"""Reads of routing policies."""

from apps.agents.registry.models.routing import DEFAULT_POLICY, RoutingPolicy


def of(capability: str) -> RoutingPolicy:
    """Return the policy of a capability: its own, else that of `*`, else the defaults."""
    rows = {row.pk: row for row in RoutingPolicy.objects.filter(pk__in=[capability, DEFAULT_POLICY])}
    return rows.get(capability) or rows.get(DEFAULT_POLICY) or RoutingPolicy(capability=DEFAULT_POLICY)
