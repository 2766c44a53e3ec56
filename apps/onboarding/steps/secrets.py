"""The step that makes the webhook's secret and keeps it in Vault."""

import secrets

from apps.onboarding.catalog import problem
from apps.onboarding.words import SecretKept, SecretWanted
from apps.projects import queries
from meshsix.integrations.errors import Conflict
from meshsix.integrations.vault import Absent, Secret, Vault
from meshsix.kit import names
from meshsix.wiring import Clients

_BYTES = 32


def register_webhook_secret(wanted: SecretWanted, clients: Clients) -> SecretKept:
    """Keep 32 random bytes as hex, with owner and repository beside them, at the project's webhook path.

    Written with check-and-set, so that of two writers one wins and the other reads the winner's. A secret under the
    older name is moved. Raises Permanent `onboard:vault:foreign-secret` where the path holds another repository's.
    After a rename the secret stays where it is: the hook's row says where.
    """
    repository = wanted.validate_repo.repository
    path = names.webhook_path(repository)
    stored = queries.kept_secret_path(repository)
    if stored not in {"", path}:
        return _stayed(clients.vault, stored, repository)
    older = _older(clients.vault, repository)
    try:
        kept = _kept(clients.vault.read(path), repository)
    except Absent as absent:
        kept = _created(clients.vault, repository, older, version=absent.version)
    if older:
        clients.vault.remove(older.path)
    return kept


def _stayed(vault: Vault, path: str, repository: names.RepositoryName) -> SecretKept:
    """Return the secret that was made under a former name of the repository, made anew where it is gone."""
    try:
        found = vault.read(path)
    except Absent as absent:
        data = {"secret": secrets.token_hex(_BYTES), "owner": repository.owner, "repo": repository.name}
        return SecretKept(path=path, version=vault.write(path, data, cas=absent.version), created=True)
    return SecretKept(path=found.path, version=found.version, created=False)


def _older(vault: Vault, repository: names.RepositoryName) -> Secret | None:
    """Return the secret under the older, ambiguous name, if it says itself that it is this repository's."""
    try:
        found = vault.read(names.legacy_webhook_path(repository))
    except Absent:
        return None
    return found if _is_of(found, repository) and found.data.get("secret") else None


def _created(vault: Vault, repository: names.RepositoryName, older: Secret | None, *, version: int) -> SecretKept:
    path = names.webhook_path(repository)
    value = older.data["secret"] if older else secrets.token_hex(_BYTES)
    data = {"secret": value, "owner": repository.owner, "repo": repository.name}
    try:
        written = vault.write(path, data, cas=version)
    except Conflict:
        return _kept(vault.read(path), repository)
    return SecretKept(path=path, version=written, created=True)


def _kept(found: Secret, repository: names.RepositoryName) -> SecretKept:
    if not _is_of(found, repository) or not found.data.get("secret"):
        told = f"{found.path} does not hold the secret of {repository.full_name}."
        raise problem("onboard:vault:foreign-secret", told)
    return SecretKept(path=found.path, version=found.version, created=False)


def _is_of(found: Secret, repository: names.RepositoryName) -> bool:
    written = f"{found.data.get('owner', '')}/{found.data.get('repo', '')}"
    return written.lower() == repository.full_name.lower()
