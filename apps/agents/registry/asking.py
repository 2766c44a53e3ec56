"""Asking for a task by a form of its page; what is right is decided by the service."""

import json
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import uuid4

from django import forms
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db.models.functions import Coalesce

from apps.agents.registry.models import Capability
from apps.agents.registry.models.tasks import MOST_PRIORITY
from apps.agents.registry.schemas import Fault
from apps.agents.registry.words import Request
from apps.projects import queries as projects
from meshsix.kit import names, redact

_EMPTY: dict[str, object] = {"string": "", "integer": 0, "number": 0, "boolean": False, "array": [], "object": {}}


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
        self.data = {**self.data, "key": uuid4().hex}
        self.add_error(None, "A task was made of this form before, with other words. Ask again to make another one.")

    def refuse(self, faults: Iterable[Fault]) -> None:
        """Say at each field what the service does not take, and give no secret back."""
        for fault in faults:
            if fault.code == "secret":
                self.data = {**self.data, "payload": redact.text(str(self.data["payload"]))}
            field, _, within = fault.pointer.removeprefix("/").partition("/")
            at = f"{within.replace('/', '.')}: " if within else ""
            self.add_error(field if field in self.fields else None, f"{at}{fault.detail}.")


def taken(capability: str) -> Mapping[str, Any] | None:
    """Return the schema of what a capability takes, None where nobody offers it; of several the preferred agent's."""
    rows = Capability.objects.filter(name=capability, withdrawn_at=None).select_related("input_schema")
    preferred, weight = Coalesce("override_preferred", "preferred"), Coalesce("override_weight", "weight")
    first = rows.order_by(preferred.desc(), weight.desc(), "agent_id").first()
    return None if first is None else first.input_schema.schema


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
