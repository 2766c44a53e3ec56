"""What an operator sets for an agent, as forms of its page; what is right is decided by `serializers`."""

from collections.abc import Mapping
from typing import Any

from django import forms

from apps.agents.registry.models import Agent, Capability, RoutingPolicy
from apps.agents.registry.models.agents import MOST_SLOTS
from apps.agents.registry.services.operating import OF_A_POLICY
from meshsix.kit import clock

_KEEP, _FRESH, _ALL = "keep", "fresh", "all"
_PREFERRED = {"": None, "yes": True, "no": False}


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
