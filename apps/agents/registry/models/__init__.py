"""Agents and tasks. Data and constraints, no behaviour."""

from apps.agents.registry.models.agents import (
    Agent,
    AgentKind,
    AgentType,
    Capability,
    Check,
    Instance,
    Risk,
    Schema,
    ServedBy,
    Setting,
)
from apps.agents.registry.models.routing import Dispatch, RoutingPolicy
from apps.agents.registry.models.tasks import History, RecentOutcomes, Task

__all__ = [
    "Agent",
    "AgentKind",
    "AgentType",
    "Capability",
    "Check",
    "Dispatch",
    "History",
    "Instance",
    "RecentOutcomes",
    "Risk",
    "RoutingPolicy",
    "Schema",
    "ServedBy",
    "Setting",
    "Task",
]
