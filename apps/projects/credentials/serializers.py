"""What the API of tokens and credentials takes and gives. Only one answer ever holds a token: the one that made it."""

from datetime import timedelta
from typing import Any

from rest_framework import serializers

from apps.projects import queries as projects
from apps.projects.credentials.models import AccessToken, Scope, TokenClass
from apps.projects.credentials.queries import Standing
from apps.projects.credentials.tokens import LONGEST_LIFE, USUAL_LIFE
from meshsix.kit import names


class TokenSerializer(serializers.ModelSerializer[AccessToken]):
    """A token in facts."""

    token_class = serializers.ChoiceField(choices=TokenClass.choices)
    scopes = serializers.ListField(child=serializers.ChoiceField(choices=Scope.choices))
    projects = serializers.ListField(child=serializers.UUIDField(), help_text="Ids; empty: all that its owner sees.")
    capabilities = serializers.ListField(child=serializers.CharField(), help_text="What an agent's token may offer.")
    owner = serializers.CharField(source="owner.username")

    class Meta:
        model = AccessToken
        fields = (
            "id",
            "name",
            "token_class",
            "scopes",
            "projects",
            "environment",
            "agent_id",
            "capabilities",
            "owner",
            "created_by",
            "created_at",
            "expires_at",
            "last_used_at",
            "revoked_at",
        )
        read_only_fields = fields


class IssuedSerializer(TokenSerializer):
    """A new token, with its plaintext for the first and last time."""

    token = serializers.CharField(help_text="Shown once. Keep it where secrets are kept.")

    class Meta(TokenSerializer.Meta):
        fields = (*TokenSerializer.Meta.fields, "token")  # type: ignore[assignment] # one more than its parent has
        read_only_fields = fields  # type: ignore[assignment] # one more than its parent has


class WantedTokenSerializer(serializers.Serializer[Any]):
    """What somebody wants of a new token."""

    name = serializers.CharField(max_length=100)
    token_class = serializers.ChoiceField(
        choices=[TokenClass.PERSONAL.value, TokenClass.SERVICE.value], default=TokenClass.PERSONAL.value
    )
    scopes = serializers.ListField(child=serializers.ChoiceField(choices=Scope.choices), min_length=1)
    projects = serializers.ListField(
        child=serializers.CharField(max_length=200),
        default=list,
        help_text="`owner/name` of each project it is bound to; empty: all that you see.",
    )
    days = serializers.IntegerField(min_value=1, max_value=LONGEST_LIFE.days, default=USUAL_LIFE.days)

    def validate_projects(self, value: list[str]) -> list[Any]:
        """Return the ids of the projects. What the caller may not see does not exist."""
        seen = projects.visible_projects(self.context["request"].user)
        return [self._project_id(text, seen) for text in value]

    @staticmethod
    def _project_id(text: str, seen: Any) -> Any:  # noqa: ANN401 - a QuerySet of projects, and one of their ids
        try:
            found = projects.by_name(names.parse_repository(text))
        except names.BadName as error:
            raise serializers.ValidationError(str(error)) from error
        if found is None or not seen.filter(pk=found.pk).exists():
            raise serializers.ValidationError(f"There is no project {text!r}, or you may not see it.")
        return found.pk

    @property
    def life(self) -> timedelta:
        """Return how long the token is to live."""
        return timedelta(days=self.validated_data["days"])


class HealthSerializer(serializers.Serializer[Any]):
    """How a project's credential stands."""

    project_id = serializers.CharField()
    status = serializers.ChoiceField(choices=[(item.value, item.value) for item in Standing])
    kind = serializers.CharField(allow_blank=True)
    fingerprint = serializers.CharField(allow_blank=True)
    email_address = serializers.CharField(allow_blank=True)
    has_valid_credential = serializers.BooleanField()
    expires_at = serializers.DateTimeField(allow_null=True)
    expires_in_ms = serializers.IntegerField(allow_null=True)
    has_refresh_token = serializers.BooleanField()
    proven_at = serializers.DateTimeField(allow_null=True)
    open_login_id = serializers.UUIDField(allow_null=True)
