"""How hooks, their alerts and what is missing look outside."""

from typing import Any

from rest_framework import serializers

from apps.webhooks.repair.mending import Done
from apps.webhooks.repair.states import AlertKind, AlertState


class AlertSerializer(serializers.Serializer[Any]):
    """An open alert of a hook."""

    id = serializers.UUIDField(source="alert.pk")
    kind = serializers.ChoiceField(source="alert.kind", choices=[(item.value, item.value) for item in AlertKind])
    state = serializers.ChoiceField(
        source="alert.state", choices=[(AlertState.RAISED.value, "raised"), (AlertState.TOLD.value, "told")]
    )
    means = serializers.CharField(source="words.means")
    hint = serializers.CharField(source="words.hint")
    facts = serializers.DictField(source="alert.facts")
    raised_at = serializers.DateTimeField(source="alert.raised_at")


class FiguresSerializer(serializers.Serializer[Any]):
    """Figures of the last day; `open` and `missing` of all days."""

    deliveries = serializers.IntegerField()
    failed = serializers.IntegerField()
    failure_rate = serializers.FloatField()
    open = serializers.IntegerField()
    refused = serializers.IntegerField(help_text="Deliveries whose signature was not believed.")
    missing = serializers.IntegerField(help_text="GitHub made them, we do not have them yet.")
    given_up = serializers.IntegerField(help_text="They will not come in any more.")
    last_event_at = serializers.DateTimeField(allow_null=True)
    reception_p95_seconds = serializers.SerializerMethodField(help_text="From occurred at GitHub to received.")
    handling_p95_seconds = serializers.SerializerMethodField(help_text="From received to handled.")

    def get_reception_p95_seconds(self, row: Any) -> float | None:  # noqa: ANN401 - Figures
        """Return the duration in seconds."""
        return row.reception_p95.total_seconds() if row.reception_p95 is not None else None

    def get_handling_p95_seconds(self, row: Any) -> float | None:  # noqa: ANN401 - Figures
        """Return the duration in seconds."""
        return row.handling_p95.total_seconds() if row.handling_p95 is not None else None


class HookSerializer(serializers.Serializer[Any]):
    """A hook as it stands. `id` is what the acts on it take."""

    id = serializers.UUIDField(source="watch.pk")
    kind = serializers.ChoiceField(choices=["repository", "organization", "app"])
    of = serializers.CharField(source="name", help_text="`owner/name`, an organization's login, or the app's.")
    github_id = serializers.IntegerField(source="watch.hook.github_id", default=None, allow_null=True)
    events = serializers.ListField(source="watch.hook.events", child=serializers.CharField(), default=list)
    verified_at = serializers.DateTimeField(source="watch.hook.verified_at", default=None, allow_null=True)
    state = serializers.ChoiceField(choices=["ok", "wait", "bad"])
    alerts = AlertSerializer(source="troubles", many=True)
    looked_at = serializers.DateTimeField(source="watch.looked_at", allow_null=True)
    due_at = serializers.DateTimeField(source="watch.due_at")
    error = serializers.CharField(source="watch.error", allow_blank=True)
    figures = FiguresSerializer()
    refused_at_door = serializers.IntegerField(
        source="refused", help_text="Calls of the last day with a wrong signature, from GitHub or from anybody."
    )


class AskedSerializer(serializers.Serializer[Any]):
    """What a person asked for."""

    missing = serializers.IntegerField(help_text="So many are known to be missing and are asked for.")
    due_at = serializers.DateTimeField(help_text="When GitHub's list is compared with ours.")


class MendedSerializer(serializers.Serializer[Any]):
    """What was done to a hook."""

    done = serializers.ChoiceField(choices=[(item.value, item.value) for item in Done])
    missing = serializers.IntegerField(help_text="So many missed deliveries are asked for again.")
