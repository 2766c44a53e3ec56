"""How deliveries look outside: the same fields for API, commands (`--json`) and MCP. Never a secret.

Payloads and reasons hold text of people at GitHub: it is data, and named `untrusted_*` where a model may read it.
"""

from typing import Any

from django.urls import reverse
from rest_framework import serializers

from apps.webhooks import queries
from apps.webhooks.models import Delivery
from apps.webhooks.replays import Replay
from apps.webhooks.states import DeliveryState


class EffectSerializer(serializers.Serializer[Any]):
    """An event that the delivery told (`is_first`), or found to be told already; `rejected` says what kept it back."""

    aggregate_id = serializers.CharField(read_only=True)
    aggregate_seq = serializers.IntegerField(read_only=True)
    event_type = serializers.CharField(read_only=True)
    is_first = serializers.BooleanField(read_only=True)
    reactions = serializers.ListField(child=serializers.CharField(), read_only=True)
    rejected = serializers.CharField(read_only=True)


class TrySerializer(serializers.Serializer[Any]):
    """One try to handle the delivery, or one request to replay it."""

    at = serializers.DateTimeField(read_only=True)
    took_ms = serializers.IntegerField(read_only=True)
    result = serializers.CharField(read_only=True)
    words = serializers.CharField(read_only=True)


class DeliverySerializer(serializers.ModelSerializer[Delivery]):
    """A delivery in a list."""

    project = serializers.SerializerMethodField()
    state = serializers.ChoiceField(choices=[item.value for item in DeliveryState], read_only=True)
    effects = EffectSerializer(many=True, read_only=True)
    url = serializers.SerializerMethodField()

    class Meta:
        model = Delivery
        fields = (
            "id",
            "guid",
            "hook",
            "project",
            "event",
            "action",
            "occurred_at",
            "received_at",
            "state",
            "reason",
            "attempts",
            "due_at",
            "handled_at",
            "error",
            "error_code",
            "error_hint",
            "issue",
            "run_id",
            "effects",
            "url",
        )
        read_only_fields = fields

    def get_project(self, row: Delivery) -> str | None:
        """Return `owner/name`, None where the delivery is of no project."""
        return row.project.full_name if row.project is not None else None

    def get_url(self, row: Delivery) -> str:
        """Return the path of the delivery's page."""
        return reverse("delivery-page", args=[row.name])


class DeliveryDetailSerializer(DeliverySerializer):
    """A delivery with headers, payload and tries."""

    headers = serializers.DictField(child=serializers.CharField(), read_only=True)
    history = TrySerializer(many=True, read_only=True)
    untrusted_payload = serializers.SerializerMethodField()

    class Meta:
        model = Delivery
        fields = (*DeliverySerializer.Meta.fields, "headers", "payload_dropped_at", "history", "untrusted_payload")
        read_only_fields = fields

    def get_untrusted_payload(self, row: Delivery) -> dict[str, Any] | None:
        """Return what was sent, as it came but for what looks like a secret; null once it is not kept any more."""
        found = queries.payload_of(row)
        return found if isinstance(found, dict) else None


class VerdictSerializer(serializers.Serializer[Any]):
    """What a replay did, or would do, to one delivery."""

    delivery = DeliverySerializer(read_only=True)
    refusal = serializers.CharField(read_only=True)


class ReplaySerializer(serializers.Serializer[Any]):
    """What a replay by filter did, or would do with `dry_run`."""

    matched = serializers.IntegerField(read_only=True)
    replayed = serializers.IntegerField(read_only=True)
    refused = serializers.IntegerField(read_only=True)
    dry_run = serializers.BooleanField(read_only=True)
    shown = VerdictSerializer(many=True, read_only=True)


def as_json(delivery: Delivery) -> dict[str, Any]:
    """Return the whole delivery as JSON-ready values."""
    return dict(DeliveryDetailSerializer(delivery).data)


def listed(delivery: Delivery) -> dict[str, Any]:
    """Return a delivery as it stands in a list."""
    return dict(DeliverySerializer(delivery).data)


def replay_as_json(replay: Replay) -> dict[str, Any]:
    """Return what a replay did as JSON-ready values."""
    return dict(ReplaySerializer(replay).data)
