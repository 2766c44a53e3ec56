"""Tells canonical events: each once in the event log, and the first time to the apps that react to it."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from django.db import transaction

from apps.onboarding.reactions import REACTIONS as ONBOARDING
from apps.projects import services as projects
from apps.projects.canonical import CanonicalEvent, Reaction, Reactions, Source, key_of
from apps.webhooks import filters, queries
from meshsix.kit.actor import SYSTEM, Actor, ActorKind, Door
from meshsix.live import queries as live
from meshsix.live.services import publish

GITHUB = Actor(kind=ActorKind.SYSTEM, name="github", door=Door.WEBHOOK)
ROUTERS: Sequence[Reactions] = (ONBOARDING,)
"""The reactions of the apps below, in the order in which they are asked."""


@dataclass(frozen=True, kw_only=True)
class Emitted:
    """What became of an event. `is_new` is False where it had been told before: nothing was done then.

    `aggregate_id` and `aggregate_seq` say where it stands in the log, now or since then. `rejected` says why the
    project's filters kept it from being told; its place is then that of the event that says so.
    """

    event: CanonicalEvent
    aggregate_id: str
    aggregate_seq: int
    is_new: bool
    reactions: tuple[Reaction, ...] = ()
    rejected: str = ""


def emit(events: Iterable[CanonicalEvent], *, routers: Sequence[Reactions] = ROUTERS) -> tuple[Emitted, ...]:
    """Publish the events on their projects' aggregates and let the apps react to new ones, in the caller's transaction.

    The result is in the order of `events`. An event whose key was used before, here or under a former name of the
    repository, changes nothing; nor does one that the project's filters reject, but for an event `filtered` that says
    why. Raises what a reaction raises: the caller's transaction is then to be rolled back.

    The projects are locked first, since reactions change them while the counters of their events are locked.
    """
    wanted = tuple(events)
    with transaction.atomic():
        projects.lock(event.project_id for event in wanted)
        return tuple(_emitted(event, routers) for event in wanted)


def _emitted(event: CanonicalEvent, routers: Sequence[Reactions]) -> Emitted:
    """Tell one event. The key is looked for first: after a rename it stands on an aggregate of another name."""
    known = live.told(event.key)
    if known is not None:
        return Emitted(event=event, aggregate_id=known.aggregate_id, aggregate_seq=known.aggregate_seq, is_new=False)
    why = filters.rejection(queries.rules_of(event.project_id), event) if event.kind in filters.FILTERED else ""
    return _rejected(event, why) if why else _told(event, routers)


def _rejected(event: CanonicalEvent, why: str) -> Emitted:
    """Say why an event is not told: once, though its delivery is replayed."""
    told = publish(
        event_type="filtered",
        aggregate_id=projects.aggregate(event.repository),
        payload=_payload(event) | {"kind": event.kind, "reason": why},
        actor=_actor(event),
        idempotency_key=key_of(event.kind, event.project_id, "filtered", event.key, why),
    )
    return Emitted(
        event=event, aggregate_id=told.aggregate_id, aggregate_seq=told.aggregate_seq, is_new=False, rejected=why
    )


def _told(event: CanonicalEvent, routers: Sequence[Reactions]) -> Emitted:
    told = publish(
        event_type=event.kind,
        aggregate_id=projects.aggregate(event.repository),
        payload=_payload(event),
        actor=_actor(event),
        idempotency_key=event.key,
    )
    return Emitted(
        event=event,
        aggregate_id=told.aggregate_id,
        aggregate_seq=told.aggregate_seq,
        is_new=told.is_new,
        reactions=tuple(_reactions(event, routers)) if told.is_new else (),
    )


def _actor(event: CanonicalEvent) -> Actor:
    return GITHUB if event.source is Source.WEBHOOK else SYSTEM


def _payload(event: CanonicalEvent) -> dict[str, object]:
    """Return the event's fields; its own ones stand under `facts`, so that none hides one that all have."""
    return {
        "project": event.repository.full_name,
        "project_id": str(event.project_id),
        "occurred_at": event.occurred_at.isoformat(),
        "source": event.source,
        "cause": event.cause,
        "issue": event.issue,
        "item_id": event.item_id,
        "facts": event.facts,
    }


def _reactions(event: CanonicalEvent, routers: Sequence[Reactions]) -> Iterator[Reaction]:
    for router in routers:
        react = router.get(event.kind)
        said = react(event) if react is not None else None
        if said is not None:
            yield said
