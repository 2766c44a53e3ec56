"""What an operator sets for an agent or asks for, as forms; `serializers` and services decide what is right."""

import json
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import uuid4

from django import forms
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser

from apps.agents.registry.models import Agent, Capability, RoutingPolicy
from apps.agents.registry.models.agents import MOST_SLOTS
from apps.agents.registry.models.tasks import MOST_PRIORITY
from apps.agents.registry.schemas import Fault
from apps.agents.registry.services.operating import OF_A_POLICY
from apps.agents.registry.words import Request
from apps.projects import queries as projects
from meshsix.kit import clock, names, redact

_KEEP, _FRESH, _ALL = "keep", "fresh", "all"
_PREFERRED = {"": None, "yes": True, "no": False}
_EMPTY: dict[str, object] = {"string": "", "integer": 0, "number": 0, "boolean": False, "array": [], "object": {}}


class SlotsForm(forms.Form):
    """How many tasks an agent may have at once."""

    max_concurrency = forms.IntegerField(
        label="Slots",
        min_value=1,
        max_value=MOST_SLOTS,
        help_text=f"How many tasks it may have at once, 1 to {MOST_SLOTS}.",
    )

    @classmethod
    def of(cls, agent: Agent, data: Mapping[str, Any] | None = None) -> "SlotsForm":
        """Return the form as the agent stands."""
        return cls(data, initial={"max_concurrency": agent.max_concurrency})


class OverrideForm(forms.Form):
    """How a capability is scored whatever its agent declares."""

    override_weight = forms.DecimalField(
        required=False, min_value=0, max_value=1, max_digits=4, decimal_places=3, label="Weight"
    )
    override_preferred = forms.ChoiceField(
        required=False,
        choices=[("", "as the agent declares"), ("yes", "preferred"), ("no", "not preferred")],
        label="Preferred",
    )
    history = forms.ChoiceField(required=False, label="History that counts")

    @classmethod
    def of(cls, capability: Capability, data: Mapping[str, Any] | None = None) -> "OverrideForm":
        """Return the form as the capability stands; its fields are named apart from those of other capabilities."""
        preferred = {True: "yes", False: "no", None: ""}[capability.override_preferred]
        initial = {
            "override_weight": capability.override_weight,
            "override_preferred": preferred,
            "history": _KEEP,
        }
        form = cls(data, initial=initial, prefix=capability.name)
        declared = "preferred" if capability.preferred else "not preferred"
        form.fields["override_weight"].help_text = f"0 to 1. Empty: {capability.weight}, as the agent declares."
        form.fields["override_preferred"].help_text = f"The agent declares: {declared}."
        history = form.fields["history"]
        if isinstance(history, forms.ChoiceField):
            history.choices = _histories(capability)
        return form

    def as_change(self) -> dict[str, Any]:
        """Return what is to be set. Call it on a valid form."""
        found = self.cleaned_data
        values: dict[str, Any] = {
            "override_weight": found["override_weight"],
            "override_preferred": _PREFERRED[found["override_preferred"]],
        }
        since: dict[str, dict[str, Any]] = {_FRESH: {"window_since": clock.now()}, _ALL: {"window_since": None}}
        return values | since.get(found["history"], {})


class PolicyForm(forms.Form):
    """How tasks of a capability are routed."""

    exploration_rate = forms.FloatField(
        min_value=0,
        max_value=0.5,
        label="Exploration",
        help_text="Share of tasks for new and recovered agents, 0 to 0.5.",
    )
    hysteresis = forms.FloatField(
        min_value=0, max_value=0.5, label="Hysteresis", help_text="By how much another one must exceed the incumbent."
    )
    spill_ratio = forms.FloatField(
        min_value=0, max_value=1, label="Spill", help_text="How near to the best the next one must be to take over."
    )

    @classmethod
    def of(cls, policy: RoutingPolicy, data: Mapping[str, Any] | None = None) -> "PolicyForm":
        """Return the form as the policy stands."""
        return cls(data, initial={name: getattr(policy, name) for name in OF_A_POLICY})


def _histories(capability: Capability) -> list[tuple[str, str]]:
    if capability.window_since is None:
        return [(_KEEP, "all of it"), (_FRESH, "from now on: a fresh start")]
    begun = f"since {capability.window_since:%Y-%m-%d %H:%M} UTC"
    return [(_KEEP, begun), (_FRESH, "from now on: a fresh start"), (_ALL, "all of it again")]


class AskForm(forms.Form):
    """A task as a person asks for it. `key` makes two clicks one task."""

    payload = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 6, "spellcheck": "false", "class": "mono"}),
        label="What it is given, as JSON",
    )
    project = forms.CharField(
        required=False,
        max_length=140,
        label="For work on",
        help_text="A repository, such as octo-org/bookmarks. May be empty.",
    )
    priority = forms.IntegerField(
        min_value=0, max_value=MOST_PRIORITY, initial=5, help_text="0 to 10; the highest first."
    )
    timeout_seconds = forms.IntegerField(
        required=False, min_value=1, label="Seconds it may take", help_text="Empty: as the agents declare."
    )
    key = forms.CharField(required=False, widget=forms.HiddenInput, max_length=200)

    @classmethod
    def of(cls, schema: Mapping[str, Any], project: str = "") -> "AskForm":
        """Return the form with what a schema requires, empty."""
        payload = json.dumps(skeleton(schema), indent=2, ensure_ascii=False)
        return cls(initial={"payload": payload, "project": project, "key": uuid4().hex})

    def clean_payload(self) -> dict[str, Any]:
        """Return the JSON object."""
        try:
            found = json.loads(self.cleaned_data["payload"])
        except (ValueError, RecursionError) as error:
            raise forms.ValidationError(f"This is no JSON: {error}") from error
        if not isinstance(found, dict):
            raise forms.ValidationError("It must be a JSON object: {…}.")
        return found

    def clean_project(self) -> str:
        """Return `owner/name`, empty for none."""
        text = str(self.cleaned_data["project"]).strip()
        try:
            return names.parse_repository(text).full_name if text else ""
        except names.BadName as error:
            raise forms.ValidationError(str(error)) from error

    def check_project(self, user: AbstractBaseUser | AnonymousUser) -> bool:
        """Return whether `user` may start work on the project; else say so at the field."""
        project = self.cleaned_data["project"]
        if project and not projects.may_touch(user, names.parse_repository(project)):
            self.add_error("project", "This project is not among those that you may touch.")
        return not self.errors

    def request_for(self, capability: str) -> Request:
        """Return what is asked for. Call it on a valid form."""
        found = self.cleaned_data
        return Request(
            capability=capability,
            payload=found["payload"],
            project=found["project"],
            priority=found["priority"],
            timeout_seconds=found["timeout_seconds"],
            idempotency_key=found["key"] or None,
        )

    def renew(self) -> None:
        """Say that this form was sent before with other words, and let it make another task when it is sent again."""
        self._show(key=uuid4().hex)
        self.add_error(None, "A task was made of this form before, with other words. Ask again to make another one.")

    def hide_secrets(self) -> None:
        """Let the form, when it is shown again, give back nothing that looks like a secret."""
        self._show(payload=redact.text(str(self.data.get("payload", ""))))

    def _show(self, **values: str) -> None:
        # A QueryDict that is unpacked gives lists.
        self.data = {name: self.data[name] for name in self.data} | values

    def refuse(self, faults: Iterable[Fault]) -> None:
        """Say at each field what the service does not take."""
        for fault in faults:
            field, _, within = fault.pointer.removeprefix("/").partition("/")
            at = f"{within.replace('/', '.')}: " if within else ""
            self.add_error(field if field in self.fields else None, f"{at}{fault.detail}.")


def skeleton(schema: Mapping[str, Any]) -> dict[str, object]:
    """Return an object with what a schema requires, its defaults and else nothing in it."""
    known = schema.get("properties", {})
    return {name: _empty(known.get(name, {})) for name in schema.get("required", [])}


def _empty(schema: object) -> object:
    if not isinstance(schema, Mapping):
        return ""  # `true`: anything will do
    if "default" in schema:
        return schema["default"]
    choices = schema.get("enum")
    return choices[0] if choices else _EMPTY.get(str(schema.get("type")), "")
