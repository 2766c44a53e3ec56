"""Reads of routing policies."""

from apps.agents.registry.models.routing import DEFAULT_POLICY, RoutingPolicy
from meshsix import rows


def of(capability: str) -> RoutingPolicy:
    """Return the policy of a capability: its own, else that of `*`, else the defaults."""
    own = "WHERE capability IN (%(capability)s, %(default)s) ORDER BY capability = %(default)s LIMIT 1"
    found = rows.read(RoutingPolicy, own, {"capability": capability, "default": DEFAULT_POLICY})
    return found or RoutingPolicy(capability=DEFAULT_POLICY)
