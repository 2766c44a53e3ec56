"""What people and machines may ask about tasks and agents, checked at the border."""

from collections.abc import Mapping
from typing import Any

from rest_framework import serializers

from apps.agents.registry.models.agents import MOST_SLOTS
from apps.agents.registry.queries.listing import Asked
from apps.agents.registry.states import AgentStatus, TaskState
from apps.agents.registry.words import Request
from meshsix.kit import names
from meshsix.web.parameters import Parameters

_MOST_INTEGER = 2**31 - 1


class KnownFields(serializers.Serializer[Any]):
    """A request that knows all of its fields: another one is a mistake that would go unnoticed."""

    def to_internal_value(self, data: Any) -> Any:  # noqa: ANN401 - DRF hands in whatever the client sent
        """Return the checked fields. Raises ValidationError naming each unknown one."""
        if isinstance(data, Mapping):
            unknown = {str(name): ["There is no such field."] for name in data if name not in self.fields}
            if unknown:
                raise serializers.ValidationError(unknown)
        return super().to_internal_value(data)


class ProjectField(serializers.CharField):
    """A repository as `owner/name`; empty where a task belongs to none."""

    def to_internal_value(self, data: Any) -> str:  # noqa: ANN401 - as DRF calls it
        """Return `owner/name`. Raises ValidationError."""
        text = super().to_internal_value(data)
        try:
            return names.parse_repository(text).full_name if text else ""
        except names.BadName as error:
            raise serializers.ValidationError(str(error)) from error


class BackoffSerializer(KnownFields):
    """How long the same agent is left alone after a failure: full jitter under a doubling limit."""

    first_seconds = serializers.FloatField(min_value=0.1, max_value=3600, required=False)
    most_seconds = serializers.FloatField(min_value=0.1, max_value=86_400, required=False)


class TaskRequestSerializer(KnownFields):
    """A task as it is asked for. What is left out is as the capability declares, or the default."""

    capability = serializers.CharField(max_length=100)
    payload = serializers.DictField(child=serializers.JSONField(allow_null=True), default=dict)
    priority = serializers.IntegerField(default=5, max_value=_MOST_INTEGER, help_text="0 to 10; the highest first.")
    timeout_seconds = serializers.IntegerField(required=False, max_value=_MOST_INTEGER, help_text="Of each attempt.")
    max_attempts = serializers.IntegerField(default=3, max_value=_MOST_INTEGER)
    wait_seconds = serializers.IntegerField(
        default=300, max_value=_MOST_INTEGER, help_text="How long to wait for an agent."
    )
    project = ProjectField(default="", allow_blank=True, max_length=300)
    trace_id = serializers.RegexField(r"^[A-Za-z0-9-]{8,64}$", required=False)
    parent_task_id = serializers.UUIDField(required=False, allow_null=True)
    affinity_key = serializers.CharField(default="", allow_blank=True, max_length=200)
    explorable = serializers.BooleanField(default=True)
    allowed_agents = serializers.ListField(child=serializers.CharField(max_length=60), default=list, max_length=100)
    backoff = BackoffSerializer(required=False)


def request_from(given: Mapping[str, Any], *, idempotency_key: str | None) -> Request:
    """Return the checked fields as the word that the service takes."""
    facts = {**given, "allowed_agents": tuple(given["allowed_agents"]), "idempotency_key": idempotency_key}
    return Request(**facts)


class TaskParameters(Parameters):
    """The query parameters of the list of tasks."""

    status = serializers.ChoiceField(required=False, choices=[state.value for state in TaskState])
    capability = serializers.CharField(required=False, max_length=100)
    agent = serializers.CharField(required=False, max_length=60, help_text="To whom it was given last.")
    project = serializers.CharField(required=False, max_length=140, help_text="`owner/name`")
    requester = serializers.CharField(required=False, max_length=150, help_text="Who asked for it.")
    since = serializers.DateTimeField(required=False, help_text="Asked for from this moment on.")
    until = serializers.DateTimeField(required=False, help_text="Asked for before this moment.")
    limit = serializers.CharField(required=False, help_text="How many to return, at most 200.")
    cursor = serializers.CharField(required=False, help_text="The cursor of an earlier answer.")


def asked(given: Mapping[str, Any]) -> Asked:
    """Return the checked parameters as the word that queries take."""
    wanted = ("status", "capability", "agent", "project", "requester", "since", "until")
    return Asked(**{name: given[name] for name in wanted if given.get(name)})


class WhyParameters(Parameters):
    """The query parameters of why a task went to whom it went."""

    agent_id = serializers.CharField(required=False, default="", max_length=60, help_text="About this agent alone.")


class NothingSerializer(serializers.Serializer[Any]):
    """A request without fields."""


class ApprovalSerializer(KnownFields):
    """To whom somebody says yes: the task's `proposed_agent` as it was seen."""

    agent = serializers.CharField(max_length=60, help_text="409 where another one is proposed now.")


class RejectionSerializer(ApprovalSerializer):
    """To whom somebody says no, and why."""

    reason = serializers.CharField(max_length=500, help_text="What the requester is told.")


class AgentParameters(Parameters):
    """The query parameters of the list of agents."""

    status = serializers.ChoiceField(required=False, choices=[status.value for status in AgentStatus])
    capability = serializers.CharField(required=False, max_length=100, help_text="Only who offers it.")
    enabled = serializers.BooleanField(required=False, allow_null=True, default=None)
    limit = serializers.CharField(required=False, help_text="How many to return, at most 200.")
    cursor = serializers.CharField(required=False, help_text="The cursor of an earlier answer.")


class HistoryParameters(Parameters):
    """The query parameters of an agent's history."""

    capability = serializers.CharField(required=False, max_length=100)
    limit = serializers.CharField(required=False, help_text="How many to return, at most 200.")
    cursor = serializers.CharField(required=False, help_text="The cursor of an earlier answer.")


class ScoreParameters(Parameters):
    """The query parameters of the scores of a capability."""

    project = serializers.CharField(required=False, default="", max_length=140, help_text="For work on `owner/name`.")


class OverrideSerializer(KnownFields):
    """What an operator sets for a capability; null gives back what the agent declares."""

    name = serializers.CharField(max_length=100)
    override_weight = serializers.DecimalField(
        max_digits=4, decimal_places=3, min_value=0, max_value=1, required=False, allow_null=True
    )
    override_preferred = serializers.BooleanField(required=False, allow_null=True)
    window_since = serializers.DateTimeField(
        required=False, allow_null=True, help_text="Older history does not count: a fresh start."
    )


class AgentChangeSerializer(KnownFields):
    """What an operator sets for an agent; what is left out stays."""

    enabled = serializers.BooleanField(required=False)
    max_concurrency = serializers.IntegerField(required=False, min_value=1, max_value=MOST_SLOTS)
    capabilities = OverrideSerializer(many=True, required=False)


class PolicyChangeSerializer(KnownFields):
    """How tasks of a capability are routed; what is left out stays."""

    exploration_rate = serializers.FloatField(
        required=False, min_value=0, max_value=0.5, help_text="Share of tasks for new and recovered agents."
    )
    hysteresis = serializers.FloatField(
        required=False, min_value=0, max_value=0.5, help_text="By how much another one must exceed the incumbent."
    )
    spill_ratio = serializers.FloatField(
        required=False, min_value=0, max_value=1, help_text="How near to the best the next one must be to take over."
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Refuse a change of nothing: the capability would get a policy of its own that nobody asked for."""
        if not attrs:
            raise serializers.ValidationError(f"Name at least one of {', '.join(self.fields)}.")
        return attrs
