"""Who people and we are for GitHub, and what is left of our budgets."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Self

Json = Mapping[str, Any]


class CredentialKind(StrEnum):
    """What we sign in with."""

    CLASSIC = "classic"
    FINE_GRAINED = "fine_grained"
    APP = "app"


class Permission(StrEnum):
    """What somebody may do in a repository, from most to least; a custom role counts as what it is based on."""

    ADMIN = "admin"
    MAINTAIN = "maintain"
    WRITE = "write"
    TRIAGE = "triage"
    READ = "read"
    NONE = "none"

    @classmethod
    def parse(cls, data: Json) -> Self:
        """Read the answer of GET /repos/{owner}/{repo}/collaborators/{username}/permission."""
        role = data.get("role_name")
        return cls(role if role in set(cls) else data["permission"])

    @property
    def writes(self) -> bool:
        """Whether it includes pushing, and so changing issues and their cards."""
        return self in (Permission.ADMIN, Permission.MAINTAIN, Permission.WRITE)


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Who we are for GitHub.

    `scopes` are those of a classic token; `permissions` (name to read, write or admin) and `events` those of an
    app's installation.
    """

    kind: CredentialKind
    login: str
    scopes: frozenset[str] = frozenset()
    permissions: Mapping[str, str] = field(default_factory=dict)
    events: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class Quota:
    """One of GitHub's budgets: how many calls an hour, how many are left, and when it is filled again."""

    limit: int
    remaining: int
    resets_at: datetime

    @classmethod
    def parse(cls, data: Json) -> Self:
        """Read one entry of GET /rate_limit."""
        return cls(
            limit=data["limit"], remaining=data["remaining"], resets_at=datetime.fromtimestamp(data["reset"], UTC)
        )
