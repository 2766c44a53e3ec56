"""Runs, their steps, every attempt of a step, and the answers from outside. Data and constraints, no behaviour."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q

from meshsix.durable.states import OPEN_RUNS, RunState, StepState
from meshsix.kit import clock, ids

LIVE_STEPS = [StepState.READY, StepState.RETRYING]


def _choices(states: type[RunState | StepState]) -> list[tuple[str, str]]:
    return [(str(state), str(state)) for state in states]


class AttemptResult(models.TextChoices):
    """How one attempt of a step ended."""

    DONE = "done"
    SKIPPED = "skipped"
    ASKED = "asked"
    PAUSED = "paused"
    FAILED = "failed"
    LOST = "lost"


class Run(models.Model):
    """One execution of a workflow for one key; at most one unfinished run a key."""

    id = models.UUIDField(primary_key=True, default=ids.new_id, editable=False)
    workflow = models.CharField(max_length=100)
    key = models.CharField(max_length=300)
    state = models.CharField(max_length=20, choices=_choices(RunState), default=RunState.PENDING)
    ask = models.JSONField(help_text="The run's input; never a secret.")
    definition_hash = models.CharField(max_length=64)
    definition = models.JSONField(help_text="What the workflow was when the run began: a deploy never changes it.")
    phase = models.CharField(max_length=100, blank=True, default="")
    actor = models.JSONField(default=dict, help_text="Who asked for it, and through which door.")
    created_at = models.DateTimeField(default=clock.now)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    error_code = models.CharField(max_length=100, blank=True, default="")
    error_hint = models.TextField(blank=True, default="")

    class Meta:
        db_table = "durable_runs"
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["key"], condition=Q(state__in=sorted(OPEN_RUNS)), name="durable_one_unfinished_run_a_key"
            ),
            models.CheckConstraint(condition=Q(state__in=list(RunState)), name="durable_run_state_is_known"),
        ]
        indexes = [
            models.Index(fields=["key", "-created_at"], name="durable_runs_by_key"),
            models.Index(fields=["state", "-created_at"], name="durable_runs_by_state"),
            models.Index(fields=["-created_at"], name="durable_runs_newest"),
        ]

    def __str__(self) -> str:
        """Return the key and state."""
        return f"{self.key} ({self.state})"


class Answer(models.Model):
    """What arrived for a wait, once per id. It may arrive before anybody waits; a passed deadline is an answer too."""

    id = models.CharField(primary_key=True, max_length=300)
    name = models.CharField(max_length=300)
    payload = models.JSONField(default=dict, help_text="References and facts; never a secret.")
    actor = models.JSONField(default=dict)
    timed_out = models.BooleanField(default=False)
    received_at = models.DateTimeField(default=clock.now)
    given_at = models.DateTimeField(null=True, blank=True, help_text="When it was given to a step; empty: not used.")
    outcome = models.CharField(max_length=20, default="stored")

    class Meta:
        db_table = "durable_answers"
        indexes = [models.Index(fields=["name", "received_at"], name="durable_answers_by_name")]

    def __str__(self) -> str:
        """Return the name and id."""
        return f"{self.name} ({self.id})"


class StepRow(models.Model):
    """One step of a run. It exists from the moment the run is created, so that the whole way ahead is visible."""

    # Its own index would double the one of durable_one_row_a_step, and a step's row changes often.
    run = models.ForeignKey(Run, on_delete=models.CASCADE, related_name="steps", db_index=False)
    name = models.CharField(max_length=100)
    phase = models.CharField(max_length=100)
    position = models.PositiveIntegerField()
    state = models.CharField(max_length=20, choices=_choices(StepState), default=StepState.PENDING)
    needs = ArrayField(models.CharField(max_length=100), default=list, help_text="Steps that must end well before it.")
    attempt = models.PositiveIntegerField(default=0)
    max_attempts = models.PositiveIntegerField()
    timeout = models.DurationField()
    due_at = models.DateTimeField(null=True, blank=True, help_text="When a retrying step runs again.")
    nudge_at = models.DateTimeField(null=True, blank=True, help_text="When recovery sends its message again.")
    nudges = models.PositiveSmallIntegerField(default=0, help_text="How often recovery sent it since it became ready.")
    lease_until = models.DateTimeField(null=True, blank=True)
    lease_owner = models.CharField(max_length=200, blank=True, default="")
    started_at = models.DateTimeField(null=True, blank=True, help_text="When its first attempt began.")
    attempt_started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    output = models.JSONField(null=True, blank=True)
    error_code = models.CharField(max_length=100, blank=True, default="")
    error_hint = models.TextField(blank=True, default="")
    error_detail = models.TextField(blank=True, default="")
    wait_name = models.CharField(max_length=300, blank=True, default="")
    wait_since = models.DateTimeField(null=True, blank=True)
    wait_until = models.DateTimeField(null=True, blank=True)
    wait_asked = models.JSONField(default=dict, blank=True, help_text="Asked as JSON: who, what, facts.")
    answer = models.ForeignKey(
        Answer, null=True, blank=True, on_delete=models.PROTECT, related_name="steps", db_index=False
    )
    skip_reason = models.TextField(blank=True, default="")

    class Meta:
        db_table = "durable_steps"
        ordering = ["run", "position"]
        constraints = [
            models.UniqueConstraint(fields=["run", "name"], name="durable_one_row_a_step"),
            models.CheckConstraint(condition=Q(state__in=list(StepState)), name="durable_step_state_is_known"),
            models.CheckConstraint(
                condition=~Q(state=StepState.RUNNING) | (Q(lease_until__isnull=False) & ~Q(lease_owner="")),
                name="durable_running_step_has_a_lease",
            ),
            models.CheckConstraint(
                condition=~Q(state=StepState.WAITING) | (Q(wait_until__isnull=False) & ~Q(wait_name="")),
                name="durable_waiting_step_has_a_deadline",
            ),
            models.CheckConstraint(
                condition=~Q(state=StepState.RETRYING) | Q(due_at__isnull=False), name="durable_retrying_step_is_due"
            ),
            models.CheckConstraint(condition=Q(attempt__lte=F("max_attempts")), name="durable_attempts_are_bounded"),
        ]
        indexes = [
            models.Index(fields=["nudge_at"], name="durable_steps_to_nudge", condition=Q(state__in=LIVE_STEPS)),
            models.Index(fields=["lease_until"], name="durable_steps_leased", condition=Q(state=StepState.RUNNING)),
            models.Index(fields=["wait_until"], name="durable_waits_by_end", condition=Q(state=StepState.WAITING)),
            models.Index(fields=["wait_name"], name="durable_waits_by_name", condition=~Q(wait_name="")),
            models.Index(fields=["answer"], name="durable_steps_by_answer", condition=Q(answer__isnull=False)),
        ]

    def __str__(self) -> str:
        """Return the name and state."""
        return f"{self.name} ({self.state})"


class Attempt(models.Model):
    """One attempt of a step that has ended. Pauses that count no attempt leave none."""

    step = models.ForeignKey(StepRow, on_delete=models.CASCADE, related_name="attempts")
    number = models.PositiveIntegerField()
    owner = models.CharField(max_length=200)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField()
    result = models.CharField(max_length=20, choices=AttemptResult.choices)
    error_code = models.CharField(max_length=100, blank=True, default="")
    error_hint = models.TextField(blank=True, default="")
    error_detail = models.TextField(blank=True, default="")

    class Meta:
        db_table = "durable_attempts"
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(result__in=AttemptResult.values), name="durable_attempt_result_is_known"
            ),
        ]

    def __str__(self) -> str:
        """Return the number and result."""
        return f"{self.number}: {self.result}"
