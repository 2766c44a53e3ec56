"""Agents come, beat and go. Registering is one transaction that writes only what is different."""

from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models.functions import Now

from apps.agents.registry import definitions, schemas
from apps.agents.registry.definitions import CapabilityDefinition, Definition
from apps.agents.registry.models import Agent, Capability, Check, Instance, Schema, Setting
from apps.agents.registry.queries import agents as agent_queries
from apps.agents.registry.queries import policies
from apps.agents.registry.services import news
from apps.agents.registry.states import AgentStatus
from meshsix.kit import clock
from meshsix.kit.actor import Actor

SIGTERM, HEARTBEAT_LOST, OPERATOR = "sigterm", "heartbeat_lost", "operator"


@dataclass(frozen=True, kw_only=True)
class Registered:
    """What registering did: `changed` where the definition differs, `returned` where the agent had been away."""

    agent_id: str
    changed: bool
    returned: bool


@transaction.atomic
def register(definition: Definition, *, instance_id: str, host: str = "", actor: Actor | None = None) -> Registered:
    """Let an instance work as the agent that `definition` describes. Raises BadDefinition.

    What the agent could do before and this definition lacks is withdrawn; what an operator set stays, also where the
    agent was taken off the registry meanwhile.
    """
    definitions.check(definition)
    Agent.objects.get_or_create(pk=definition.agent_id, defaults=_columns(definition) | {"definition_hash": ""})
    agent = Agent.objects.select_for_update().get(pk=definition.agent_id)
    changed = agent.definition_hash != definition.digest
    if changed:
        _write(agent, definition)
    returned = agent.status == AgentStatus.OFFLINE and agent.instances.exists()
    _join(agent, definition, instance_id, host)
    Agent.objects.filter(pk=agent.pk).exclude(status=AgentStatus.ONLINE).update(status=AgentStatus.ONLINE)
    facts = {
        "version": definition.version,
        "instance_id": instance_id,
        "capabilities": [each.name for each in definition.capabilities],
        "health_checks": sorted(definition.checks),
        "returned": returned,
    }
    news.of_agent(agent.pk, "agent.registered", facts, actor=actor)
    return Registered(agent_id=agent.pk, changed=changed, returned=returned)


def _columns(definition: Definition) -> dict[str, Any]:
    """Return what stands in the agent's row: its definition, and above that what an operator set."""
    rows = Setting.objects.filter(pk=definition.agent_id).values("enabled", "max_concurrency")
    kept = {name: value for row in rows for name, value in row.items() if value is not None}
    return _declared(definition) | kept


def _declared(definition: Definition) -> dict[str, Any]:
    return {
        "title": definition.title,
        "kind": definition.kind,
        "type": definition.type,
        "version": definition.version,
        "definition_hash": definition.digest,
        "max_concurrency": definition.max_concurrency,
        "projects": list(definition.projects),
        "metadata": dict(definition.metadata),
    }


def _write(agent: Agent, definition: Definition) -> None:
    """Bring the agent's rows in line with a definition that differs."""
    now = clock.now()
    is_new_version = agent.definition_hash != "" and agent.version != definition.version
    Agent.objects.filter(pk=agent.pk).update(**_columns(definition), updated_at=now)
    _write_checks(agent, definition)
    known = {each.name: each for each in agent.capabilities.all()}
    for wanted in definition.capabilities:
        _write_capability(agent, known.get(wanted.name), wanted)
    gone = known.keys() - {each.name for each in definition.capabilities}
    Capability.objects.filter(agent=agent, name__in=gone, withdrawn_at=None).update(withdrawn_at=now)
    if is_new_version:
        for each in definition.capabilities:
            if policies.of(each.name).exploration_rate > 0:
                Capability.objects.filter(agent=agent, name=each.name).update(window_since=now)


def _write_checks(agent: Agent, definition: Definition) -> None:
    known = {each.key: each for each in agent.checks.all()}
    for key, wanted in definition.checks.items():
        row = known.pop(key, None)
        if row is None or (row.kind, row.target) != (wanted.kind, wanted.target):
            fresh = {"kind": wanted.kind, "target": wanted.target, "ok": None, "streak": 0, "due_at": clock.now()}
            Check.objects.update_or_create(agent=agent, key=key, defaults=fresh)
    Check.objects.filter(pk__in=[row.pk for row in known.values()]).delete()


def _write_capability(agent: Agent, row: Capability | None, wanted: CapabilityDefinition) -> None:
    values: dict[str, Any] = {
        "weight": wanted.weight,
        "preferred": wanted.preferred,
        "requirements": list(wanted.requirements),
        "risk": wanted.risk,
        "risky_actions": list(wanted.risky_actions),
        "preview": None if wanted.preview is None else dict(wanted.preview),
        "input_schema_id": _store(wanted.input_schema),
        "output_schema_id": _store(wanted.output_schema),
        "served_by": wanted.served_by,
        "timeout_seconds": wanted.timeout_seconds,
        "estimated_seconds": wanted.estimated_seconds,
        "withdrawn_at": None,
    }
    if row is None:
        Capability.objects.create(agent=agent, name=wanted.name, **values)
    elif any(getattr(row, name) != value for name, value in values.items()):
        Capability.objects.filter(pk=row.pk).update(**values)


def _store(schema: schemas.Schema) -> str:
    """Store a schema unless an equal one is there; return its hash."""
    digest = schemas.digest(schema)
    Schema.objects.get_or_create(pk=digest, defaults={"schema": dict(schema)})
    return digest


def _join(agent: Agent, definition: Definition, instance_id: str, host: str) -> None:
    fresh = {"host": host, "version": definition.version, "started_at": Now(), "last_heartbeat_at": Now()}
    fresh |= {"stopped_at": None, "stop_reason": ""}
    Instance.objects.update_or_create(agent=agent, instance_id=instance_id, defaults=fresh)


def beat(instance_id: str, *, agent_id: str = "") -> int:
    """Note that an instance lives, for all agents that it works as or for one; return for how many it is known.

    One UPDATE, no event. An instance that is known for fewer than it should be must register again.
    """
    rows = Instance.objects.filter(instance_id=instance_id, stopped_at=None)
    if agent_id:
        rows = rows.filter(agent_id=agent_id)
    return rows.update(last_heartbeat_at=Now())


@transaction.atomic
def leave(agent_id: str, instance_id: str, *, reason: str, actor: Actor | None = None) -> bool:
    """Let an instance take no more work; return whether it had not left before. The last one makes the agent offline.

    What it is working on may still end: services.attempts takes back what does not.
    """
    agent = Agent.objects.select_for_update().filter(pk=agent_id).first()
    left = Instance.objects.filter(agent_id=agent_id, instance_id=instance_id, stopped_at=None).update(
        stopped_at=Now(), stop_reason=reason
    )
    if agent is None or not left:
        return False
    if agent_queries.status_of(agent_id) is AgentStatus.OFFLINE and agent.status != AgentStatus.OFFLINE:
        Agent.objects.filter(pk=agent_id).update(status=AgentStatus.OFFLINE)
        facts = {"reason": reason, "instance_id": instance_id}
        news.of_agent(agent_id, "agent.deregistered", facts, actor=actor)
    return True


def watch() -> int:
    """Publish each difference between the status of an agent and the one last published; return how many."""
    changed = [seen for seen in agent_queries.statuses() if seen.now is not seen.published]
    return sum(_publish(seen.agent_id) for seen in changed)


@transaction.atomic
def _publish(agent_id: str) -> bool:
    """Publish the status of one agent unless somebody else just did."""
    agent = Agent.objects.select_for_update().filter(pk=agent_id).first()
    if agent is None:
        return False
    status, was = agent_queries.status_of(agent_id), agent.status
    if status == was:
        return False
    Agent.objects.filter(pk=agent_id).update(status=status)
    if status is AgentStatus.OFFLINE:
        news.of_agent(agent_id, "agent.deregistered", {"reason": HEARTBEAT_LOST, "instance_id": ""})
    else:
        facts = {"entity": "agent", "from": was, "to": str(status), "trigger": "heartbeat", "reason": ""}
        news.of_agent(agent_id, "state.transition", facts)
    return True


@transaction.atomic
def deregister(agent_id: str, *, actor: Actor) -> bool:
    """Take an agent off the registry; its history stays. Return whether it was there."""
    if not Agent.objects.select_for_update().filter(pk=agent_id).exists():
        return False
    Agent.objects.filter(pk=agent_id).delete()
    news.of_agent(agent_id, "agent.deregistered", {"reason": OPERATOR, "instance_id": ""}, actor=actor)
    return True
