"""Who can do what: agents, their capabilities, the things that they depend on, and their running instances."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from apps.agents.registry.states import AgentStatus, CheckKind
from meshsix.kit import clock

AGENT_ID = r"^[a-z][a-z0-9-]{0,59}$"
NAME = r"^[a-z][a-z0-9-]{0,99}$"
MOST_SLOTS = 100
MOST_SECONDS = 86_400


class AgentKind(models.TextChoices):
    """Where an agent's code lives."""

    PYTHON = "python", "A class of this deployment"
    EXTERNAL = "external", "A program of its own, in any language"


class AgentType(models.TextChoices):
    """By what an agent works, for people."""

    LLM = "LLM", "A language model"
    RULE = "RULE", "Fixed rules"
    API = "API", "Calls of a vendor"
    SCRIPT = "SCRIPT", "Programs"


class Risk(models.TextChoices):
    """Whether a person must agree first."""

    AUTO = "AUTO", "Goes ahead by itself"
    APPROVAL_REQUIRED = "APPROVAL_REQUIRED", "Only with a person's approval"


class ServedBy(models.TextChoices):
    """What answers a task of a capability."""

    STEP = "step", "One call of a handler"
    WORKFLOW = "workflow", "A workflow of the step engine"
    OUTSIDE = "outside", "A program that takes leases"


class Agent(models.Model):
    """One agent, under the name by which all tables and events know it."""

    agent_id = models.CharField(primary_key=True, max_length=60)
    title = models.CharField(max_length=200)
    kind = models.CharField(max_length=10, choices=AgentKind)
    type = models.CharField(max_length=10, choices=AgentType)
    version = models.CharField(max_length=60)
    definition_hash = models.CharField(max_length=64)
    max_concurrency = models.PositiveSmallIntegerField(default=1)
    enabled = models.BooleanField(default=True)
    projects = ArrayField(
        models.CharField(max_length=140), default=list, blank=True, help_text="owner/name it works for; empty: any."
    )
    status = models.CharField(
        max_length=10,
        choices=[(str(status), str(status)) for status in AgentStatus],
        default=AgentStatus.OFFLINE,
        help_text="As it was last published; routing computes it anew.",
    )
    last_dispatched_at = models.DateTimeField(null=True, blank=True, help_text="When it was last given a task.")
    metadata = models.JSONField(default=dict, blank=True)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    updated_at = models.DateTimeField(default=clock.now)

    class Meta:
        db_table = "agents"
        ordering = ("agent_id",)
        constraints = [
            models.CheckConstraint(
                condition=Q(agent_id__regex=AGENT_ID) & ~Q(agent_id="score"), name="agents_agent_id"
            ),
            models.CheckConstraint(condition=Q(kind__in=AgentKind.values), name="agents_kind"),
            models.CheckConstraint(condition=Q(type__in=AgentType.values), name="agents_type"),
            models.CheckConstraint(condition=Q(status__in=list(AgentStatus)), name="agents_status"),
            models.CheckConstraint(
                condition=Q(max_concurrency__gte=1, max_concurrency__lte=MOST_SLOTS), name="agents_max_concurrency"
            ),
        ]

    def __str__(self) -> str:
        return self.agent_id


class Setting(models.Model):
    """What an operator set for an agent. It outlives registrations, and the agent's row: null is what nobody set."""

    agent_id = models.CharField(primary_key=True, max_length=60)
    enabled = models.BooleanField(null=True, blank=True)
    max_concurrency = models.PositiveSmallIntegerField(null=True, blank=True)
    updated_at = models.DateTimeField(default=clock.now)

    class Meta:
        db_table = "agent_settings"
        constraints = [
            models.CheckConstraint(
                condition=Q(max_concurrency__isnull=True) | Q(max_concurrency__gte=1, max_concurrency__lte=MOST_SLOTS),
                name="agent_settings_max_concurrency",
            )
        ]

    def __str__(self) -> str:
        return self.agent_id


class Schema(models.Model):
    """A JSON Schema (2020-12), stored once however many capabilities share it."""

    hash = models.CharField(primary_key=True, max_length=64)
    schema = models.JSONField()

    class Meta:
        db_table = "agent_schemas"

    def __str__(self) -> str:
        return self.hash


class Capability(models.Model):
    """Something that an agent can do. `override_*` and `window_since` are an operator's; registration keeps them."""

    # Its own index would double the one of agent_capabilities_unique.
    agent = models.ForeignKey(Agent, on_delete=models.CASCADE, related_name="capabilities", db_index=False)
    name = models.CharField(max_length=100)
    weight = models.DecimalField(max_digits=4, decimal_places=3)
    preferred = models.BooleanField(default=False)
    requirements = ArrayField(models.CharField(max_length=100), default=list, blank=True)
    risk = models.CharField(max_length=20, choices=Risk, default=Risk.AUTO)
    risky_actions = ArrayField(models.CharField(max_length=100), default=list, blank=True)
    preview = models.JSONField(null=True, blank=True)
    input_schema = models.ForeignKey(Schema, on_delete=models.PROTECT, related_name="+", db_column="input_schema")
    output_schema = models.ForeignKey(Schema, on_delete=models.PROTECT, related_name="+", db_column="output_schema")
    served_by = models.CharField(max_length=10, choices=ServedBy, default=ServedBy.STEP)
    timeout_seconds = models.PositiveIntegerField(default=120)
    estimated_seconds = models.PositiveIntegerField(null=True, blank=True)
    override_weight = models.DecimalField(max_digits=4, decimal_places=3, null=True, blank=True)
    override_preferred = models.BooleanField(null=True, blank=True)
    window_since = models.DateTimeField(null=True, blank=True, help_text="Older history does not count.")
    withdrawn_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        db_table = "agent_capabilities"
        ordering = ("agent_id", "name")
        constraints = [
            models.UniqueConstraint(fields=["agent", "name"], name="agent_capabilities_unique"),
            models.CheckConstraint(condition=Q(name__regex=NAME), name="agent_capabilities_name"),
            models.CheckConstraint(condition=Q(weight__gte=0, weight__lte=1), name="agent_capabilities_weight"),
            models.CheckConstraint(
                condition=Q(override_weight__isnull=True) | Q(override_weight__gte=0, override_weight__lte=1),
                name="agent_capabilities_override_weight",
            ),
            models.CheckConstraint(condition=Q(risk__in=Risk.values), name="agent_capabilities_risk"),
            models.CheckConstraint(condition=Q(served_by__in=ServedBy.values), name="agent_capabilities_served_by"),
            models.CheckConstraint(
                condition=Q(timeout_seconds__gte=1, timeout_seconds__lte=MOST_SECONDS),
                name="agent_capabilities_timeout",
            ),
        ]
        indexes = [models.Index(fields=["name"], name="agent_capabilities_by_name")]

    def __str__(self) -> str:
        return f"{self.agent_id}: {self.name}"


class Check(models.Model):
    """A thing that an agent depends on, and whether it was there when last looked at.

    `ok` is null while nobody has looked; `streak` counts good checks in a row; `due_at` is when the next one is.
    """

    agent = models.ForeignKey(Agent, on_delete=models.CASCADE, related_name="checks", db_index=False)
    key = models.CharField(max_length=100)
    kind = models.CharField(max_length=10, choices=[(str(kind), str(kind)) for kind in CheckKind])
    target = models.CharField(max_length=500)
    ok = models.BooleanField(null=True, blank=True)
    streak = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField(default=clock.now)
    checked_at = models.DateTimeField(null=True, blank=True)
    healed_at = models.DateTimeField(null=True, blank=True, help_text="When it was last found well after a failure.")
    detail = models.CharField(max_length=500, blank=True)
    duration_ms = models.PositiveIntegerField(null=True, blank=True)

    class Meta:
        db_table = "agent_checks"
        ordering = ("agent_id", "key")
        constraints = [
            models.UniqueConstraint(fields=["agent", "key"], name="agent_checks_unique"),
            models.CheckConstraint(condition=Q(kind__in=list(CheckKind)), name="agent_checks_kind"),
        ]
        indexes = [
            models.Index(fields=["due_at"], name="agent_checks_due"),
            models.Index(fields=["kind", "target"], name="agent_checks_by_target"),
        ]

    def __str__(self) -> str:
        return f"{self.agent_id}: {self.key}"


class Instance(models.Model):
    """A process that works as this agent. `stop_reason` is empty while it has not stopped."""

    agent = models.ForeignKey(Agent, on_delete=models.CASCADE, related_name="instances", db_index=False)
    instance_id = models.CharField(max_length=100)
    host = models.CharField(max_length=255, blank=True)
    version = models.CharField(max_length=60)
    started_at = models.DateTimeField()
    last_heartbeat_at = models.DateTimeField(help_text="By the database's clock.")
    stopped_at = models.DateTimeField(null=True, blank=True)
    stop_reason = models.CharField(max_length=20, blank=True)

    class Meta:
        db_table = "agent_instances"
        ordering = ("-started_at",)
        constraints = [
            models.UniqueConstraint(fields=["agent", "instance_id"], name="agent_instances_unique"),
            models.CheckConstraint(
                condition=Q(stopped_at__isnull=True, stop_reason="")
                | (Q(stopped_at__isnull=False) & ~Q(stop_reason="")),
                name="agent_instances_stop_reason",
            ),
        ]
        indexes = [
            models.Index(
                fields=["agent", "-last_heartbeat_at"],
                name="agent_instances_alive",
                condition=Q(stopped_at__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.agent_id}: {self.instance_id}"
