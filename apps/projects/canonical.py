"""What happened to a repository, in the platform's own words, whichever way it was heard of. Pure: no Django, no I/O.

Webhooks and polls tell the same things in many ways, twice, late and out of order. A canonical event says one of them
once: its key is made of what happened, never of how it was heard.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias
from uuid import UUID

from meshsix.kit.names import RepositoryName

JsonValue: TypeAlias = "bool | int | float | str | Sequence[JsonValue] | Mapping[str, JsonValue] | None"
"""What JSON can hold."""

_KEY_LENGTH = 200
_DIGEST_LENGTH = 32


class Kind(StrEnum):
    """What happened. The value is the type under which the event stands in the log."""

    NEW_TODO = "new-todo"
    CARD_MOVED = "card-moved"
    CARD_BLOCKED = "card-blocked"
    CARD_UNBLOCKED = "card-unblocked"
    CARD_REMOVED = "card-removed"
    ISSUE_CLOSED = "issue-closed"
    ISSUE_EDITED = "issue-edited"
    ISSUE_COMMENTED = "issue-commented"
    PR_OPENED = "pr-opened"
    PR_UPDATED = "pr-updated"
    PR_MERGED = "pr-merged"
    PR_CLOSED = "pr-closed"
    PR_REVIEWED = "pr-reviewed"
    CHECKS_FINISHED = "checks-finished"
    PUSHED = "pushed"
    REPOSITORY_RENAMED = "repository-renamed"
    REPOSITORY_TRANSFERRED = "repository-transferred"
    REPOSITORY_DELETED = "repository-deleted"
    HOOK_DISABLED = "hook-disabled"


class Source(StrEnum):
    """How it was heard of."""

    WEBHOOK = "webhook"
    POLL = "poll"
    MANUAL = "manual"


@dataclass(frozen=True, kw_only=True)
class CanonicalEvent:
    """One thing that happened to a project's repository, board or hook.

    `cause` says what told it: `delivery:{guid}`, `poll:{id}`, `user:{login}`. `key` is the same for one thing that
    happened, however often and whichever way it is told (see `key_of`); `occurred_at` is the vendor's time where it
    gives one. `facts` are the event's own fields, as the kind's row in the README of apps/webhooks lists them.
    """

    kind: Kind
    repository: RepositoryName
    project_id: UUID
    occurred_at: datetime
    source: Source
    cause: str
    key: str
    issue: int | None = None
    item_id: str = ""
    facts: Mapping[str, JsonValue] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Reaction:
    """What an app did about an event: in words for the delivery's page, and the run that it started, if any."""

    words: str
    run_id: UUID | None = None


Reactions = Mapping[Kind, Callable[[CanonicalEvent], Reaction | None]]
"""What an app does about which events. Called in the transaction that tells the event; None: nothing to say."""


def key_of(kind: Kind, project_id: UUID, *parts: object) -> str:
    """Return the idempotency key of what happened, told apart by `parts`: ids, numbers, times and states of the vendor.

    Made of the project's id, not of its name, so that a rename tells nothing anew. At most 200 characters: a longer
    one ends in a hash of all of it.
    """
    plain = ":".join((kind, str(project_id), *(str(part).replace(":", "%3A") for part in parts)))
    if len(plain) <= _KEY_LENGTH:
        return plain
    digest = hashlib.sha256(plain.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGEST_LENGTH]
    return f"{plain[: _KEY_LENGTH - _DIGEST_LENGTH - 1]}:{digest}"
