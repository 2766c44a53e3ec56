"""Reads of the event log: by aggregate without a gap, and by seq without ever passing an open transaction."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import QuerySet

from meshsix.live.models import Aggregate, Event, EventKey

_AFTER_EACH = """
SELECT found.* FROM unnest(%s::text[], %s::bigint[]) AS wanted(aggregate_id, after),
LATERAL (SELECT e.* FROM mesh_six_events e
         WHERE e.aggregate_id = wanted.aggregate_id AND e.aggregate_seq > wanted.after
         ORDER BY e.aggregate_seq LIMIT %s) AS found
ORDER BY found.aggregate_id, found.aggregate_seq
"""


@dataclass(frozen=True, kw_only=True)
class Horizon:
    """`safe`: nothing can appear at or below this seq any more; `given`: the last seq given out when we looked."""

    safe: int
    given: int


def after(aggregate_id: str, number: int, *, most: int) -> list[Event]:
    """Return the events of an aggregate behind its event `number`, in order and without a gap."""
    found = Event.objects.filter(aggregate_id=aggregate_id, aggregate_seq__gt=number)
    return list(found.order_by("aggregate_seq")[:most])


def after_each(numbers: Mapping[str, int], *, most: int) -> list[Event]:
    """Return the events behind the given number of each aggregate, at most `most` of each, with one statement."""
    return list(Event.objects.raw(_AFTER_EACH, [list(numbers), list(numbers.values()), most]))


def heads(aggregate_ids: Collection[str]) -> dict[str, int]:
    """Return how many events each aggregate has; one without events is left out."""
    found = Aggregate.objects.filter(aggregate_id__in=list(aggregate_ids))
    return dict(found.values_list("aggregate_id", "events"))


def last_of(aggregate_id: str) -> int:
    """Return how many events an aggregate has: what a page writes into `data-seq`, read before its own data."""
    return heads([aggregate_id]).get(aggregate_id, 0)


def told(idempotency_key: str) -> EventKey | None:
    """Return where the event with this key stands, None where none was published yet."""
    return EventKey.objects.filter(pk=idempotency_key).first()


def latest_events(aggregate_id: str, *, most: int) -> list[Event]:
    """Return the last events of an aggregate, the newest first."""
    return list(Event.objects.filter(aggregate_id=aggregate_id).order_by("-aggregate_seq")[:most])


def horizon() -> Horizon:
    """Return how far the log can be followed by seq.

    Ask before reading the rows, in a statement of its own: rows of transactions that end in between are then seen.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT safe, given FROM mesh_six_events_horizon()")
        safe, given = cursor.fetchone()
    return Horizon(safe=safe, given=given)


def settled() -> QuerySet[Event]:
    """Return the events that can be followed by seq: none will ever appear between or before them."""
    return Event.objects.filter(seq__lte=horizon().safe)


def feed_after(kind: str, seq: int, *, most: int) -> tuple[list[Event], Horizon]:
    """Return the settled events of all aggregates of a kind (`run`, `project`) behind `seq`, in order of seq."""
    found = horizon()
    behind = Event.objects.filter(seq__gt=seq, seq__lte=found.safe, aggregate_id__startswith=f"{kind}:")
    return list(behind.order_by("seq")[:most]), found


@dataclass(frozen=True, kw_only=True)
class Page:
    """A page of the log. `next_after` is where a follower goes on, `first` the seq before which to look back."""

    events: list[Event]
    next_after: int
    first: int


_EXACT = ("trace_id", "task_id", "agent_id", "aggregate_id")


def filtered(asked: Mapping[str, Any]) -> Page:
    """Return a page of the settled log: by `after_seq` forward, by `before_seq` backward, by default the last ones."""
    safe = horizon().safe
    rows = Event.objects.filter(seq__lte=safe, **{name: asked[name] for name in _EXACT if name in asked})
    if "event_type" in asked:
        rows = rows.filter(event_type__in=asked["event_type"])
    if "since" in asked:
        rows = rows.filter(timestamp__gte=asked["since"])
    if "until" in asked:
        rows = rows.filter(timestamp__lt=asked["until"])
    if "before_seq" in asked:
        rows = rows.filter(seq__lt=asked["before_seq"])
    limit: int = asked["limit"]
    if "after_seq" in asked:
        found = list(rows.filter(seq__gt=asked["after_seq"]).order_by("seq")[:limit])
        last = found[-1].seq if len(found) == limit else max(safe, asked["after_seq"])
        return Page(events=found, next_after=last, first=found[0].seq if found else asked["after_seq"] + 1)
    found = list(rows.order_by("-seq")[:limit])[::-1]
    ahead = asked["before_seq"] - 1 if "before_seq" in asked else safe
    return Page(events=found, next_after=ahead, first=found[0].seq if len(found) == limit else 0)


def last_seq() -> int:
    """Return where a feed goes on: what a page that lists many aggregates writes into `data-seq`, read first."""
    return horizon().safe
