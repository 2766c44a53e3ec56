"""One row an onboarding, as people query it. The engine's run is the truth; this row follows it in each transaction."""

from django.contrib.postgres.fields import ArrayField
from django.db import models

from apps.onboarding.states import FINISHED, Status
from meshsix.durable.models import Run

STATUS_CHOICES = [(item.value, item.name.title()) for item in Status]


class Onboarding(models.Model):
    """What an onboarding is doing, kept by `services.follow`."""

    run = models.OneToOneField(Run, primary_key=True, db_column="id", on_delete=models.PROTECT, related_name="+")
    repo_owner = models.CharField(max_length=39)
    repo_name = models.CharField(max_length=100)
    display_name = models.CharField(max_length=100)
    execution_mode = models.CharField(max_length=20)
    status = models.CharField(max_length=20, choices=STATUS_CHOICES)
    current_phase = models.CharField(max_length=40, blank=True)
    current_activities = ArrayField(models.CharField(max_length=60), default=list)
    completed_activities = ArrayField(models.CharField(max_length=60), default=list)
    progress = models.FloatField(default=0)
    oauth_device_url = models.TextField(blank=True)
    oauth_user_code = models.CharField(max_length=40, blank=True)
    error_code = models.CharField(max_length=100, blank=True)
    error_hint = models.TextField(blank=True)
    requested_by = models.CharField(max_length=150)
    created_at = models.DateTimeField()
    updated_at = models.DateTimeField()
    completed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        """The table's name and main columns are kept for those who query it by hand."""

        db_table = "onboarding_runs"
        ordering = ("-created_at",)
        constraints = [
            models.CheckConstraint(condition=models.Q(status__in=list(Status)), name="onboarding_runs_status"),
            models.CheckConstraint(
                condition=models.Q(progress__gte=0) & models.Q(progress__lte=1), name="onboarding_runs_progress"
            ),
        ]
        indexes = [
            models.Index(fields=["status", "-created_at"], name="onboarding_runs_status_created"),
            models.Index(fields=["repo_owner", "repo_name"], name="onboarding_runs_repository"),
            models.Index(fields=["-created_at", "-run"], name="onboarding_runs_created"),
        ]

    def __str__(self) -> str:
        return f"{self.full_name} ({self.status})"

    @property
    def full_name(self) -> str:
        """Return `owner/name`."""
        return f"{self.repo_owner}/{self.repo_name}"

    @property
    def finished(self) -> bool:
        """Return whether it is over, well or not."""
        return self.status in FINISHED
