"""What the research of a task has fetched and what was noted of it, so that a kill repeats neither."""

from django.db import models
from django.db.models import Q

from apps.agents.roster.research.states import FetchState
from meshsix.kit import clock, ids


class Fetch(models.Model):
    """One thing that a task asked of a fetcher, written before the call. `key` is the SHA-256 of fetcher and query.

    `note` says what of it could not be read, and why; empty where all was. The order in which fetches ended is the
    order of their sources. `attempt` is the task's that made it last; `is_told` says whether the event log heard of its
    beginning here, and is to hear of its end.
    """

    id = models.UUIDField(primary_key=True, default=ids.new_id, editable=False)
    task_id = models.UUIDField()
    key = models.CharField(max_length=64)
    fetcher = models.CharField(max_length=60)
    query = models.CharField(max_length=2000)
    state = models.CharField(
        max_length=12, choices=[(each.value, each.value) for each in FetchState], default=FetchState.BEGUN.value
    )
    documents = models.JSONField(default=list)
    note = models.CharField(max_length=2000, blank=True)
    attempt = models.PositiveSmallIntegerField(default=0, db_default=0)
    is_told = models.BooleanField(default=True, db_default=True)
    begun_at = models.DateTimeField(default=clock.now, editable=False)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        """A task asks a fetcher for the same thing once."""

        db_table = "research_fetches"
        ordering = ("ended_at", "id")
        constraints = [
            models.UniqueConstraint(fields=["task_id", "key"], name="research_fetches_once"),
            models.CheckConstraint(
                condition=Q(state__in=[each.value for each in FetchState]), name="research_fetches_state"
            ),
            models.CheckConstraint(
                condition=Q(state=FetchState.BEGUN.value, ended_at__isnull=True)
                | (~Q(state=FetchState.BEGUN.value) & Q(ended_at__isnull=False)),
                name="research_fetches_ended_at",
            ),
        ]
        indexes = [models.Index(fields=["begun_at"], name="research_fetches_begun")]

    def __str__(self) -> str:
        return f"{self.fetcher} {self.query[:60]}: {self.state}"


class Reading(models.Model):
    """What a model noted of one part (from 1) of a source (`S1`). `problem` says why there are no notes."""

    id = models.UUIDField(primary_key=True, default=ids.new_id, editable=False)
    task_id = models.UUIDField()
    source = models.CharField(max_length=8)
    part = models.PositiveSmallIntegerField()
    notes = models.JSONField(default=list)
    problem = models.CharField(max_length=500, blank=True)
    model = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        """A task reads each part once."""

        db_table = "research_readings"
        ordering = ("created_at", "id")
        constraints = [
            models.UniqueConstraint(fields=["task_id", "source", "part"], name="research_readings_once"),
            models.CheckConstraint(condition=Q(part__gte=1), name="research_readings_part"),
        ]
        indexes = [models.Index(fields=["created_at"], name="research_readings_created")]

    def __str__(self) -> str:
        return f"{self.source} part {self.part}"
