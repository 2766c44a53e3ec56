"""Reads of the event log: by aggregate without a gap, and by seq without ever passing an open transaction."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from django.db import connection
from django.db.models import QuerySet

from meshsix.live.models import Aggregate, Event

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


def head(aggregate_id: str) -> int:
    """Return how many events an aggregate has: what a page writes into `data-seq`, read before its own data."""
    return heads([aggregate_id]).get(aggregate_id, 0)


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
