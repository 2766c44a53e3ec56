"""How an onboarding looks outside: the same fields for API, commands (`--json`) and MCP. Never a secret."""

from typing import Any

from django.urls import reverse
from rest_framework import serializers

from apps.onboarding.models import Onboarding
from apps.onboarding.queries import Detail
from apps.onboarding.states import SENTENCES, Status
from meshsix.durable.models import Attempt, StepRow


class AttemptSerializer(serializers.ModelSerializer[Attempt]):
    """One try of a step."""

    class Meta:
        model = Attempt
        fields = ("number", "started_at", "finished_at", "result", "error_code", "error_hint", "error_detail")
        read_only_fields = fields


class StepSerializer(serializers.ModelSerializer[StepRow]):
    """One step with its attempts."""

    attempts = AttemptSerializer(many=True, read_only=True)
    output = serializers.JSONField(read_only=True, allow_null=True)

    class Meta:
        model = StepRow
        fields = (
            "name",
            "phase",
            "state",
            "attempt",
            "max_attempts",
            "due_at",
            "started_at",
            "finished_at",
            "error_code",
            "error_hint",
            "error_detail",
            "skip_reason",
            "wait_name",
            "wait_until",
            "output",
            "attempts",
        )
        read_only_fields = fields


class LinkSerializer(serializers.Serializer[Any]):
    """Something that the run made or adopted."""

    kind = serializers.CharField(read_only=True)
    title = serializers.CharField(read_only=True)
    url = serializers.CharField(read_only=True)


class WaitSerializer(serializers.Serializer[Any]):
    """What the run waits for, since when, until when, and who can end it."""

    step = serializers.CharField(read_only=True)
    kind = serializers.CharField(read_only=True)
    what = serializers.CharField(read_only=True)
    since = serializers.DateTimeField(read_only=True, allow_null=True)
    until = serializers.DateTimeField(read_only=True, allow_null=True)
    who = serializers.CharField(read_only=True)
    code = serializers.CharField(read_only=True)
    hint = serializers.CharField(read_only=True)


class OnboardingSerializer(serializers.ModelSerializer[Onboarding]):
    """An onboarding in a list."""

    id = serializers.UUIDField(source="run_id", read_only=True)
    status_text = serializers.SerializerMethodField()
    url = serializers.SerializerMethodField()

    class Meta:
        model = Onboarding
        fields = (
            "id",
            "repo_owner",
            "repo_name",
            "display_name",
            "execution_mode",
            "status",
            "status_text",
            "current_phase",
            "current_activities",
            "completed_activities",
            "progress",
            "oauth_device_url",
            "oauth_user_code",
            "error_code",
            "error_hint",
            "requested_by",
            "created_at",
            "updated_at",
            "completed_at",
            "url",
        )
        read_only_fields = fields

    def get_status_text(self, row: Onboarding) -> str:
        """Return the status as a sentence."""
        return SENTENCES[Status(row.status)]

    def get_url(self, row: Onboarding) -> str:
        """Return the path of the onboarding's page."""
        return reverse("onboarding-page", args=[row.pk])


class OnboardingDetailSerializer(OnboardingSerializer):
    """The shape of `as_json`, for the API's description."""

    steps = StepSerializer(many=True, read_only=True)
    links = LinkSerializer(many=True, read_only=True)
    waits = WaitSerializer(many=True, read_only=True)

    class Meta:
        model = Onboarding
        fields = (*OnboardingSerializer.Meta.fields, "steps", "links", "waits")
        read_only_fields = fields


def as_json(detail: Detail) -> dict[str, Any]:
    """Return the whole onboarding as JSON-ready values."""
    return {
        **OnboardingSerializer(detail.onboarding).data,
        "steps": StepSerializer(detail.steps, many=True).data,
        "links": LinkSerializer(list(detail.links), many=True).data,
        "waits": WaitSerializer(list(detail.waits), many=True).data,
    }


class AcceptedSerializer(OnboardingSerializer):
    """The answer to an accepted request."""

    class Meta:
        model = Onboarding
        fields = ("id", "status", "url")
        read_only_fields = fields
