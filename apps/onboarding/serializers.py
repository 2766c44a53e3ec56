"""The one border of onboarding: every door's input becomes an `Ask` here, or a field-by-field explanation."""

import re
from collections.abc import Mapping
from dataclasses import fields
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from kubernetes.utils.quantity import parse_quantity
from rest_framework import serializers
from rest_framework.request import Request

from apps.onboarding.states import Status
from apps.onboarding.words import Ask, AuthMethod, ExecutionMode, ModelBudget, ProjectSettings, Resources
from meshsix.kit import names

_LEAST_STREAMING_RATE_MS = 50
_HOST = re.compile(r"(?=.{1,253}$)([A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z]{2,63}")
_BRANCH = re.compile(r"(?!/|.*(//|\.\.|@\{|\\))[^\x00-\x20~^:?*\[\x7f]{1,255}(?<!\.lock)(?<!/)(?<!\.)")


class StrictSerializer(serializers.Serializer[Any]):
    """Refuses fields that it does not know, so that a misspelt one is not silently ignored."""

    def to_internal_value(self, data: Any) -> Any:  # noqa: ANN401 - DRF hands in whatever the client sent
        """Return the checked fields. Raises ValidationError naming each unknown one."""
        if isinstance(data, Mapping):
            unknown = {str(name): ["There is no such field."] for name in data if name not in self.fields}
            if unknown:
                raise serializers.ValidationError(unknown)
        return super().to_internal_value(data)


class Quantity(serializers.CharField):
    """A Kubernetes quantity above zero, such as 500m, 2 or 8Gi."""

    default_error_messages = {"quantity": "Write a Kubernetes quantity above zero, such as 500m, 2 or 8Gi."}

    def to_internal_value(self, data: Any) -> str:  # noqa: ANN401 - DRF hands in whatever the client sent
        """Return the quantity as it was written."""
        value = super().to_internal_value(data)
        if not _quantity(value):
            self.fail("quantity")
        return value


def _quantity(value: str) -> Decimal:
    """Return a quantity as a number; 0 for one that is none or not above zero."""
    try:
        number: Decimal = parse_quantity(value)  # type: ignore[no-untyped-call] # the library ships no types
    except (ValueError, ArithmeticError):
        return Decimal(0)
    return max(number, Decimal(0))


class ResourcesSerializer(StrictSerializer):
    """Kubernetes quantities; what is not given keeps its default."""

    memory_request = Quantity(required=False, default="2Gi")
    memory_limit = Quantity(required=False, default="8Gi")
    cpu_request = Quantity(required=False, default="1")
    cpu_limit = Quantity(required=False, default="4")
    storage_worktrees = Quantity(required=False, default="20Gi")
    storage_claude = Quantity(required=False, default="1Gi")

    def validate(self, attrs: dict[str, str]) -> dict[str, str]:
        """Refuse a request above its limit."""
        for kind in ("memory", "cpu"):
            request, limit = attrs[f"{kind}_request"], attrs[f"{kind}_limit"]
            if _quantity(request) > _quantity(limit):
                raise serializers.ValidationError({f"{kind}_request": f"{request} is more than the limit, {limit}."})
        return attrs


class ModelBudgetSerializer(StrictSerializer):
    """The project's team at LiteLLM; what is not given keeps its default."""

    team_alias = serializers.CharField(required=False, max_length=200)
    default_model = serializers.CharField(required=False, max_length=200)
    max_budget = serializers.DecimalField(
        required=False,
        max_digits=10,
        decimal_places=2,
        min_value=Decimal("0.01"),
        help_text="USD a month, above zero.",
    )


class ProjectSettingsSerializer(StrictSerializer):
    """Settings of the project."""

    cloudflare_domain = serializers.CharField(required=False, allow_blank=True, default="")
    terminal_streaming_rate_ms = serializers.IntegerField(
        required=False, default=ProjectSettings.terminal_streaming_rate_ms, min_value=_LEAST_STREAMING_RATE_MS
    )
    commit_devcontainer_directly = serializers.BooleanField(required=False, default=False)

    def validate_cloudflare_domain(self, value: str) -> str:
        """Accept a host name without scheme and path."""
        if value and not _HOST.fullmatch(value):
            raise serializers.ValidationError("Write a host name such as app.example.org.")
        return value


class AskSerializer(StrictSerializer):
    """What somebody asks for. `repository` is a short way to say owner and name: OWNER/REPO or the address."""

    repository = serializers.CharField(required=False, max_length=300, write_only=True)
    repo_owner = serializers.CharField(required=False, max_length=100)
    repo_name = serializers.CharField(required=False, max_length=200)
    display_name = serializers.CharField(required=False, max_length=100, allow_blank=True)
    default_branch = serializers.CharField(required=False, max_length=255, allow_blank=True, default="")
    execution_mode = serializers.ChoiceField(required=False, choices=[mode.value for mode in ExecutionMode])
    skip_auth = serializers.BooleanField(required=False, default=False)
    skip_litellm = serializers.BooleanField(required=False, default=False)
    auth_method = serializers.ChoiceField(
        required=False, choices=[method.value for method in AuthMethod], default=AuthMethod.LOGIN.value
    )
    resource_limits = ResourcesSerializer(required=False)
    litellm = ModelBudgetSerializer(required=False)
    settings = ProjectSettingsSerializer(required=False)
    adopt_board = serializers.IntegerField(required=False, allow_null=True, min_value=1, default=None)

    def validate_default_branch(self, value: str) -> str:
        """Accept what git accepts as a branch's name."""
        if value and not _BRANCH.fullmatch(value):
            raise serializers.ValidationError("That is not a name git would accept for a branch.")
        return value

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Bring owner and name together and check them by GitHub's rules."""
        return attrs | {"checked": _checked_name(attrs)}


def _checked_name(attrs: Mapping[str, Any]) -> names.RepositoryName:
    if attrs.get("repository"):
        host = urlsplit(settings.GITHUB_WEB_URL).hostname or ""
        return _named("repository", lambda: names.parse_repository(attrs["repository"], host=host))
    missing = {name: ["This field is required."] for name in ("repo_owner", "repo_name") if not attrs.get(name)}
    if missing:
        raise serializers.ValidationError(missing)
    _named("repo_owner", lambda: names.repository(attrs["repo_owner"], "x"))
    return _named("repo_name", lambda: names.repository(attrs["repo_owner"], attrs["repo_name"]))


def _named(field: str, read: "Any") -> names.RepositoryName:  # noqa: ANN401 - a function without arguments
    try:
        checked: names.RepositoryName = read()
    except names.BadName as error:
        raise serializers.ValidationError({field: [str(error)]}) from error
    return checked


def ask_from(data: Mapping[str, Any] | list[Any]) -> Ask:
    """Return what is asked for. Raises rest_framework's ValidationError with an explanation for each bad field."""
    serializer = AskSerializer(data=data)
    serializer.is_valid(raise_exception=True)
    given = serializer.validated_data
    repository: names.RepositoryName = given["checked"]
    return Ask(
        repo_owner=repository.owner,
        repo_name=repository.name,
        display_name=given.get("display_name") or repository.name,
        default_branch=given["default_branch"],
        execution_mode=ExecutionMode(given.get("execution_mode") or settings.ONBOARDING_DEFAULT_MODE),
        skip_auth=given["skip_auth"],
        skip_litellm=given["skip_litellm"],
        auth_method=AuthMethod(given["auth_method"]),
        resource_limits=_resources(given.get("resource_limits") or {}),
        litellm=_budget(given.get("litellm") or {}, repository),
        settings=ProjectSettings(**(given.get("settings") or {})),
        adopt_board=given["adopt_board"],
    )


def _resources(given: Mapping[str, str]) -> Resources:
    return Resources(**{field.name: given[field.name] for field in fields(Resources) if field.name in given})


def _budget(given: Mapping[str, Any], repository: names.RepositoryName) -> ModelBudget:
    return ModelBudget(
        team_alias=given.get("team_alias") or repository.full_name,
        default_model=given.get("default_model") or settings.LITELLM_DEFAULT_MODEL,
        max_budget=given.get("max_budget") or Decimal(settings.LITELLM_DEFAULT_BUDGET),
    )


class ListSerializer(StrictSerializer):
    """The query parameters of the list."""

    status = serializers.ChoiceField(required=False, choices=[item.value for item in Status], default="")
    owner = serializers.CharField(required=False, default="", help_text="Only repositories of this owner.")
    q = serializers.CharField(required=False, default="", help_text="Words in `owner/name` or the display name.")
    ordering = serializers.ChoiceField(required=False, choices=["created_at", "-created_at"], default="-created_at")
    limit = serializers.CharField(required=False, help_text="How many to return, at most 200.")
    cursor = serializers.CharField(required=False, help_text="The cursor of an earlier answer.")

    @classmethod
    def read(cls, request: Request) -> dict[str, Any]:
        """Return the checked query parameters. Raises ValidationError for unknown or bad ones."""
        serializer = cls(data=request.query_params.dict())
        serializer.is_valid(raise_exception=True)
        return dict(serializer.validated_data)


class AnswerSerializer(StrictSerializer):
    """What a sign-in gave: a code, or a token. Write-only."""

    code = serializers.CharField(required=False, write_only=True, max_length=4096)
    access_token = serializers.CharField(required=False, write_only=True, max_length=8192)
    refresh_token = serializers.CharField(required=False, write_only=True, max_length=8192)
    expires_at = serializers.DateTimeField(required=False, write_only=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Exactly one of code and access_token must be given."""
        if bool(attrs.get("code")) == bool(attrs.get("access_token")):
            raise serializers.ValidationError({"code": "Give either a code or an access_token."})
        return attrs


class NothingSerializer(StrictSerializer):
    """An act that needs no more words."""


class ChoiceSerializer(StrictSerializer):
    """The number of the board to adopt, or 0 for a new one."""

    candidate = serializers.IntegerField(min_value=0)


class RerunSerializer(StrictSerializer):
    """The step to do again."""

    step = serializers.CharField(max_length=100)


def explain(detail: Any, place: str = "") -> str:  # noqa: ANN401 - DRF's nested detail
    """Return the explanation of each bad field as lines."""
    if isinstance(detail, dict):
        return "\n".join(explain(value, f"{place}.{name}" if place else str(name)) for name, value in detail.items())
    if isinstance(detail, list):
        return "\n".join(explain(value, place) for value in detail)
    return f"{place}: {detail}"
