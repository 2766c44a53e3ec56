"""What is watched: hooks, what they sent that we do not have, and what is wrong with them. Data and constraints."""

from datetime import datetime

from django.db import models
from django.db.models import Q

from apps.projects.models import Hook
from apps.webhooks.repair.states import OPEN_ALERTS, OPEN_GAPS, AlertKind, AlertState, GapState
from meshsix.kit import clock, ids


def _choices(values: type[GapState | AlertKind | AlertState]) -> list[tuple[str, str]]:
    return [(value.value, value.value) for value in values]


class HookWatch(models.Model):
    """When a hook is looked at, and up to where its deliveries were compared. Without `hook`: the GitHub App's.

    A look is claimed until `lease_until`; `looks` counts the claims and fences the record of a look that took too long.
    """

    id = models.UUIDField(primary_key=True, default=ids.new_id, editable=False)
    hook = models.OneToOneField(Hook, null=True, blank=True, on_delete=models.CASCADE, related_name="watch")
    created_at = models.DateTimeField(default=clock.now, editable=False)
    due_at = models.DateTimeField(default=clock.now)
    lease_until = models.DateTimeField(null=True, blank=True)
    looks = models.PositiveIntegerField(default=0)
    looked_at = models.DateTimeField(null=True, blank=True, help_text="When GitHub last told what it sent.")
    compared_until = models.DateTimeField(
        null=True, blank=True, help_text="Deliveries before it are all accounted for."
    )
    error = models.CharField(max_length=500, blank=True, help_text="Why the last look failed; empty when it did not.")

    class Meta:
        """One a hook, and one for the app."""

        db_table = "webhook_hook_watches"
        verbose_name_plural = "hook watches"
        constraints = [
            models.UniqueConstraint(fields=["hook"], nulls_distinct=False, name="webhook_hook_watches_once"),
        ]
        indexes = [models.Index(fields=["due_at"], name="webhook_hook_watches_due")]

    def __str__(self) -> str:
        return f"watch over the {self.hook}" if self.hook_id else "watch over the app's hook"

    @property
    def began_at(self) -> datetime:
        """Return from when on the hook's deliveries are to be ours."""
        return self.hook.created_at if self.hook is not None else self.created_at


class Gap(models.Model):
    """A delivery in GitHub's list that we do not have. `tries` counts how often GitHub was asked for it again.

    `delivery_id`, `status_code` and `delivered_at` are those of GitHub's latest attempt; a `status_code` of 401 is a
    signature that we did not believe, 0 none at all.
    """

    id = models.UUIDField(primary_key=True, default=ids.new_id, editable=False)
    watch = models.ForeignKey(HookWatch, on_delete=models.CASCADE, related_name="gaps")
    guid = models.CharField(max_length=100)
    delivery_id = models.BigIntegerField()
    event = models.CharField(max_length=60)
    action = models.CharField(max_length=60, blank=True)
    delivered_at = models.DateTimeField()
    status_code = models.PositiveSmallIntegerField(default=0)
    state = models.CharField(max_length=10, choices=_choices(GapState), default=GapState.MISSING)
    tries = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField(default=clock.now)
    found_missing_at = models.DateTimeField(default=clock.now)
    asked_at = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)
    reason = models.CharField(max_length=200, blank=True)

    class Meta:
        """A delivery of a hook is missing once, however often it is sent in vain."""

        db_table = "webhook_gaps"
        ordering = ("-delivered_at",)
        constraints = [
            models.UniqueConstraint(fields=["watch", "guid"], name="webhook_gaps_once"),
            models.CheckConstraint(condition=Q(state__in=[item.value for item in GapState]), name="webhook_gaps_state"),
        ]
        indexes = [
            models.Index(
                fields=["watch", "due_at"],
                condition=Q(state__in=[item.value for item in OPEN_GAPS]),
                name="webhook_gaps_open",
            ),
            models.Index(fields=["watch", "-delivered_at"], name="webhook_gaps_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.event} {self.guid} ({self.state})"


class HookAlert(models.Model):
    """Something is wrong with a hook: one row an episode, told once, cleared when the hook is well again."""

    id = models.UUIDField(primary_key=True, default=ids.new_id, editable=False)
    watch = models.ForeignKey(HookWatch, on_delete=models.CASCADE, related_name="alerts")
    kind = models.CharField(max_length=20, choices=_choices(AlertKind))
    state = models.CharField(max_length=10, choices=_choices(AlertState), default=AlertState.RAISED)
    facts = models.JSONField(default=dict)
    raised_at = models.DateTimeField(default=clock.now)
    told_at = models.DateTimeField(null=True, blank=True)
    cleared_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        """At most one open alert of a kind for a hook."""

        db_table = "webhook_hook_alerts"
        ordering = ("-raised_at",)
        constraints = [
            models.UniqueConstraint(
                fields=["watch", "kind"],
                condition=Q(state__in=[item.value for item in OPEN_ALERTS]),
                name="webhook_hook_alerts_one_open",
            ),
            models.CheckConstraint(
                condition=Q(state__in=[item.value for item in AlertState]), name="webhook_hook_alerts_state"
            ),
            models.CheckConstraint(
                condition=Q(kind__in=[item.value for item in AlertKind]), name="webhook_hook_alerts_kind"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} ({self.state})"
