"""How memories look outside, and what may be asked about them."""

from collections.abc import Mapping
from typing import Any

from rest_framework import serializers

from apps.agents.memory.listing import Asked
from apps.agents.memory.models import LONGEST, Memory
from apps.agents.memory.scopes import Kind, Scope
from meshsix.kit import names
from meshsix.web.parameters import Parameters

SCOPES = [(each.value, each.value) for each in Scope]
KINDS = [(each.value, each.value) for each in Kind]


class MemorySerializer(serializers.ModelSerializer[Memory]):
    """A memory. `project` and `agent_id` are where it comes from; `subject` is the person whom it is about."""

    scope = serializers.ChoiceField(choices=SCOPES)
    kind = serializers.CharField()

    class Meta:
        model = Memory
        fields = (
            "id",
            "scope",
            "scope_key",
            "subject",
            "agent_id",
            "project",
            "kind",
            "content",
            "reads",
            "created_at",
            "expires_at",
        )
        read_only_fields = fields


class MemoryRequestSerializer(serializers.Serializer[Any]):
    """Something to remember. A secret in it is taken out before it is kept."""

    content = serializers.CharField(max_length=LONGEST)
    scope = serializers.ChoiceField(choices=SCOPES)
    project = serializers.CharField(
        default="", allow_blank=True, max_length=140, help_text="`owner/name`; needed for the scopes project and task."
    )
    agent_id = serializers.CharField(
        default="", allow_blank=True, max_length=60, help_text="Needed for the scope agent: who is to remember it."
    )
    issue = serializers.IntegerField(
        default=None, allow_null=True, min_value=1, max_value=2**31 - 1, help_text="Needed for the scope task."
    )
    subject = serializers.CharField(default="", allow_blank=True, max_length=301, help_text="Whom alone it is for.")

    def validate_project(self, value: str) -> str:
        """Return `owner/name`. Raises ValidationError."""
        try:
            return names.parse_repository(value).full_name if value else ""
        except names.BadName as error:
            raise serializers.ValidationError(str(error)) from error

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Return the fields. Raises ValidationError for each that the scope needs and that is missing."""
        needs = {
            Scope.TASK: ("project", "issue"),
            Scope.PROJECT: ("project",),
            Scope.AGENT: ("agent_id",),
            Scope.GLOBAL: (),
        }
        missing = {name: ["This scope needs it."] for name in needs[Scope(attrs["scope"])] if not attrs[name]}
        if missing:
            raise serializers.ValidationError(missing)
        return attrs


class MemoryParameters(Parameters):
    """The query parameters of the list of memories."""

    query = serializers.CharField(required=False, max_length=2000, help_text="The best first, in one page.")
    scope = serializers.ChoiceField(required=False, choices=SCOPES)
    scope_key = serializers.CharField(required=False, max_length=200)
    project = serializers.CharField(required=False, max_length=140, help_text="Where it comes from: `owner/name`.")
    agent_id = serializers.CharField(required=False, max_length=60, help_text="Where it comes from.")
    subject = serializers.CharField(required=False, max_length=301, help_text="Whom it is about.")
    kind = serializers.ChoiceField(required=False, choices=KINDS)
    limit = serializers.CharField(required=False, help_text="How many to return, at most 200.")
    cursor = serializers.CharField(required=False, help_text="The cursor of an earlier answer.")


class ForgetParameters(Parameters):
    """The query parameters of forgetting a person."""

    subject = serializers.CharField(max_length=301, help_text="The person of whom nothing is to be kept.")


class ForgottenSerializer(serializers.Serializer[Any]):
    """How much was forgotten."""

    forgotten = serializers.IntegerField()


def asked_from(given: Mapping[str, Any]) -> Asked:
    """Return the checked parameters as the word that queries take."""
    wanted = {name: given[name] for name in ("scope", "scope_key", "agent_id", "subject", "kind") if given.get(name)}
    return Asked(project=given.get("project", "").lower(), **wanted)
