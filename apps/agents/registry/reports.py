"""What agents outside send and are answered, checked at the border."""

from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

from rest_framework import serializers

from apps.agents.registry.agent import Dependency
from apps.agents.registry.definitions import CapabilityDefinition, Definition
from apps.agents.registry.models import AgentKind, AgentType, Risk, ServedBy, Task
from apps.agents.registry.serializers import KnownFields, ProjectField
from apps.agents.registry.services.outside import REPORTED, Report, Work
from apps.agents.registry.states import CheckKind, ErrorType
from apps.agents.registry.words import Failure
from meshsix.kit import shapes, texts

MOST_LEASES = 100
MOST_WAIT_SECONDS = 20
_MOST_PAUSE_SECONDS = 86_400
_MOST_INTEGER = 2**31 - 1
_INSTANCE_ID = r"^[A-Za-z0-9._:-]{1,100}$"


class InstanceField(serializers.RegexField):
    """A name that the instance chose for itself."""

    def __init__(self, **options: Any) -> None:  # noqa: ANN401 - as DRF's fields take them
        super().__init__(_INSTANCE_ID, max_length=100, **options)


class ObjectField(serializers.DictField):
    """An object that can be stored: not too deep, with JSON's numbers, without NUL and halves of surrogate pairs."""

    def to_internal_value(self, data: Any) -> Any:  # noqa: ANN401 - as DRF calls it
        """Return the object. Raises ValidationError."""
        for pointer, wrong in shapes.faults(data):
            raise serializers.ValidationError(f"{pointer or '/'} {wrong}.")
        found = super().to_internal_value(data)
        for pointer in texts.unstorable(found):
            raise serializers.ValidationError(f"{pointer or '/'} must not hold NUL or half of a surrogate pair.")
        return found


class DependencySerializer(KnownFields):
    """Something that the agent needs: a vendor of the platform, or an address whose host AGENT_CHECK_HOSTS names."""

    kind = serializers.RegexField(rf"^({'|'.join(CheckKind)})$", help_text="`vendor` or `url`")
    target = serializers.CharField(max_length=500)


class OfferSerializer(KnownFields):
    """Something that the agent can do. Schemas are JSON Schemas (2020-12) with local references alone."""

    name = serializers.CharField(max_length=100)
    weight = serializers.DecimalField(max_digits=6, decimal_places=5, coerce_to_string=False)
    preferred = serializers.BooleanField(default=False)
    requirements = serializers.ListField(child=serializers.CharField(max_length=100), default=list, max_length=50)
    risk = serializers.ChoiceField(choices=Risk.choices, default=Risk.AUTO.value)
    risky_actions = serializers.ListField(child=serializers.CharField(max_length=100), default=list, max_length=50)
    preview = ObjectField(default=None, allow_null=True)
    input_schema = ObjectField(default=dict)
    output_schema = ObjectField(default=dict)
    timeout_seconds = serializers.IntegerField(default=120, max_value=_MOST_INTEGER)
    estimated_seconds = serializers.IntegerField(default=None, allow_null=True, min_value=0, max_value=_MOST_INTEGER)


class JoiningSerializer(KnownFields):
    """An agent outside and all that it can do, and the instance that says so."""

    agent_id = serializers.CharField(max_length=60)
    title = serializers.CharField(max_length=200)
    type = serializers.ChoiceField(choices=AgentType.choices, default=AgentType.SCRIPT.value)
    version = serializers.CharField(max_length=60)
    max_concurrency = serializers.IntegerField(default=1, max_value=_MOST_INTEGER)
    projects = serializers.ListField(
        child=ProjectField(max_length=300), default=list, help_text="`owner/name`; empty: all that its token is for."
    )
    metadata = ObjectField(default=dict)
    checks = serializers.DictField(child=DependencySerializer(), default=dict)
    capabilities = OfferSerializer(many=True)
    instance_id = InstanceField()
    host = serializers.CharField(default="", allow_blank=True, max_length=255)


class JoinedSerializer(serializers.Serializer[Any]):
    """What became of it, and how often an instance must beat."""

    agent_id = serializers.CharField()
    instance_id = serializers.CharField()
    changed = serializers.BooleanField(help_text="Whether the definition differs from the one known before.")
    returned = serializers.BooleanField(help_text="Whether the agent had been away.")
    beat_every_seconds = serializers.IntegerField()


class WorkSerializer(KnownFields):
    """An attempt of a task."""

    task_id = serializers.UUIDField()
    attempt = serializers.IntegerField(min_value=1, max_value=_MOST_INTEGER)


class LeaseRequestSerializer(KnownFields):
    """How many tasks an instance can take now, and how long it waits for the first."""

    instance_id = InstanceField()
    max = serializers.IntegerField(default=1, min_value=1, max_value=MOST_LEASES)
    wait_seconds = serializers.IntegerField(default=0, min_value=0, max_value=MOST_WAIT_SECONDS)
    running = WorkSerializer(
        many=True,
        required=False,
        help_text="All that the instance works on: what it leased besides is given again. One such call at a time.",
    )


class LeaseSerializer(serializers.Serializer[Any]):
    """A task that the instance must work on now, until its deadline."""

    task_id = serializers.UUIDField()
    attempt = serializers.IntegerField()
    capability = serializers.CharField()
    payload = serializers.JSONField()
    project = serializers.CharField(allow_blank=True)
    trace_id = serializers.CharField()
    requested_by = serializers.CharField()
    deadline_at = serializers.DateTimeField()


class LeasesSerializer(serializers.Serializer[Any]):
    """What was taken; empty where nothing came in time."""

    leases = LeaseSerializer(many=True)


class BeatSerializer(KnownFields):
    """That an instance lives, and what it works on."""

    instance_id = InstanceField()
    running = WorkSerializer(many=True, default=list)


class HeardSerializer(serializers.Serializer[Any]):
    """What to end (then report it as `cancelled`), and what is not the instance's any more (forget it)."""

    cancel = WorkSerializer(many=True)
    unknown = WorkSerializer(many=True)


class ProgressSerializer(KnownFields):
    """How far an attempt is."""

    status = serializers.CharField(max_length=100)
    details = ObjectField(default=dict)


class ProgressAnswerSerializer(serializers.Serializer[Any]):
    """Whether to go on."""

    cancel = serializers.BooleanField()


class ReportedErrorSerializer(KnownFields):
    """Why there is no result. `pause_seconds`: not before so long should the same agent be asked again."""

    type = serializers.RegexField(rf"^({'|'.join(REPORTED)})$", help_text="`error`, `try_later`, `permanent`, ...")
    message = serializers.CharField(max_length=2000)
    code = serializers.CharField(default="", allow_blank=True, max_length=100)
    hint = serializers.CharField(default="", allow_blank=True, max_length=2000)
    pause_seconds = serializers.FloatField(default=None, allow_null=True, min_value=0, max_value=_MOST_PAUSE_SECONDS)


class ResultSerializer(KnownFields):
    """How an attempt ended: `success` with a `result`, or an `error`."""

    success = serializers.BooleanField()
    result = ObjectField(required=False, allow_null=True)
    error = ReportedErrorSerializer(required=False, allow_null=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Return the fields. Raises ValidationError unless the one that `success` wants is there alone."""
        wanted, other = ("result", "error") if attrs["success"] else ("error", "result")
        if attrs.get(wanted) is None:
            raise serializers.ValidationError({wanted: ["It must be given."]})
        if attrs.get(other) is not None:
            raise serializers.ValidationError({other: [f"It does not go with success {attrs['success']}."]})
        return attrs


class ResultAnswerSerializer(serializers.Serializer[Any]):
    """How the attempt ended: a result that does not fit the capability's schema is a failure."""

    task_id = serializers.UUIDField()
    attempt = serializers.IntegerField()
    success = serializers.BooleanField()
    error_type = serializers.CharField(allow_blank=True)
    message = serializers.CharField(allow_blank=True)


def definition_from(given: Mapping[str, Any]) -> Definition:
    """Return the checked fields as the word that the service takes."""
    return Definition(
        kind=AgentKind.EXTERNAL,
        projects=tuple(each.lower() for each in given["projects"]),
        checks={
            key: Dependency(kind=CheckKind(each["kind"]), target=each["target"])
            for key, each in given["checks"].items()
        },
        capabilities=tuple(_offer(each) for each in given["capabilities"]),
        type=AgentType(given["type"]),
        **{name: given[name] for name in ("agent_id", "title", "version", "max_concurrency", "metadata")},
    )


def _offer(given: Mapping[str, Any]) -> CapabilityDefinition:
    lists = {name: tuple(given[name]) for name in ("requirements", "risky_actions")}
    facts: dict[str, Any] = {**given, **lists, "weight": Decimal(given["weight"]), "risk": Risk(given["risk"])}
    return CapabilityDefinition(served_by=ServedBy.OUTSIDE, **facts)


def works(given: list[Mapping[str, Any]]) -> tuple[Work, ...]:
    """Return attempts as the service names them."""
    return tuple((each["task_id"], each["attempt"]) for each in given)


def works_as_json(named: tuple[Work, ...]) -> list[dict[str, Any]]:
    """Return attempts as they are answered."""
    return [{"task_id": str(task_id), "attempt": attempt} for task_id, attempt in named]


def report_from(given: Mapping[str, Any]) -> Report:
    """Return the checked fields as the word that the service takes."""
    if given["success"]:
        return Report(result=given["result"])
    error = given["error"]
    pause = None if error["pause_seconds"] is None else timedelta(seconds=error["pause_seconds"])
    words = {name: error[name] for name in ("message", "code", "hint")}
    return Report(failure=Failure(type=ErrorType(error["type"]), pause=pause, **words))


def lease_as_json(task: Task) -> dict[str, Any]:
    """Return a task as its agent needs it."""
    names = ("task_id", "capability", "payload", "project", "trace_id", "requested_by", "deadline_at")
    facts = {name: getattr(task, name) for name in names}
    return {**facts, "attempt": task.attempts}
