"""Writes of credentials. Every door calls one of these; what concerns sign-ins and tokens has a module of its own."""

import json
from collections.abc import Mapping

from django.db import transaction

from apps.projects.credentials.logins import (
    BadCode,
    cancel_of,
    decline,
    renew_link,
    start_login,
    submit_code,
    submit_token,
)
from apps.projects.credentials.models import CredentialProject
from apps.projects.credentials.tokens import NotAllowed, revoke
from apps.projects.credentials.tokens import issue as issue_token
from meshsix.kit.actor import SYSTEM, Actor
from meshsix.live.services import publish

__all__ = [
    "BadCode",
    "NotAllowed",
    "cancel_of",
    "decline",
    "ensure_project",
    "issue_token",
    "merge_agent_settings",
    "renew_link",
    "revoke",
    "start_login",
    "submit_code",
    "submit_token",
]


def ensure_project(project_id: str, *, display_name: str) -> CredentialProject:
    """Return the credential project, made where there is none. An existing one keeps its name."""
    project, _ = CredentialProject.objects.get_or_create(pk=project_id, defaults={"display_name": display_name})
    return project


@transaction.atomic
def merge_agent_settings(project_id: str, defaults: Mapping[str, object], *, actor: Actor = SYSTEM) -> tuple[str, ...]:
    """Add to the coding agent's settings what they do not say yet; return the names that were added.

    What a person has set stays as it is. Writes only on change.
    """
    project = CredentialProject.objects.select_for_update().get(pk=project_id)
    present = json.loads(project.settings_json) if project.settings_json else {}
    added = tuple(sorted(name for name in defaults if name not in present))
    if added:
        project.settings_json = json.dumps({**defaults, **present}, indent=2, sort_keys=True)
        project.save(update_fields=["settings_json"])
        publish(
            event_type="config-updated",
            aggregate_id=f"credentials:{project_id}",
            payload={"project_id": project_id, "changed": ["settings_json"]},
            actor=actor,
        )
    return added
