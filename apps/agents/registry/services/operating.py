"""What operators set: whether an agent gets work, how much, how it is scored, and how tasks are routed."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import transaction

from apps.agents.registry.models import Agent, Capability, RoutingPolicy, Setting
from apps.agents.registry.models.agents import NAME
from apps.agents.registry.models.routing import DEFAULT_POLICY
from apps.agents.registry.queries import policies
from apps.agents.registry.services import news, nudging
from apps.agents.registry.services.registration import OPERATOR
from meshsix.kit import clock
from meshsix.kit.actor import Actor

OF_A_POLICY = ("exploration_rate", "hysteresis", "spill_ratio")
_OF_A_CAPABILITY = ("override_weight", "override_preferred", "window_since")


class NotOffered(Exception):  # noqa: N818 - reads as a word of the domain
    """The agent does not have a capability of this name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"The agent does not offer {name}.")
        self.name = name


class NoCapability(Exception):  # noqa: N818 - reads as a word of the domain
    """No capability can have this name."""


@dataclass(frozen=True, kw_only=True)
class Change:
    """What is to be set: fields of Setting, and of capabilities by their name. What is left out stays as it is."""

    agent: Mapping[str, Any] = field(default_factory=dict)
    capabilities: Sequence[Mapping[str, Any]] = ()


@transaction.atomic
def change(agent_id: str, wanted: Change, *, actor: Actor) -> None:
    """Set it, with one event that says what. Raises Agent.DoesNotExist, NotOffered."""
    Agent.objects.select_for_update().get(pk=agent_id)
    if wanted.agent:
        values = {**wanted.agent, "updated_at": clock.now()}
        Agent.objects.filter(pk=agent_id).update(**values)
        Setting.objects.update_or_create(agent_id=agent_id, defaults=values)
    for each in wanted.capabilities:
        _override(agent_id, each)
    overrides = [{name: str(value) for name, value in each.items()} for each in wanted.capabilities]
    facts = {"store_key": f"agent:{agent_id}", "operation": OPERATOR, "set": dict(wanted.agent)}
    news.of_agent(agent_id, "state.write", {**facts, "overrides": overrides}, actor=actor)
    nudging.look_at_all()


def _override(agent_id: str, wanted: Mapping[str, Any]) -> None:
    rows = Capability.objects.filter(agent_id=agent_id, name=wanted["name"])
    values = {name: wanted[name] for name in _OF_A_CAPABILITY if name in wanted}
    if not rows.exists():
        raise NotOffered(wanted["name"])
    if values:
        rows.update(**values)


@transaction.atomic
def set_policy(capability: str, values: Mapping[str, float], *, actor: Actor) -> RoutingPolicy:
    """Set how tasks of a capability are routed (`*`: of all without a policy of their own); what is left out stays.

    A capability without a policy of its own gets one that begins as what held for it. Raises NoCapability.
    """
    if capability != DEFAULT_POLICY and not re.fullmatch(NAME, capability):
        raise NoCapability(capability)
    held = policies.of(capability)
    given = {**values, "updated_at": clock.now()}
    begins_as = {name: getattr(held, name) for name in OF_A_POLICY} | given
    # It locks the row, and writes nothing else: two who set different fields do not undo each other.
    row, _ = RoutingPolicy.objects.update_or_create(pk=capability, defaults=given, create_defaults=begins_as)
    facts = {"store_key": f"routing_policies/{capability}", "operation": OPERATOR, "set": dict(values)}
    news.of_agent(news.ORCHESTRATOR, "state.write", facts, actor=actor)
    nudging.look_at_all()
    return row
