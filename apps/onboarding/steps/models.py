"""The step that gives the project its models: a team with a budget, and one key, at LiteLLM."""

from django.conf import settings

from apps.onboarding.words import ModelsReady, ModelsWanted
from apps.projects.credentials import model_keys
from meshsix.durable.outcomes import Skipped
from meshsix.integrations.errors import Missing
from meshsix.integrations.litellm import LiteLLM, Team
from meshsix.kit import names
from meshsix.wiring import Clients

BUDGET_DURATION = "30d"
ALL_TEAM_MODELS = "all-team-models"
"""LiteLLM's word for a key that may use whatever its team may, also what the team is given later."""


def configure_litellm(wanted: ModelsWanted, clients: Clients) -> ModelsReady:
    """Bring the project's team in line and see that it has exactly one key, whose value lies in Vault.

    Raises Skipped where the request or the installation does without LiteLLM.
    """
    if wanted.ask.skip_litellm:
        raise Skipped("The request asked for no model budget.")
    if clients.litellm is None:
        raise Skipped("LiteLLM is not configured (LITELLM_URL).")
    repository = wanted.validate_repo.repository
    team = Team(
        team_id=names.litellm_team_id(repository),
        alias=wanted.ask.litellm.team_alias,
        models=models_of(wanted.ask.litellm.default_model),
        max_budget=wanted.ask.litellm.max_budget,
        budget_duration=BUDGET_DURATION,
    )
    alias = names.litellm_key_alias(repository)
    path = names.litellm_key_path(wanted.register_in_database.credential_project_id)
    team_changed = _team_in_line(clients.litellm, team)
    key = model_keys.Wanted(alias=alias, team_id=team.team_id, models=(ALL_TEAM_MODELS,), path=path)
    key_changed = model_keys.one_key(clients.litellm, clients.vault, key)
    return ModelsReady(
        team_id=team.team_id,
        key_alias=alias,
        key_path=path,
        max_budget=wanted.ask.litellm.max_budget,
        changed=team_changed or key_changed,
    )


def models_of(default: str) -> tuple[str, ...]:
    """Return the models that a project may use: its default one, and those that the platform names for its tiers."""
    named = (name for name in settings.LLM_MODELS.values() if name)
    return tuple(dict.fromkeys((default, *named)))


def _team_in_line(litellm: LiteLLM, team: Team) -> bool:
    """Make or change the team where it differs; return whether that was so."""
    try:
        present = litellm.team(team.team_id)
    except Missing:
        litellm.create_team(team)
        return True
    if present == team:
        return False
    litellm.update_team(team)
    return True
