"""How tasks and agents look outside. Numbers of scores have six decimals."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import timedelta
from functools import cached_property
from typing import Any

from django.urls import reverse
from rest_framework import serializers

from apps.agents.registry.cards import Card, as_json
from apps.agents.registry.models import Agent, Capability, Check, History, Task
from apps.agents.registry.models.agents import AgentKind, AgentType, Risk, ServedBy
from apps.agents.registry.queries.listing import score_of
from apps.agents.registry.queries.visibility import shows
from apps.agents.registry.queries.why import Explanation
from apps.agents.registry.states import AgentStatus, TaskState

_DECIMALS = 6
TASK_STATES = [(state.value, state.value) for state in TaskState]
AGENT_STATUSES = [(status.value, status.value) for status in AgentStatus]


class TaskAcceptedSerializer(serializers.Serializer[Any]):
    """A task that was taken: where it went at once. `score` is null where it waits."""

    task_id = serializers.UUIDField()
    status = serializers.ChoiceField(choices=TASK_STATES)
    dispatched_to = serializers.CharField(allow_blank=True)
    score = serializers.FloatField(allow_null=True)
    attempt = serializers.IntegerField()
    url = serializers.CharField()


class TaskErrorSerializer(serializers.Serializer[Any]):
    """Why a task, or its last attempt, gave no result."""

    type = serializers.CharField()
    code = serializers.CharField(allow_blank=True)
    message = serializers.CharField(allow_blank=True)
    hint = serializers.CharField(allow_blank=True)


class TaskSerializer(serializers.ModelSerializer[Task]):
    """A task in a list."""

    status = serializers.ChoiceField(choices=TASK_STATES)
    error = TaskErrorSerializer(allow_null=True)
    url = serializers.SerializerMethodField()

    class Meta:
        model = Task
        fields = (
            "task_id",
            "capability",
            "status",
            "dispatched_to",
            "dispatched_at",
            "attempts",
            "max_attempts",
            "priority",
            "timeout_seconds",
            "requested_by",
            "project",
            "trace_id",
            "parent_task_id",
            "retry_of",
            "proposed_agent",
            "wait_reason",
            "wait_until",
            "error",
            "created_at",
            "updated_at",
            "started_at",
            "deadline_at",
            "completed_at",
            "cancel_requested_at",
            "url",
        )
        read_only_fields = fields

    def get_url(self, task: Task) -> str:
        """Return the path of the task in the API."""
        return reverse("task-api", args=[task.task_id])


class TaskDetailSerializer(TaskSerializer):
    """A task with what it was asked and what it gave; a large result lies in storage at `result_ref`."""

    payload = serializers.JSONField()
    result = serializers.JSONField(allow_null=True)
    gate = serializers.JSONField(allow_null=True)
    allowed_agents = serializers.ListField(child=serializers.CharField())

    class Meta:
        model = Task
        fields = (
            *TaskSerializer.Meta.fields,
            "payload",
            "result",
            "result_ref",
            "used_attempts",
            "wait_seconds",
            "affinity_key",
            "explorable",
            "allowed_agents",
            "gate",
            "due_at",
        )
        read_only_fields = fields


class TaskAttemptSerializer(serializers.ModelSerializer[History]):
    """An attempt that ended; `counted` where it tells of the agent's reliability."""

    context = serializers.JSONField()  # type: ignore[assignment] # named as the column; DRF keeps fields apart

    class Meta:
        model = History
        fields = (
            "task_id",
            "attempt",
            "agent_id",
            "capability",
            "success",
            "duration_ms",
            "error_type",
            "context",
            "counted",
            "created_at",
        )
        read_only_fields = fields


class TaskAttemptsSerializer(serializers.Serializer[Any]):
    """All attempts of a task that ended, the oldest first."""

    results = TaskAttemptSerializer(many=True)


class CheckCardSerializer(serializers.Serializer[Any]):
    """A dependency that the capability requires."""

    key = serializers.CharField()
    ok = serializers.BooleanField()
    stale = serializers.BooleanField()
    detail = serializers.CharField(allow_blank=True)


class ScoreCardSerializer(serializers.Serializer[Any]):
    """How an agent stands for a capability: its score and each factor of it."""

    agent_id = serializers.CharField()
    capability = serializers.CharField()
    base_weight = serializers.FloatField()
    dependency_health = serializers.FloatField()
    rolling_success_rate = serializers.FloatField()
    recency_boost = serializers.FloatField()
    preferred_factor = serializers.FloatField()
    final_score = serializers.FloatField()
    eligible = serializers.BooleanField()
    reasons = serializers.ListField(child=serializers.CharField())
    window = serializers.IntegerField(help_text="How many counted attempts the rate is made of.")
    status = serializers.ChoiceField(choices=AGENT_STATUSES)
    checks = CheckCardSerializer(many=True)
    open_tasks = serializers.IntegerField()
    max_concurrency = serializers.IntegerField()
    risk = serializers.ChoiceField(choices=Risk.choices)


class PolicySerializer(serializers.Serializer[Any]):
    """The rules by which tasks of a capability are routed."""

    exploration_rate = serializers.FloatField()
    hysteresis = serializers.FloatField()
    spill_ratio = serializers.FloatField()


class ScoresSerializer(serializers.Serializer[Any]):
    """All who offer a capability, the best first, as they stand now."""

    results = ScoreCardSerializer(many=True)
    policy = PolicySerializer()
    computed_at = serializers.DateTimeField()


class ExplainedSerializer(serializers.Serializer[Any]):
    """One agent in one decision. `card` is there for the best 20."""

    agent_id = serializers.CharField()
    chosen = serializers.BooleanField()
    score = serializers.FloatField(allow_null=True)
    reason = serializers.CharField(allow_blank=True)
    card = ScoreCardSerializer(allow_null=True)


class DecisionSerializer(serializers.Serializer[Any]):
    """One routing decision; `attempt` is null where nobody got the task."""

    attempt = serializers.IntegerField(allow_null=True)
    chosen_agent = serializers.CharField(allow_blank=True)
    policy = serializers.JSONField()
    reason = serializers.CharField(allow_blank=True)
    created_at = serializers.DateTimeField()
    agents = ExplainedSerializer(many=True)


class WhySerializer(serializers.Serializer[Any]):
    """Why a task went to whom it went, or why it waits."""

    task_id = serializers.UUIDField()
    status = serializers.ChoiceField(choices=TASK_STATES)
    wait_reason = serializers.CharField(allow_blank=True)
    dispatches = DecisionSerializer(many=True)


class CapabilitySerializer(serializers.ModelSerializer[Capability]):
    """Something that an agent can do; `override_*` are an operator's."""

    weight = serializers.FloatField()
    override_weight = serializers.FloatField(allow_null=True)
    risk = serializers.ChoiceField(choices=Risk.choices)
    served_by = serializers.ChoiceField(choices=ServedBy.choices)
    requirements = serializers.ListField(child=serializers.CharField())
    risky_actions = serializers.ListField(child=serializers.CharField())

    class Meta:
        model = Capability
        fields = (
            "name",
            "weight",
            "preferred",
            "override_weight",
            "override_preferred",
            "requirements",
            "risk",
            "risky_actions",
            "served_by",
            "timeout_seconds",
            "estimated_seconds",
            "window_since",
            "withdrawn_at",
        )
        read_only_fields = fields


class CheckSerializer(serializers.ModelSerializer[Check]):
    """A thing that an agent depends on; `ok` is null while nobody has looked."""

    kind = serializers.CharField()

    class Meta:
        model = Check
        fields = ("key", "kind", "target", "ok", "checked_at", "detail", "duration_ms")
        read_only_fields = fields


class AgentSerializer(serializers.ModelSerializer[Agent]):
    """An agent as it is now. `beat_age_seconds` is null where no instance is there; its context has the `request`."""

    kind = serializers.ChoiceField(choices=AgentKind.choices)
    type = serializers.ChoiceField(choices=AgentType.choices)
    status = serializers.SerializerMethodField()
    beat_age_seconds = serializers.SerializerMethodField()
    open_tasks = serializers.SerializerMethodField()
    projects = serializers.SerializerMethodField()
    any_project = serializers.SerializerMethodField()
    metadata = serializers.JSONField()
    capabilities = CapabilitySerializer(many=True)
    checks = CheckSerializer(many=True)

    class Meta:
        model = Agent
        fields = (
            "agent_id",
            "title",
            "kind",
            "type",
            "version",
            "status",
            "enabled",
            "beat_age_seconds",
            "open_tasks",
            "max_concurrency",
            "projects",
            "any_project",
            "metadata",
            "capabilities",
            "checks",
            "created_at",
            "updated_at",
        )
        read_only_fields = fields

    def get_projects(self, agent: Agent) -> list[str]:
        """Return those of the projects it works for that the caller may see."""
        return [name for name in agent.projects if self._may_show(name)]

    @cached_property
    def _may_show(self) -> Callable[[str], bool]:
        return shows(self.context["request"].user)

    def get_any_project(self, agent: Agent) -> bool:
        """Return whether it works for any project."""
        return not agent.projects

    def get_status(self, agent: Agent) -> str:
        """Return the status by the newest beat, as of this answer."""
        return str(vars(agent)["status_now"])

    def get_beat_age_seconds(self, agent: Agent) -> float | None:
        """Return how long ago the newest beat was."""
        age: timedelta | None = vars(agent)["beat_age"]
        return None if age is None else round(max(0.0, age.total_seconds()), 3)

    def get_open_tasks(self, agent: Agent) -> int:
        """Return how many of its slots are taken."""
        return int(vars(agent)["open_tasks"])


def accepted(task: Task) -> dict[str, Any]:
    """Return a task as the answer to who asked for it."""
    return {
        "task_id": str(task.task_id),
        "status": task.status,
        "dispatched_to": task.dispatched_to,
        "score": score_of(task),
        "attempt": task.attempts,
        "url": reverse("task-api", args=[task.task_id]),
    }


def cards_as_json(cards: Sequence[Card]) -> list[Any]:
    """Return cards as JSON-ready values."""
    return [_rounded(as_json(card)) for card in cards]


def decisions_as_json(told: Sequence[Explanation]) -> Any:  # noqa: ANN401 - JSON
    """Return decisions as JSON-ready values."""
    return _rounded([asdict(each) for each in told])


def _rounded(value: Any) -> Any:  # noqa: ANN401 - any JSON value
    if isinstance(value, float):
        return round(value, _DECIMALS)
    if isinstance(value, dict):
        return {name: _rounded(inner) for name, inner in value.items()}
    return [_rounded(inner) for inner in value] if isinstance(value, list | tuple) else value
