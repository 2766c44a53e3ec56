"""The configuration of a sandbox GitHub: who exists, which tokens are valid, what is there at the beginning.

    {"tokens": [{"token": "...", "kind": "classic", "login": "octo-user", "scopes": ["repo", "project"]},
                {"token": "...", "kind": "fine-grained", "login": "octo-user", "owner": "octo-org",
                 "permissions": {"contents": "write", "organization_projects": "write"}}],
     "apps": [{"id": 4711, "slug": "mesh-six", "owner": "octo-org", "public_key": "-----BEGIN PUBLIC KEY-----...",
               "permissions": {"contents": "write"}, "events": ["projects_v2_item"],
               "installations": [{"id": 1, "owner": "octo-org"}],
               "webhook": {"url": "http://127.0.0.1:8000/webhooks/github", "secret": "..."}}]}

`users`, `organizations` and `repositories` are added to what the seed brings; `"seed": false` leaves the seed out.
"""

from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

FULL_CLASSIC = ("repo", "delete_repo", "admin:repo_hook", "admin:org_hook", "project", "read:org")
FULL_PERMISSIONS = {
    "administration": "write",
    "checks": "write",
    "contents": "write",
    "issues": "write",
    "metadata": "read",
    "organization_hooks": "write",
    "organization_projects": "write",
    "pull_requests": "write",
    "repository_hooks": "write",
    "workflows": "write",
}
OWNER = r"^[A-Za-z0-9][A-Za-z0-9-]{0,38}$"
NAME = r"^[A-Za-z0-9._-]{0,99}[A-Za-z0-9_-]$"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class User(_Strict):
    """A person."""

    login: str
    name: str | None = None


class Organization(_Strict):
    """An organization and the people who own it."""

    login: str
    name: str | None = None
    owners: tuple[str, ...] = ()


class Token(_Strict):
    """A personal access token. `owner` and `permissions` belong to the fine-grained kind, `scopes` to the classic."""

    token: str = Field(min_length=8)
    kind: Literal["classic", "fine-grained"] = "classic"
    login: str
    scopes: tuple[str, ...] = FULL_CLASSIC
    owner: str | None = None
    permissions: dict[str, str] = Field(default_factory=lambda: dict(FULL_PERMISSIONS))


class Installation(_Strict):
    """An app on an account. `repositories` are names; None stands for all of them."""

    id: int
    owner: str
    repositories: tuple[str, ...] | None = None


class Webhook(_Strict):
    """Where an app's events go."""

    url: str
    secret: str | None = None


class App(_Strict):
    """A GitHub App. `public_key` (PEM) checks the JWTs that it signs with its private key."""

    id: int
    slug: str
    owner: str
    public_key: str
    client_id: str = ""
    permissions: dict[str, str] = Field(default_factory=lambda: dict(FULL_PERMISSIONS))
    events: tuple[str, ...] = ()
    installations: tuple[Installation, ...] = ()
    webhook: Webhook | None = None


class Seed(_Strict):
    """A repository that exists from the beginning. `files` is a directory to fill it from."""

    owner: str = Field(pattern=OWNER)
    name: str = Field(pattern=NAME)
    description: str | None = None
    private: bool = False
    archived: bool = False
    pull_requests: bool = True
    default_branch: str = "main"
    collaborators: dict[str, str] = {}
    protected: tuple[str, ...] = ()
    files: Path | None = None
    issues: tuple[str, ...] = ()


class Config(_Strict):
    """The whole configuration. `url` is the address that answers and events show; None: the one that is asked."""

    url: str | None = None
    seed: bool = True
    users: tuple[User, ...] = ()
    organizations: tuple[Organization, ...] = ()
    tokens: tuple[Token, ...] = ()
    apps: tuple[App, ...] = ()
    repositories: tuple[Seed, ...] = ()
    hourly_limit: int = 5_000
    option_ids: bool = False
