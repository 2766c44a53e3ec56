"""The one way an entry of the log looks in the API."""

from typing import Any

from rest_framework import serializers

from apps.agents.roster.architect.models import Entry
from apps.agents.roster.architect.words import Said
from meshsix.web.parameters import Parameters

MOST = 200


class HistoryParameters(Parameters):
    """The query parameters of a history."""

    after = serializers.IntegerField(required=False, min_value=0, default=0, help_text="The last number you have.")
    limit = serializers.IntegerField(required=False, min_value=1, max_value=MOST, default=50)


class ArchitectEntrySerializer(serializers.ModelSerializer[Entry]):
    """One thing that the architect said or heard; `payload` depends on `event_type`."""

    event_type = serializers.ChoiceField(choices=[(each.value, each.value) for each in Said])
    payload = serializers.DictField()

    class Meta:
        model = Entry
        fields = ("number", "event_type", "event_key", "payload", "created_at")


class ArchitectHistorySerializer(serializers.Serializer[Any]):
    """A page of the log."""

    actor_id = serializers.CharField(help_text="owner/name/number, in lower case")
    results = ArchitectEntrySerializer(many=True)
    next = serializers.URLField(allow_null=True)
