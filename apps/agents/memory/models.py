"""Memories, and the log of what was compressed. The column `embedding` has a length, which the migration gives it."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.db.models.functions import MD5, Length
from django.db.models.lookups import LessThanOrEqual
from pgvector.django import VectorField

from apps.agents.memory import local_vector
from apps.agents.memory.scopes import Kind, Scope
from meshsix.kit import clock, ids

LONGEST = 2000
"""Most characters of a memory."""


def _choices(kinds: type[Scope | Kind]) -> list[tuple[str, str]]:
    return [(kind.value, kind.value) for kind in kinds]


class Memory(models.Model):
    """One thing to remember. `agent_id` and `project` are where it comes from; who reads it is `scope` and `scope_key`.

    `subject` is the person that it is about, who alone may read it: an account, or `account/name` for one of those for
    whom it asks; empty where it is about nobody.
    """

    id = models.UUIDField(primary_key=True, default=ids.new_id, editable=False)
    scope = models.CharField(max_length=10, choices=_choices(Scope))
    scope_key = models.CharField(max_length=200)
    subject = models.CharField(max_length=301, blank=True)
    agent_id = models.CharField(max_length=60, blank=True)
    project = models.CharField(max_length=140, blank=True)
    kind = models.CharField(max_length=10, choices=_choices(Kind))
    content = models.TextField()
    embedding = VectorField(null=True, blank=True)
    embedding_model = models.CharField(max_length=200, blank=True)
    local_embedding = VectorField(dimensions=local_vector.DIMENSION)
    reads = models.PositiveIntegerField(default=0)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    expires_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        """The same words are kept once for the same readers."""

        db_table = "agent_memories"
        ordering = ("-created_at", "-id")
        constraints = [
            models.UniqueConstraint(
                "scope", "scope_key", "subject", MD5("content"), name="agent_memories_unique_content"
            ),
            models.CheckConstraint(condition=Q(scope__in=[each.value for each in Scope]), name="agent_memories_scope"),
            models.CheckConstraint(condition=Q(kind__in=[each.value for each in Kind]), name="agent_memories_kind"),
            models.CheckConstraint(condition=~Q(scope_key="") & ~Q(content=""), name="agent_memories_not_empty"),
            models.CheckConstraint(condition=LessThanOrEqual(Length("content"), LONGEST), name="agent_memories_length"),
            models.CheckConstraint(
                condition=Q(embedding__isnull=True, embedding_model="")
                | (Q(embedding__isnull=False) & ~Q(embedding_model="")),
                name="agent_memories_model_of_vector",
            ),
        ]
        indexes = [
            models.Index(
                fields=["scope", "scope_key", "subject", "-created_at", "-id"], name="agent_memories_newest_of"
            ),
            models.Index(fields=["-created_at", "-id"], name="agent_memories_newest"),
            models.Index(fields=["project", "-created_at"], name="agent_memories_by_project"),
            models.Index(fields=["subject"], condition=~Q(subject=""), name="agent_memories_subject"),
            models.Index(fields=["expires_at"], condition=Q(expires_at__isnull=False), name="agent_memories_expiry"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} for {self.scope} {self.scope_key}"


class Method(models.TextChoices):
    """How a hand-over was made shorter."""

    DETERMINISTIC = "deterministic", "By the rules alone"
    LLM = "llm", "By a model, and validated"
    PASSTHROUGH = "passthrough", "Nothing had to go"


class CompressionLog(models.Model):
    """One compression. What was handed over is not kept, unless the caller asked for it."""

    id = models.UUIDField(primary_key=True, default=ids.new_id, editable=False)
    sender = models.CharField(max_length=60)
    receiver = models.CharField(max_length=60)
    project_id = models.CharField(max_length=140, blank=True)
    task_id = models.CharField(max_length=64, blank=True)
    method = models.CharField(max_length=20, choices=Method)
    input_tokens = models.PositiveIntegerField()
    output_tokens = models.PositiveIntegerField()
    compression_ratio = models.FloatField()
    duration_ms = models.PositiveIntegerField()
    validation_passed = models.BooleanField()
    validation_errors = ArrayField(models.CharField(max_length=300), default=list, blank=True)
    truncated = models.BooleanField()
    llm_model = models.CharField(max_length=200, blank=True)
    llm_prompt_version = models.CharField(max_length=20, blank=True)
    input = models.JSONField(null=True, blank=True)
    output = models.TextField(blank=True)
    created_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        """Read by pair of agents, newest first."""

        db_table = "context_compression_log"
        ordering = ("-created_at", "-id")
        constraints = [
            models.CheckConstraint(condition=Q(method__in=Method.values), name="context_compression_log_method"),
        ]
        indexes = [
            models.Index(fields=["sender", "receiver", "-created_at"], name="context_compression_log_pair"),
        ]

    def __str__(self) -> str:
        return f"{self.sender} to {self.receiver}: {self.input_tokens} to {self.output_tokens}"
