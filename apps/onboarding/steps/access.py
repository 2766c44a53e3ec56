"""The first step: what we may do in the repository. It writes nothing, and everything after it relies on it."""

from collections.abc import Mapping

from apps.onboarding.catalog import problem
from apps.onboarding.words import Access, Ask
from meshsix.durable.outcomes import Permanent
from meshsix.integrations.errors import Missing
from meshsix.integrations.github.failures import Redirected
from meshsix.integrations.github.messages import CredentialKind, Identity, Repository
from meshsix.kit import names
from meshsix.wiring import Clients

BOARD_EVENT = "projects_v2_item"
_LEVELS = {"read": 1, "write": 2, "admin": 3}
_APP_NEEDS = {
    "contents": "write",
    "pull_requests": "write",
    "repository_hooks": "write",
    "organization_projects": "write",
}


def validate_repo(ask: Ask, clients: Clients) -> Access:
    """Make sure that we administer the repository, since every later step writes to it.

    Raises Permanent where it is missing, renamed, archived or disabled, where we have no admin rights, and where our
    kind of credential or its scopes do not reach what this kind of owner needs.
    """
    identity = _identity(ask, clients)
    repository = _repository(ask, clients)
    _check_usable(repository)
    _check_credential(identity, repository)
    if identity.kind is not CredentialKind.APP and not repository.administered:
        raise problem(
            "onboard:user:no-admin-rights", f"{identity.login} may read {ask.repository.full_name}, not administer it."
        )
    branch = ask.default_branch or repository.default_branch
    _check_branch(ask, branch, clients)
    return Access(
        owner=repository.owner,
        name=repository.name,
        owner_is_organization=repository.owner_is_organization,
        owner_node_id=repository.owner_node_id,
        repository_id=repository.id,
        repository_node_id=repository.node_id,
        default_branch=branch,
        private=repository.private,
        html_url=repository.html_url,
        clone_url=repository.clone_url,
        credential_kind=identity.kind.value,
        login=identity.login,
    )


def _identity(ask: Ask, clients: Clients) -> Identity:
    try:
        return clients.github.identity(ask.repo_owner)
    except Missing as error:
        raise problem("onboard:app:not-installed", f"The GitHub App is not installed for {ask.repo_owner}.") from error


def _repository(ask: Ask, clients: Clients) -> Repository:
    try:
        found = clients.github.repository(ask.repository)
    except Redirected as error:
        raise _renamed(ask, _new_name(ask, error, clients)) from error
    except Missing as error:
        raise problem("onboard:repository:missing", f"GitHub shows no {ask.repository.full_name} to us.") from error
    present = names.RepositoryName(owner=found.owner, name=found.name)
    if names.project_key(present) != names.project_key(ask.repository):  # who may see a run is decided by its name
        raise _renamed(ask, present.full_name)
    return found


def _renamed(ask: Ask, present: str) -> Permanent:
    return problem("onboard:repository:renamed", f"{ask.repository.full_name} is {present} now.")


def _new_name(ask: Ask, moved: Redirected, clients: Clients) -> str:
    if moved.repository_id is None:
        return "somewhere else"
    try:
        found = clients.github.repository_by_id(ask.repo_owner, moved.repository_id)
    except Missing:
        return "where we do not see it"
    return f"{found.owner}/{found.name}"


def _check_usable(repository: Repository) -> None:
    full_name = f"{repository.owner}/{repository.name}"
    if repository.archived:
        raise problem("onboard:repository:archived", f"{full_name} is archived.")
    if repository.disabled:
        raise problem("onboard:repository:disabled", f"{full_name} is disabled by GitHub.")


def _check_credential(identity: Identity, repository: Repository) -> None:
    if not repository.owner_is_organization and identity.kind is not CredentialKind.CLASSIC:
        raise problem(
            "onboard:token:user-boards-need-classic",
            f"{repository.owner} is a user, and our credential is of kind {identity.kind}.",
        )
    if identity.kind is CredentialKind.CLASSIC:
        _check_scopes(identity.scopes, repository)
    if identity.kind is CredentialKind.APP:
        _check_permissions(identity)


def needed_scopes(repository: Repository) -> tuple[str, ...]:
    """Return the scopes that a classic token needs for a repository of this kind of owner."""
    return ("repo", "project", "admin:org_hook") if repository.owner_is_organization else ("repo", "project")


def lacking_scopes(scopes: frozenset[str], repository: Repository) -> set[str]:
    """Return those that the token lacks; for a public repository narrower ones stand in for `repo`."""
    missing = set(needed_scopes(repository)) - scopes
    if not repository.private and "public_repo" in scopes and scopes & {"admin:repo_hook", "write:repo_hook"}:
        missing.discard("repo")
    return missing


def needed_permissions(identity: Identity) -> Mapping[str, str]:
    """Return the permissions, by name, that a GitHub App's installation needs; hooks of its own save one."""
    return _APP_NEEDS if BOARD_EVENT in identity.events else _APP_NEEDS | {"organization_hooks": "write"}


def grants(identity: Identity, name: str, level: str) -> bool:
    """Return whether the installation has the permission at this level or above."""
    return _LEVELS.get(identity.permissions.get(name, ""), 0) >= _LEVELS[level]


def _check_scopes(scopes: frozenset[str], repository: Repository) -> None:
    missing = lacking_scopes(scopes, repository)
    if missing:
        raise problem("onboard:token:scopes-missing", f"The token lacks: {', '.join(sorted(missing))}.")


def _check_permissions(identity: Identity) -> None:
    needed = needed_permissions(identity)
    missing = [f"{name}: {level}" for name, level in needed.items() if not grants(identity, name, level)]
    if missing:
        raise problem("onboard:app:permissions-missing", f"The GitHub App's installation lacks: {', '.join(missing)}.")


def _check_branch(ask: Ask, branch: str, clients: Clients) -> None:
    try:
        clients.github.branch(ask.repository, branch)
    except Missing as error:
        raise problem("onboard:branch:missing", f"{ask.repository.full_name} has no branch {branch!r}.") from error
