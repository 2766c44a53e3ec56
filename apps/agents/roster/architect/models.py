"""The architect's log of each issue: what it was asked, what it said, what people said. Append-only."""

from django.db import models
from django.db.models import Q

from apps.agents.roster.architect.words import Said
from meshsix.kit import clock


class Entry(models.Model):
    """One entry. `number` counts from 1 in its issue without gaps; `event_key` makes a repeat a no-op."""

    actor_id = models.CharField(max_length=200, help_text="owner/name/number, in lower case")
    number = models.PositiveBigIntegerField()
    project = models.CharField(max_length=140, help_text="owner/name, in lower case")
    event_type = models.CharField(max_length=30, choices=[(each.value, each.value) for each in Said])
    event_key = models.CharField(max_length=200)
    payload = models.JSONField()
    created_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        """Written by log.append alone; a trigger refuses changes (migrations/0001_initial.py)."""

        db_table = "architect_events"
        ordering = ("actor_id", "number")
        constraints = [
            models.UniqueConstraint(fields=["actor_id", "event_key"], name="architect_events_once"),
            models.UniqueConstraint(fields=["actor_id", "number"], name="architect_events_number"),
            models.CheckConstraint(
                condition=Q(event_type__in=[each.value for each in Said]), name="architect_events_type"
            ),
            models.CheckConstraint(
                condition=~Q(actor_id="") & ~Q(project="") & ~Q(event_key="") & Q(number__gte=1),
                name="architect_events_not_empty",
            ),
        ]
        indexes = [models.Index(fields=["project", "event_type", "-id"], name="architect_events_project")]

    def __str__(self) -> str:
        return f"{self.actor_id} #{self.number}: {self.event_type}"
