"""Steps that keep the platform's own records: the registry row and the project's settings."""

from dataclasses import asdict
from uuid import UUID

from apps.onboarding.catalog import problem
from apps.onboarding.words import Registered, RegistryWanted, SettingsStored, SettingsWanted
from apps.projects import services as projects
from apps.projects.credentials import services as credentials
from meshsix.wiring import Clients


def register_in_database(wanted: RegistryWanted, clients: Clients) -> Registered:  # noqa: ARG001 - every step takes the clients
    """Upsert the registry row and the project's credential record; the key is owner and name.

    Raises Permanent `onboard:registry:name-taken` where another repository has the same environment name.
    """
    access, board = wanted.validate_repo, wanted.create_project_board
    registration = projects.Registration(
        repository=access.repository,
        display_name=wanted.ask.display_name,
        repo_url=access.html_url,
        default_branch=access.default_branch,
        execution_mode=wanted.ask.execution_mode,
        trigger_method="webhook" if access.owner_is_organization else "poll",
        board_id=board.board_id,
        board_number=board.number,
        repository_id=access.repository_id,
        metadata={
            "repository_id": access.repository_id,
            "repository_node_id": access.repository_node_id,
            "owner_node_id": access.owner_node_id,
            "board_url": board.url,
            "field_ids": board.field_ids,
            "option_ids": board.option_ids,
            "webhook_path": wanted.register_webhook_secret.path,
            "storage_prefix": wanted.provision_backend.prefix,
            "queue": wanted.provision_backend.queue,
        },
    )
    try:
        project, created = projects.register(registration)
    except projects.NameTaken as error:
        raise problem("onboard:registry:name-taken", f"The environment name {error} is taken.") from error
    credentials.ensure_project(project.auth_project_id, display_name=wanted.ask.display_name)
    return Registered(
        project_id=str(project.pk),
        env_name=project.env_name,
        credential_project_id=project.auth_project_id,
        created=created,
    )


def configure_app_settings(wanted: SettingsWanted, clients: Clients) -> SettingsStored:  # noqa: ARG001 - every step takes the clients
    """Store the platform's settings of the project; Claude's own settings are merged, never replaced."""
    project_id = UUID(wanted.register_in_database.project_id)
    kept = asdict(wanted.ask.settings) | {"resource_limits": asdict(wanted.ask.resource_limits)}
    if not wanted.ask.skip_litellm:
        budget = wanted.ask.litellm
        kept["models"] = {"default": budget.default_model, "max_budget": str(budget.max_budget)}
    changed = projects.store_settings(project_id, kept)
    credentials.merge_agent_settings(wanted.register_in_database.credential_project_id, AGENT_DEFAULTS)
    return SettingsStored(changed=changed)


AGENT_DEFAULTS = {"skipDangerousModePermissionPrompt": True, "theme": "dark", "hasCompletedOnboarding": True}
"""Claude Code's settings for unattended work; a project's own values win."""
