"""Who calls, and what GitHub lets them do. Pure rules over the configuration and the records."""

from dataclasses import dataclass, field
from enum import StrEnum

from deploy.sandbox.github.config import App, Installation
from deploy.sandbox.github.problems import Problem, not_found
from deploy.sandbox.github.records import Account, Repository

ROLES = ("pull", "triage", "push", "maintain", "admin")
SCOPES_THAT_INCLUDE = {
    "read:repo_hook": {"read:repo_hook", "write:repo_hook", "admin:repo_hook", "repo"},
    "write:repo_hook": {"write:repo_hook", "admin:repo_hook", "repo"},
    "admin:org_hook": {"admin:org_hook"},
    "repo": {"repo", "public_repo"},
    "read:project": {"read:project", "project"},
    "project": {"project"},
    "read:org": {"read:org", "write:org", "admin:org"},
}


class Kind(StrEnum):
    """The kinds of credentials."""

    ANONYMOUS = "anonymous"
    CLASSIC = "classic"
    FINE_GRAINED = "fine-grained"
    APP = "app"
    INSTALLATION = "installation"


@dataclass(frozen=True, kw_only=True)
class Caller:
    """Somebody at the door. `owner` is the one account that a fine-grained or installation token reaches."""

    kind: Kind = Kind.ANONYMOUS
    login: str = ""
    scopes: tuple[str, ...] = ()
    permissions: dict[str, str] = field(default_factory=dict)
    owner: str | None = None
    repositories: frozenset[int] | None = None
    app: App | None = None
    installation: Installation | None = None

    @property
    def limited(self) -> bool:
        """Tell whether permissions, not scopes, say what this caller may do."""
        return self.kind in (Kind.FINE_GRAINED, Kind.INSTALLATION)

    def has_scope(self, wanted: str) -> bool:
        """Tell whether a classic token's scopes include the wanted one."""
        return bool(SCOPES_THAT_INCLUDE.get(wanted, {wanted}) & set(self.scopes))

    def may(self, permission: str, *, write: bool) -> bool:
        """Tell whether a limited token holds the permission."""
        level = self.permissions.get(permission)
        return level in ("write", "admin") if write else level in ("read", "write", "admin")

    @property
    def refusal(self) -> str:
        """GitHub's words for a permission that a limited token lacks."""
        kind = "integration" if self.kind is Kind.INSTALLATION else "personal access token"
        return f"Resource not accessible by {kind}"


@dataclass(frozen=True, kw_only=True)
class Need:
    """What an operation asks of its caller: a role in the repository, and the scope or permission of the token."""

    role: str = "pull"
    permission: str = "metadata"
    write: bool = False
    scope: str = "repo"
    hidden: bool = True
    """Whether GitHub answers 404 (it does for hooks and git data) or 403 where only the role is too low."""


READ = Need()


def role_of(caller: Caller, repository: Repository, owner: Account) -> str | None:
    """Return the caller's role in the repository, or None if it cannot be seen."""
    if caller.kind is Kind.INSTALLATION:
        if not _reaches(caller, repository):
            return None if repository.private else "pull"
        return (
            "admin"
            if caller.may("administration", write=True)
            else "push"
            if caller.may("contents", write=True)
            else "pull"
        )
    if caller.login and caller.login in (repository.owner, *owner.owners):
        return "admin"
    return repository.collaborators.get(caller.login, None if repository.private else "pull")


def _reaches(caller: Caller, repository: Repository) -> bool:
    same = (caller.owner or "").lower() == repository.owner.lower()
    return same and (caller.repositories is None or repository.id in caller.repositories)


def permissions_of(role: str) -> dict[str, bool]:
    """Return the `permissions` object of a repository for a role."""
    return {name: ROLES.index(name) <= ROLES.index(role) for name in reversed(ROLES)}


def require(caller: Caller, repository: Repository, owner: Account, need: Need) -> None:
    """Let the caller pass or raise the Problem with which GitHub would answer."""
    role = role_of(caller, repository, owner)
    if role is None or (repository.private and caller.kind is Kind.CLASSIC and not caller.has_scope("repo")):
        raise not_found()
    if need.write and caller.kind is Kind.ANONYMOUS:
        raise Problem(401, "Requires authentication")
    if caller.limited and need.permission != "metadata":
        public_read = not need.write and not repository.private and need.role == "pull"
        if not public_read and not (_reaches(caller, repository) and caller.may(need.permission, write=need.write)):
            raise Problem(403, caller.refusal)
    if caller.kind is Kind.CLASSIC and (need.write or need.role != "pull") and not caller.has_scope(need.scope):
        raise not_found()
    if ROLES.index(role) < ROLES.index(need.role) and not (caller.kind is Kind.INSTALLATION and need.role != "pull"):
        raise not_found() if need.hidden else Problem(403, f"Must have {need.role} rights to Repository.")
    if need.write and repository.archived:
        raise Problem(403, "Repository was archived so is read-only.")
