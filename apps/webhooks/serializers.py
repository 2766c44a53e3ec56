"""What people and machines may ask about deliveries, checked at the border."""

from collections.abc import Mapping
from typing import Any

from rest_framework import serializers

from apps.webhooks.queries import Asked
from apps.webhooks.states import DeliveryState
from meshsix.web.parameters import Parameters

_STATES = [item.value for item in DeliveryState]


class FilterFields(serializers.Serializer[Any]):
    """Which deliveries are wanted. What is left out is not asked for."""

    project = serializers.RegexField(
        r"^[^/\s]+/[^/\s]+$", required=False, max_length=140, help_text="Only those of `owner/name`."
    )
    event = serializers.CharField(required=False, max_length=60, help_text="GitHub's name of the event.")
    action = serializers.CharField(required=False, max_length=60)
    state = serializers.ChoiceField(required=False, choices=_STATES)
    hook = serializers.CharField(required=False, max_length=64, help_text="The hook's key.")
    q = serializers.CharField(required=False, max_length=100, help_text="How the guid begins.")
    since = serializers.DateTimeField(required=False, help_text="Received from this moment on.")
    until = serializers.DateTimeField(required=False, help_text="Received before this moment.")


class ListParameters(FilterFields, Parameters):
    """The query parameters of the list."""

    limit = serializers.CharField(required=False, help_text="How many to return, at most 200.")
    cursor = serializers.CharField(required=False, help_text="The cursor of an earlier answer.")


class ReplayFilter(FilterFields):
    """The filter of a replay: at least one field, and none that is not known."""

    def to_internal_value(self, data: Any) -> Any:  # noqa: ANN401 - DRF hands in whatever the client sent
        """Return the checked fields. Raises ValidationError naming each unknown one."""
        if isinstance(data, Mapping):
            unknown = {str(name): ["There is no such field."] for name in data if name not in self.fields}
            if unknown:
                raise serializers.ValidationError(unknown)
        return super().to_internal_value(data)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse an empty filter, which would replay everything."""
        if not attrs:
            raise serializers.ValidationError("Name at least one field: an empty filter would replay everything.")
        return attrs


class ReplayRequest(serializers.Serializer[Any]):
    """Which deliveries are to be replayed, and whether only to say what would happen."""

    filter = ReplayFilter()
    dry_run = serializers.BooleanField(required=False, default=False)


class NothingSerializer(serializers.Serializer[Any]):
    """A request without fields."""


def asked(given: Mapping[str, Any]) -> Asked:
    """Return the checked fields as the word that queries take."""
    names = ("project", "event", "action", "state", "hook", "q", "since", "until")
    return Asked(**{name: given[name] for name in names if given.get(name)})
