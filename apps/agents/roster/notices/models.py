"""Where notices go (addresses lie in Vault), and one row for each delivery, written before the call."""

from django.db import models
from django.db.models import Q

from apps.agents.roster.notices.states import ChannelName, DeliveryState, Severity
from meshsix.kit import clock, ids

NAME = r"^[a-z][a-z0-9-]{0,59}$"


class Destination(models.Model):
    """One place that a notice may go to. Its address, or its topic, is a secret at `vault_path`."""

    id = models.UUIDField(primary_key=True, default=ids.new_id, editable=False)
    name = models.CharField(max_length=60)
    channel = models.CharField(max_length=10, choices=[(each.value, each.value) for each in ChannelName])
    project = models.CharField(max_length=140, blank=True)
    vault_path = models.CharField(max_length=300)
    created_at = models.DateTimeField(default=clock.now, editable=False)

    class Meta:
        """A name is unique within its project (`owner/name`, lower case), and among those of the platform (empty)."""

        db_table = "notification_destinations"
        ordering = ("project", "name")
        constraints = [
            models.UniqueConstraint(fields=["project", "name"], name="notification_destinations_unique_name"),
            models.CheckConstraint(condition=Q(name__regex=NAME), name="notification_destinations_name"),
            models.CheckConstraint(
                condition=Q(channel__in=[each.value for each in ChannelName if each is not ChannelName.CONSOLE]),
                name="notification_destinations_channel",
            ),
            models.CheckConstraint(condition=~Q(vault_path=""), name="notification_destinations_vault_path"),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.channel})"


class Delivery(models.Model):
    """One notice on its way to one destination. `key` is what makes it the same notice: a dedup key, else its task.

    The notice's words are not kept. `attempts` counts the calls; `task_id` is the task that made the last one.
    """

    id = models.UUIDField(primary_key=True, default=ids.new_id, editable=False)
    project = models.CharField(max_length=140, blank=True)
    channel = models.CharField(max_length=10, choices=[(each.value, each.value) for each in ChannelName])
    destination = models.CharField(max_length=60, blank=True)
    key = models.CharField(max_length=220)
    severity = models.CharField(max_length=10, choices=[(each.value, each.value) for each in Severity])
    state = models.CharField(max_length=10, choices=[(each.value, each.value) for each in DeliveryState])
    task_id = models.UUIDField()
    attempts = models.PositiveIntegerField(default=1)
    repeated = models.BooleanField(default=False)
    message_id = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(default=clock.now, editable=False)
    begun_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        """The same notice goes to the same destination once."""

        db_table = "notification_deliveries"
        ordering = ("-created_at", "-id")
        constraints = [
            models.UniqueConstraint(
                fields=["project", "channel", "destination", "key"], name="notification_deliveries_unique_notice"
            ),
            models.CheckConstraint(
                condition=Q(state__in=[each.value for each in DeliveryState]), name="notification_deliveries_state"
            ),
            models.CheckConstraint(
                condition=Q(severity__in=[each.value for each in Severity]), name="notification_deliveries_severity"
            ),
            models.CheckConstraint(
                condition=Q(state=DeliveryState.SENT.value, sent_at__isnull=False)
                | (~Q(state=DeliveryState.SENT.value) & Q(sent_at__isnull=True)),
                name="notification_deliveries_sent_at",
            ),
        ]
        indexes = [models.Index(fields=["task_id"], name="notification_deliveries_task")]

    def __str__(self) -> str:
        return f"{self.channel} {self.destination}: {self.state}"
