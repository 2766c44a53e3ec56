"""What handlers take and give. A handler looks at the world first, outside of any transaction, then acts in one.

The transaction in which it acts records the outcome too, so it may be called again: it must be idempotent.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from apps.projects.canonical import CanonicalEvent, JsonValue, Kind, Source, key_of
from apps.projects.models import Hook, Project
from apps.webhooks.payloads import Fields
from meshsix.kit.names import RepositoryName
from meshsix.wiring import Clients


@dataclass(frozen=True, kw_only=True)
class Received:
    """A delivery as handlers see it. `project` is that of its hook or of its repository, None where neither is ours."""

    guid: str
    event: str
    action: str
    hook: Hook | None
    project: Project | None
    received_at: datetime
    payload: Fields = field(repr=False)

    @property
    def cause(self) -> str:
        """Return how events name this delivery."""
        return f"delivery:{self.guid}"


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of a delivery: `events` to be told, in words why there are none, or what else was done."""

    ignored: bool = False
    words: str = ""
    events: tuple[CanonicalEvent, ...] = ()
    issue: int | None = None


class LookAgain(Exception):  # noqa: N818 - reads as a word of the domain
    """What was looked at has changed before we could act on it."""


@dataclass(frozen=True, kw_only=True)
class Handler:
    """`looks` does what waits for the network, and gives what `acts` then takes; without it `acts` takes None.

    `acts` may raise LookAgain. `of_project`: what is not of a repository of ours is ignored without asking either.
    """

    acts: Callable[[Received, Any], Outcome]
    looks: Callable[[Received, Clients], Any] | None = None
    of_project: bool = True


Router = Mapping[str, Handler]
"""Handlers by event."""


def ignored(why: str, *, issue: int | None = None) -> Outcome:
    """Return that nothing is to be done."""
    return Outcome(ignored=True, words=why, issue=issue)


def told(*events: CanonicalEvent) -> Outcome:
    """Return that these events happened."""
    return Outcome(events=events, issue=next((event.issue for event in events if event.issue), None))


def project_of(received: Received) -> Project:
    """Return the project of a delivery whose handler is asked for those of projects alone."""
    if received.project is None:
        raise LookupError(f"Delivery {received.guid} is of no project.")
    return received.project


def canonical(
    kind: Kind,
    received: Received,
    *key: object,
    at: datetime | None,
    issue: int | None = None,
    facts: Mapping[str, JsonValue] | None = None,
    project: Project | None = None,
) -> CanonicalEvent:
    """Return an event of the delivery's project, or of the one given. `key` tells it from others of its kind."""
    of = project or project_of(received)
    return CanonicalEvent(
        kind=kind,
        repository=RepositoryName(owner=of.owner, name=of.name),
        project_id=of.pk,
        occurred_at=at or received.received_at,
        source=Source.WEBHOOK,
        cause=received.cause,
        key=key_of(kind, of.pk, *key),
        issue=issue,
        facts=facts or {},
    )


def stamp(at: datetime | None, received: Received) -> str:
    """Return a time as a part of a key; where the payload has none, the delivery's guid, which a redelivery keeps."""
    return at.isoformat() if at is not None else received.guid
