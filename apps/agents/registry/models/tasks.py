"""Tasks and what became of each of their attempts. Tables and main columns as people query them by hand."""

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import F, Q

from apps.agents.registry.models.agents import MOST_SECONDS
from apps.agents.registry.states import ENDED, HELD, ErrorType, TaskState
from meshsix.kit import clock, ids

MOST_PRIORITY = 10
MOST_WAIT_SECONDS = 604_800
LARGE = ("payload", "result")
"""The columns that lists and sweeps leave in the database: up to 256 KiB each."""


class Task(models.Model):
    """Something to be done, asked for by capability. What happens to it stands in states.py."""

    task_id = models.UUIDField(primary_key=True, default=ids.new_id, editable=False)
    capability = models.CharField(max_length=100)
    dispatched_to = models.CharField(max_length=60, blank=True)
    dispatched_at = models.DateTimeField(null=True, blank=True)
    status = models.CharField(
        max_length=20, choices=[(str(state), str(state)) for state in TaskState], default=TaskState.PENDING
    )
    attempts = models.PositiveSmallIntegerField(default=0, help_text="Tries that were made; the number of the last.")
    used_attempts = models.PositiveSmallIntegerField(default=0, help_text="Tries that count against max_attempts.")
    max_attempts = models.PositiveSmallIntegerField(default=3)
    timeout_seconds = models.PositiveIntegerField(default=120)
    payload = models.JSONField()
    result = models.JSONField(null=True, blank=True)
    result_ref = models.CharField(max_length=300, blank=True, help_text="Where in storage, if too large for the row.")
    created_at = models.DateTimeField(default=clock.now, editable=False)
    updated_at = models.DateTimeField(default=clock.now)
    completed_at = models.DateTimeField(null=True, blank=True)
    priority = models.PositiveSmallIntegerField(default=5)
    requested_by = models.CharField(max_length=150)
    project = models.CharField(max_length=140, blank=True, help_text="owner/name, in lower case")
    idempotency_key = models.CharField(max_length=200, null=True, blank=True)  # noqa: DJ001 - NULL: has no key
    request_sha256 = models.CharField(max_length=64, blank=True)
    trace_id = models.CharField(max_length=64)
    parent_task_id = models.UUIDField(null=True, blank=True)
    retry_of = models.UUIDField(null=True, blank=True)
    affinity_key = models.CharField(max_length=200, blank=True)
    explorable = models.BooleanField(default=True)
    allowed_agents = ArrayField(models.CharField(max_length=60), default=list, blank=True)
    backoff = models.JSONField(null=True, blank=True, help_text="first_seconds and most_seconds of the same agent.")
    instance_id = models.CharField(max_length=100, blank=True, help_text="Which instance began, or should.")
    run_id = models.UUIDField(null=True, blank=True, help_text="The engine's run of the present attempt.")
    started_at = models.DateTimeField(null=True, blank=True)
    deadline_at = models.DateTimeField(null=True, blank=True)
    due_at = models.DateTimeField(null=True, blank=True, help_text="A pending task is not given to anybody before.")
    pauses = models.JSONField(null=True, blank=True, help_text="By agent until when it is not to have it again.")
    wait_seconds = models.PositiveIntegerField(default=300)
    wait_until = models.DateTimeField(null=True, blank=True)
    wait_reason = models.CharField(max_length=300, blank=True)
    waits_for = ArrayField(
        models.CharField(max_length=60), default=list, blank=True, help_text="Agents of whom it waits for a slot."
    )
    proposed_agent = models.CharField(max_length=60, blank=True)
    gate = models.JSONField(null=True, blank=True, help_text="Who approved which agents, and when.")
    error = models.JSONField(null=True, blank=True, help_text="type, code, message and hint.")
    cancel_requested_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "orchestrator_tasks"
        ordering = ("-created_at",)
        constraints = [
            models.UniqueConstraint(
                fields=["requested_by", "idempotency_key"],
                condition=Q(idempotency_key__isnull=False),
                name="orchestrator_tasks_idempotency",
            ),
            models.CheckConstraint(condition=Q(status__in=list(TaskState)), name="orchestrator_tasks_status"),
            models.CheckConstraint(condition=Q(priority__lte=MOST_PRIORITY), name="orchestrator_tasks_priority"),
            models.CheckConstraint(
                condition=Q(timeout_seconds__gte=1, timeout_seconds__lte=MOST_SECONDS),
                name="orchestrator_tasks_timeout",
            ),
            models.CheckConstraint(condition=Q(wait_seconds__lte=MOST_WAIT_SECONDS), name="orchestrator_tasks_wait"),
            models.CheckConstraint(
                condition=Q(used_attempts__lte=F("attempts")) & Q(used_attempts__lte=F("max_attempts")),
                name="orchestrator_tasks_attempts",
            ),
            models.CheckConstraint(
                condition=~Q(status__in=HELD) | (~Q(dispatched_to="") & Q(run_id__isnull=False)),
                name="orchestrator_tasks_held",
            ),
            models.CheckConstraint(
                condition=~Q(status=TaskState.RUNNING) | Q(deadline_at__isnull=False),
                name="orchestrator_tasks_running_has_a_deadline",
            ),
            models.CheckConstraint(
                condition=~Q(status__in=[TaskState.PENDING, TaskState.AWAITING_APPROVAL]) | Q(wait_until__isnull=False),
                name="orchestrator_tasks_waiting_has_an_end",
            ),
            models.CheckConstraint(
                condition=Q(status__in=ENDED, completed_at__isnull=False)
                | (~Q(status__in=ENDED) & Q(completed_at__isnull=True)),
                name="orchestrator_tasks_completed_at",
            ),
        ]
        indexes = [
            models.Index(fields=["-created_at", "-task_id"], name="tasks_newest"),
            models.Index(fields=["status", "-created_at"], name="tasks_by_status"),
            models.Index(fields=["capability", "-created_at"], name="tasks_by_capability"),
            models.Index(fields=["project", "-created_at"], name="tasks_by_project"),
            models.Index(fields=["requested_by", "-created_at"], name="tasks_by_requester"),
            models.Index(fields=["trace_id"], name="tasks_by_trace"),
            models.Index(fields=["dispatched_to", "-dispatched_at"], name="tasks_by_agent"),
            models.Index(fields=["dispatched_to"], name="tasks_held", condition=Q(status__in=HELD)),
            models.Index(fields=["created_at"], name="tasks_pending", condition=Q(status=TaskState.PENDING)),
            GinIndex(
                fields=["waits_for"],
                name="tasks_by_awaited_agent",
                condition=Q(status=TaskState.PENDING) & ~Q(waits_for=[]),
            ),
            models.Index(fields=["deadline_at"], name="tasks_by_deadline", condition=Q(status=TaskState.RUNNING)),
            models.Index(fields=["affinity_key"], name="tasks_by_affinity", condition=~Q(affinity_key="")),
            models.Index(
                fields=["completed_at"], name="tasks_with_result", condition=Q(result__isnull=False) | ~Q(result_ref="")
            ),
        ]

    def __str__(self) -> str:
        return f"{self.capability} ({self.status})"


class History(models.Model):
    """One attempt that ended. Append-only; what is `counted` makes the success rate of an agent."""

    task_id = models.UUIDField()
    attempt = models.PositiveSmallIntegerField()
    agent_id = models.CharField(max_length=60)
    capability = models.CharField(max_length=100)
    success = models.BooleanField()
    duration_ms = models.PositiveBigIntegerField()
    error_type = models.CharField(max_length=30, blank=True)
    context = models.JSONField(default=dict, help_text="code, message, hint, instance and run.")
    created_at = models.DateTimeField(default=clock.now, editable=False)
    counted = models.BooleanField()

    class Meta:
        db_table = "agent_task_history"
        ordering = ("id",)
        constraints = [
            models.UniqueConstraint(fields=["task_id", "attempt"], name="agent_task_history_attempt"),
            models.CheckConstraint(
                condition=Q(success=True, error_type="") | Q(success=False, error_type__in=list(ErrorType)),
                name="agent_task_history_error_type",
            ),
        ]
        indexes = [
            models.Index(
                fields=["capability", "-created_at"],
                condition=Q(counted=True, success=True),
                name="history_successes",
            ),
            models.Index(fields=["agent_id", "-id"], name="history_by_agent"),
        ]

    def __str__(self) -> str:
        return f"{self.task_id} #{self.attempt}: {self.error_type or 'success'}"


class RecentOutcomes(models.Model):
    """How an agent's newest 20 counted attempts of a capability ended, the newest first. A trigger of History keeps it.

    Scoring reads this one row in place of 20 of the history, which would take an index of its own down each time.
    """

    agent_id = models.CharField(max_length=60)
    capability = models.CharField(max_length=100)
    won = ArrayField(models.BooleanField())
    ended_at = ArrayField(models.DateTimeField())

    class Meta:
        db_table = "agent_recent_outcomes"
        constraints = [models.UniqueConstraint(fields=["agent_id", "capability"], name="agent_recent_outcomes_unique")]

    def __str__(self) -> str:
        return f"{self.agent_id}: {self.capability}"
