"""The step that gives the project its models: a team with a budget, and one key, at LiteLLM."""

from apps.onboarding.words import ModelsReady, ModelsWanted
from meshsix.durable.outcomes import Skipped
from meshsix.integrations.errors import Missing
from meshsix.integrations.litellm import Key, LiteLLM, Team
from meshsix.integrations.vault import Absent, Vault
from meshsix.kit import names
from meshsix.wiring import Clients

BUDGET_DURATION = "30d"


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
        models=(wanted.ask.litellm.default_model,),
        max_budget=wanted.ask.litellm.max_budget,
        budget_duration=BUDGET_DURATION,
    )
    alias = names.litellm_key_alias(repository)
    path = names.litellm_key_path(wanted.register_in_database.credential_project_id)
    team_changed = _team_in_line(clients.litellm, team)
    key_changed = _one_key(clients.litellm, clients.vault, team, alias=alias, path=path)
    return ModelsReady(
        team_id=team.team_id,
        key_alias=alias,
        key_path=path,
        max_budget=wanted.ask.litellm.max_budget,
        changed=team_changed or key_changed,
    )


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


def _one_key(litellm: LiteLLM, vault: Vault, team: Team, *, alias: str, path: str) -> bool:
    """See that the alias has one key and that Vault holds its value; return whether anything was written.

    LiteLLM tells a key's value once. A key whose value was lost, because we died before it was in Vault, is of no use:
    it is taken away and another one made, so that there never are two. Keys are listed before Vault is read: what is
    listed then and is not the kept value cannot have been kept meanwhile, so a late attempt never deletes a good key.
    """
    keys = litellm.keys_named(alias)
    kept, version = _kept_value(vault, path)
    good = next((key for key in keys if _is_good(key, team, kept)), None)
    for key in keys:
        if key is not good:
            litellm.delete_key(key)
    if good is not None:
        return len(keys) > 1
    value = litellm.generate_key(alias=alias, team_id=team.team_id, models=team.models)
    vault.write(path, {"key": value, "key_alias": alias, "team_id": team.team_id}, cas=version)
    return True


def _kept_value(vault: Vault, path: str) -> tuple[str, int]:
    try:
        found = vault.read(path)
    except Absent as absent:
        return "", absent.version
    return found.data.get("key", ""), found.version


def _is_good(key: Key, team: Team, value: str) -> bool:
    return bool(value) and key.is_key(value) and key.team_id == team.team_id
