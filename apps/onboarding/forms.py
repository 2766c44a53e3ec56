"""The start form: shows fields and their errors; what is right is decided by `serializers.ask_from`."""

from typing import Any

from django import forms
from django.conf import settings
from rest_framework.exceptions import ValidationError

from apps.onboarding.serializers import ask_from
from apps.onboarding.words import Ask, AuthMethod, ExecutionMode, ProjectSettings, Resources

MODES = [
    (ExecutionMode.LOCAL, "On this machine: the platform's own workers, no cluster"),
    (ExecutionMode.SHARED, "Shared: workers that several repositories use"),
    (ExecutionMode.ENVBUILDER, "Own pod: built from the repository's devcontainer in the cluster"),
]
METHODS = [
    (AuthMethod.LOGIN, "Sign in in the browser and paste the code"),
    (AuthMethod.DEVICE, "Sign in on another device with a short code"),
    (AuthMethod.SETUP_TOKEN, "Paste a long-lived token"),
    (AuthMethod.API_KEY, "Paste an API key"),
]
_RESOURCES = {
    "memory_request": "Memory, guaranteed",
    "memory_limit": "Memory, at most",
    "cpu_request": "CPU, guaranteed",
    "cpu_limit": "CPU, at most",
    "storage_worktrees": "Disk for work trees",
    "storage_claude": "Disk for transcripts",
}


class OnboardForm(forms.Form):
    """What somebody can ask for on the page."""

    repository = forms.CharField(
        max_length=300,
        label="Repository",
        help_text="OWNER/REPO, or its address at GitHub.",
        widget=forms.TextInput(attrs={"placeholder": "octo-org/bookmarks", "autocomplete": "off", "autofocus": True}),
    )
    display_name = forms.CharField(required=False, label="Display name", help_text="Empty: the repository's name.")
    default_branch = forms.CharField(required=False, label="Default branch", help_text="Empty: what GitHub says.")
    execution_mode = forms.ChoiceField(choices=MODES, label="Where agents work", widget=forms.RadioSelect)
    auth_method = forms.ChoiceField(choices=METHODS, label="How to sign in", required=False)
    skip_auth = forms.BooleanField(required=False, label="Do not sign in now")
    skip_litellm = forms.BooleanField(required=False, label="No model budget")
    default_model = forms.CharField(required=False, label="Model")
    max_budget = forms.CharField(required=False, label="Budget in USD a month")
    cloudflare_domain = forms.CharField(
        required=False, label="Domain", help_text="A host name such as app.example.org."
    )
    terminal_streaming_rate_ms = forms.IntegerField(required=False, label="Terminal refresh in milliseconds")
    commit_devcontainer_directly = forms.BooleanField(
        required=False, label="Commit the devcontainer to the default branch instead of opening a pull request"
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - as Django calls it
        kwargs.setdefault("initial", _defaults())
        super().__init__(*args, **kwargs)
        for name, label in _RESOURCES.items():
            self.fields[name] = forms.CharField(required=False, label=label, initial=getattr(Resources(), name))
        self.ask: Ask | None = None

    @classmethod
    def about(cls, repository: str) -> "OnboardForm":
        """Return an empty form, but for the repository."""
        return cls(initial={**_defaults(), "repository": repository})

    def more(self) -> list[forms.BoundField]:
        """Return the fields that most people leave as they are."""
        first = {"repository", "execution_mode", "auth_method"}
        return [self[name] for name, field in self.fields.items() if name not in first and not _is_switch(field)]

    def switches(self) -> list[forms.BoundField]:
        """Return the fields that are on or off."""
        return [self[name] for name, field in self.fields.items() if _is_switch(field)]

    def clean(self) -> dict[str, Any]:
        """Check everything at the border and put its explanations beside the fields."""
        given = super().clean() or {}
        if not self.errors:
            try:
                self.ask = ask_from(_request(given))
            except ValidationError as error:
                self._explain(error.detail)
        return given

    def _explain(self, detail: Any) -> None:  # noqa: ANN401 - DRF's nested detail
        for name, problem in detail.items():
            if isinstance(problem, dict):
                self._explain(problem)
            else:
                field = name if name in self.fields else None
                for sentence in problem if isinstance(problem, list) else [problem]:
                    self.add_error(field, str(sentence))


def _is_switch(field: forms.Field) -> bool:
    return isinstance(field, forms.BooleanField)


def _defaults() -> dict[str, Any]:
    return {
        "execution_mode": settings.ONBOARDING_DEFAULT_MODE,
        "auth_method": AuthMethod.LOGIN,
        "default_model": settings.LITELLM_DEFAULT_MODEL,
        "max_budget": settings.LITELLM_DEFAULT_BUDGET,
        "terminal_streaming_rate_ms": ProjectSettings.terminal_streaming_rate_ms,
    }


def _request(given: dict[str, Any]) -> dict[str, Any]:
    plain = ("repository", "display_name", "default_branch", "execution_mode", "auth_method")
    return {
        **_given(given, plain),
        "skip_auth": given["skip_auth"],
        "skip_litellm": given["skip_litellm"],
        "resource_limits": _given(given, tuple(_RESOURCES)),
        "litellm": _given(given, ("default_model", "max_budget")),
        "settings": {
            **_given(given, ("cloudflare_domain", "terminal_streaming_rate_ms")),
            "commit_devcontainer_directly": given["commit_devcontainer_directly"],
        },
    }


def _given(given: dict[str, Any], names: tuple[str, ...]) -> dict[str, Any]:
    return {name: given[name] for name in names if given.get(name) not in (None, "")}
