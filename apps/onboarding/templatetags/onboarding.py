"""The words of onboarding's pages: what a step is called, and its output as lines."""

from collections.abc import Mapping
from typing import Any

from django import template

from apps.onboarding.workflow import ONBOARDING

register = template.Library()
_PHASES = {phase.name: phase.title for phase in ONBOARDING.phases}

TITLES: dict[str, str] = {
    "validate_repo": "Check the repository and our rights",
    "create_project_board": "Bring the board in line",
    "register_webhook_secret": "Keep the webhook's secret in Vault",
    "provision_backend": "Prepare storage and queue",
    "register_in_database": "Write the registry row",
    "register_webhook": "Make and verify the webhooks",
    "scaffold_devcontainer": "Propose the devcontainer",
    "generate_kube_manifests": "Commit the manifests",
    "update_kustomization": "List the environment in the base",
    "trigger_sync": "Bring it to the cluster",
    "verify_pod_health": "See the environment healthy",
    "initiate_claude_oauth": "Sign in to the coding agent",
    "store_claude_credentials": "Store and prove the credential",
    "configure_litellm": "Set the model budget",
    "configure_app_settings": "Store the settings",
}


@register.filter
def step_title(name: str) -> str:
    """Return what a step is called on a page."""
    return TITLES.get(name, name)


@register.filter
def phase_title(name: str) -> str:
    """Return what a phase is called on a page."""
    return _PHASES.get(name, name)


@register.filter
def lines(output: Mapping[str, Any] | None) -> list[tuple[str, str]]:
    """Return a step's output as names and values for people; what is empty is left out."""
    shown = ((name.replace("_", " ").capitalize(), _plain(value)) for name, value in (output or {}).items())
    return [(name, value) for name, value in shown if value]


def _plain(value: Any) -> str:  # noqa: ANN401 - a JSON value
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        return ", ".join(str(name) for name in value)
    if isinstance(value, list):
        return ", ".join(str(item) for item in value)
    return "" if value is None else str(value)
