"""Keys for models: one at LiteLLM by alias, whose value lies in Vault. A project's, made by onboarding, or our own."""

from dataclasses import dataclass

from meshsix.integrations.litellm import Key, LiteLLM
from meshsix.integrations.vault import Absent, Vault
from meshsix.kit import names

PLATFORM = "_platform"
PLATFORM_ALIAS = "mesh-six-platform-key"


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """The key that there must be: its alias, its team (empty: none), its models (none: all), and its path in Vault."""

    alias: str
    team_id: str
    models: tuple[str, ...]
    path: str


def one_key(litellm: LiteLLM, vault: Vault, wanted: Wanted) -> bool:
    """See that the alias has one key and that Vault holds its value; return whether anything was written.

    LiteLLM tells a key's value once. A key whose value was lost, because we died before it was in Vault, is of no use:
    it is taken away and another one made, so that there never are two. Keys are listed before Vault is read: what is
    listed then and is not the kept value cannot have been kept meanwhile, so a late attempt never deletes a good key.
    """
    keys = litellm.keys_named(wanted.alias)
    kept, version = _kept_value(vault, wanted.path)
    good = next((key for key in keys if _is_good(key, wanted, kept)), None)
    for key in keys:
        if key is not good:
            litellm.delete_key(key)
    if good is not None:
        return len(keys) > 1
    value = litellm.generate_key(alias=wanted.alias, team_id=wanted.team_id, models=wanted.models)
    vault.write(wanted.path, {"key": value, "key_alias": wanted.alias, "team_id": wanted.team_id}, cas=version)
    return True


def project_key(vault: Vault, auth_project_id: str) -> str:
    """Return the key of a project's models. Raises Absent where onboarding has not made one."""
    return _value(vault, names.litellm_key_path(auth_project_id))


def platform_key(litellm: LiteLLM, vault: Vault) -> str:
    """Return the key for work that belongs to no project, made where there is none: never the admin key."""
    path = names.litellm_key_path(PLATFORM)
    try:
        return _value(vault, path)
    except Absent:
        one_key(litellm, vault, Wanted(alias=PLATFORM_ALIAS, team_id="", models=(), path=path))
        return _value(vault, path)


def _value(vault: Vault, path: str) -> str:
    value = vault.read(path).data.get("key", "")
    if not value:
        raise Absent(path)
    return value


def _kept_value(vault: Vault, path: str) -> tuple[str, int]:
    try:
        found = vault.read(path)
    except Absent as absent:
        return "", absent.version
    return found.data.get("key", ""), found.version


def _is_good(key: Key, wanted: Wanted, value: str) -> bool:
    return bool(value) and key.is_key(value) and key.team_id == wanted.team_id
