"""What came in from outside: each authenticated delivery is a row before anybody reacts to it."""

import json
import re
import zlib
from typing import Any

from django.db import models

from apps.projects.models import Hook, Project
from apps.webhooks.states import OPEN, RARE, DeliveryState
from meshsix.kit import clock, ids

_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")
_NOTHING = models.Value([], models.JSONField())


class Door(models.TextChoices):
    """By which door something came in."""

    GITHUB = "github", "Webhooks of GitHub"
    ALERTMANAGER = "alertmanager", "Alerts of Alertmanager"
    GRAFANA = "grafana", "Alerts of Grafana"
    ARGOCD = "argocd", "Notices of Argo CD"
    NTFY = "ntfy", "Answers by a link that was sent to a phone"


class Delivery(models.Model):
    """One delivery of a webhook. `hook` is empty for the platform-wide hook (a GitHub App's).

    `attempts` counts tries since it came or was last replayed, `claims` all that ever began: a try that ends under
    another number than it began with changes nothing. `history` lists the last tries and replays, the newest last:
    {at, took_ms, result, words}. `effects` are the events that it told or would have told:
    {aggregate_id, aggregate_seq, event_type, is_first, reactions}. `payload` is empty once `payload_dropped_at`.
    `nudges` counts how often recovery has sent the message of a try again, a few at most; the next one at `nudge_at`.
    `occurred_at` is when what it tells happened at GitHub, to the second; None where nobody knows.
    """

    id = models.UUIDField(primary_key=True, default=ids.new_id, editable=False)
    door = models.CharField(max_length=20, choices=Door, default=Door.GITHUB, db_default=Door.GITHUB)
    guid = models.CharField(max_length=100)
    hook = models.ForeignKey(
        Hook, null=True, blank=True, on_delete=models.CASCADE, related_name="deliveries", db_index=False
    )
    project = models.ForeignKey(
        Project, null=True, blank=True, on_delete=models.SET_NULL, related_name="deliveries", db_index=False
    )
    event = models.CharField(max_length=60)
    action = models.CharField(max_length=60, blank=True)
    received_at = models.DateTimeField(default=clock.now, editable=False)
    occurred_at = models.DateTimeField(null=True, blank=True, editable=False)
    headers = models.JSONField(default=dict)
    payload = models.BinaryField()
    payload_dropped_at = models.DateTimeField(null=True, blank=True)
    state = models.CharField(
        max_length=10,
        choices=[(item.value, item.value) for item in DeliveryState],
        default=DeliveryState.RECEIVED,
    )
    reason = models.CharField(max_length=300, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    claims = models.PositiveIntegerField(default=0, db_default=0)
    due_at = models.DateTimeField(default=clock.now)
    nudges = models.PositiveSmallIntegerField(default=0, db_default=0)
    nudge_at = models.DateTimeField(null=True, blank=True)
    handled_at = models.DateTimeField(null=True, blank=True)
    error = models.TextField(blank=True)
    error_code = models.CharField(max_length=100, blank=True, default="", db_default="")
    error_hint = models.TextField(blank=True, default="", db_default="")
    history = models.JSONField(default=list, db_default=_NOTHING)
    effects = models.JSONField(default=list, db_default=_NOTHING)
    run_id = models.UUIDField(null=True, blank=True)
    issue = models.PositiveIntegerField(null=True, blank=True)

    class Meta:
        """A hook's delivery is stored once, however often it is sent."""

        db_table = "webhook_deliveries"
        verbose_name_plural = "deliveries"
        ordering = ("-received_at", "-id")
        constraints = [
            models.UniqueConstraint(
                fields=["guid", "hook", "door"], nulls_distinct=False, name="webhook_deliveries_once"
            ),
            models.CheckConstraint(condition=models.Q(door__in=Door.values), name="webhook_deliveries_door"),
            models.CheckConstraint(
                condition=models.Q(state__in=[item.value for item in DeliveryState]), name="webhook_deliveries_state"
            ),
            models.CheckConstraint(
                condition=models.Q(payload_dropped_at__isnull=True)
                | ~models.Q(state__in=[item.value for item in OPEN]),
                name="webhook_deliveries_open_has_payload",
            ),
        ]
        indexes = [
            models.Index(
                fields=["due_at"],
                condition=models.Q(state__in=[item.value for item in OPEN]),
                name="webhook_deliveries_due",
            ),
            models.Index(fields=["-received_at", "-id"], name="webhook_deliveries_received"),
            models.Index(fields=["project", "-received_at"], name="webhook_deliveries_project"),
            models.Index(fields=["hook", "-received_at"], name="webhook_deliveries_hook"),
            models.Index(fields=["event", "-received_at"], name="webhook_deliveries_event"),
            models.Index(fields=["guid"], opclasses=["varchar_pattern_ops"], name="webhook_deliveries_guid"),
            models.Index(
                fields=["state", "-received_at"],
                condition=models.Q(state__in=[item.value for item in RARE]),
                name="webhook_deliveries_rare",
            ),
            models.Index(
                fields=["received_at"],
                condition=models.Q(payload_dropped_at__isnull=True),
                name="webhook_deliveries_payload",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.event} {self.guid}"

    @property
    def name(self) -> str:
        """Return how addresses name the delivery: its guid, or its id where that would not fit into one."""
        return self.guid if _PLAIN.fullmatch(self.guid) else str(self.pk)

    @property
    def body(self) -> dict[str, Any]:
        """Return the payload as it came; empty where it was dropped."""
        if self.payload_dropped_at is not None:
            return {}
        data: dict[str, Any] = json.loads(zlib.decompress(self.payload))
        return data


class Refusals(models.Model):
    """How many signatures of a hook were not believed in one minute. Written by doors/refusals.py."""

    hook = models.ForeignKey(Hook, on_delete=models.CASCADE, related_name="refusals")
    minute = models.DateTimeField()
    number = models.PositiveIntegerField()

    class Meta:
        """One row a hook and minute."""

        db_table = "webhook_refusals"
        verbose_name_plural = "refusals"
        constraints = [models.UniqueConstraint(fields=["hook", "minute"], name="webhook_refusals_minute")]

    def __str__(self) -> str:
        return f"{self.number} of {self.hook_id}"
