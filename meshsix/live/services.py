"""Writes of the event log. One statement an event, in the caller's transaction; the push follows the commit."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import LiteralString
from uuid import UUID

import structlog
from django.db import transaction

from meshsix import prepared
from meshsix.kit import clock, ids, redact
from meshsix.kit.actor import Actor
from meshsix.live import push
from meshsix.rows import Change
from meshsix.web.metrics import EVENTS_PUBLISHED

_ONE = """
SELECT seq, event_id, aggregate_seq, happened_at, is_new, event_type, aggregate_id
FROM mesh_six_publish(%s::uuid, %s, %s, %s, %s, %s, %s::int, %s::jsonb, %s, %s)
"""
_GIVEN: LiteralString = """
ROWS FROM (
    json_to_recordset(%(events)s::json)
    AS (id uuid, happened_at timestamptz, trace_id text, task_id text, agent_id text, event_type text,
        event_version int, payload text, aggregate_id text, idempotency_key text)
) WITH ORDINALITY AS given(id, happened_at, trace_id, task_id, agent_id, event_type, event_version, payload,
                           aggregate_id, idempotency_key, position)
"""
_CALL: LiteralString = """
mesh_six_publish(given.id, given.happened_at, given.trace_id, given.task_id, given.agent_id, given.event_type,
                 given.event_version, given.payload::jsonb, given.aggregate_id, given.idempotency_key)
"""
_MANY: LiteralString = f"""
SELECT written.seq, written.event_id, written.aggregate_seq, written.happened_at, written.is_new, written.event_type,
       written.aggregate_id
FROM {_GIVEN}, LATERAL {_CALL} AS written
ORDER BY given.position
"""  # noqa: S608 - made of constants
TELL_IF_WRITTEN: LiteralString = f"""
SELECT given.aggregate_id, ({_CALL}).aggregate_seq
FROM (SELECT given.* FROM written CROSS JOIN {_GIVEN} ORDER BY given.position OFFSET 0) AS given
"""  # noqa: S608 - made of constants
"""What publishes `%(events)s` (see `as_json`) where the statement's part `written` has a row; see `told`."""
_NAMES = (
    "id",
    "happened_at",
    "trace_id",
    "task_id",
    "agent_id",
    "event_type",
    "event_version",
    "payload",
    "aggregate_id",
    "idempotency_key",
)
# The function stands in the list of columns, where it runs only for rows that are there.
_IF_WRITTEN = """
SELECT (mesh_six_publish(%s::uuid, %s, %s, %s, %s, %s, %s::int, %s::jsonb, %s, NULL)).aggregate_seq
FROM written
"""

Row = tuple[UUID, datetime, str, str, str, str, int, str, str, str | None]


class KeyReused(Exception):  # noqa: N818 - reads as a word of the domain
    """An idempotency key was used before for something else: another aggregate or another type of event."""


@dataclass(frozen=True, kw_only=True)
class NewEvent:
    """What is to be published. `payload` is JSON of facts and references; secrets have no place in it."""

    event_type: str
    aggregate_id: str
    payload: Mapping[str, object] = field(default_factory=dict)
    actor: Actor | None = None
    idempotency_key: str | None = None
    trace_id: str = ""
    task_id: str = ""
    agent_id: str = ""
    event_version: int = 1


@dataclass(frozen=True, kw_only=True)
class Published:
    """Where an event stands. `is_new` is False where its idempotency key had been used: nothing was written then."""

    seq: int
    event_id: UUID
    aggregate_id: str
    aggregate_seq: int
    timestamp: datetime
    is_new: bool


def publish(
    *,
    event_type: str,
    aggregate_id: str,
    payload: Mapping[str, object] | None = None,
    actor: Actor | None = None,
    idempotency_key: str | None = None,
    trace_id: str = "",
    task_id: str = "",
    agent_id: str = "",
    event_version: int = 1,
) -> Published:
    """Append one event to its aggregate (`run:{id}`, `project:{owner}/{name}`) in the caller's transaction.

    Costs one statement. The aggregate's counter stays locked until the commit: publish late in a transaction, and in
    the same order of aggregates everywhere. Without a trace id the one bound to the log context is taken. Raises
    KeyReused where `idempotency_key` was used for another type or aggregate.
    """
    event = NewEvent(
        event_type=event_type,
        aggregate_id=aggregate_id,
        payload=payload or {},
        actor=actor,
        idempotency_key=idempotency_key,
        trace_id=trace_id,
        task_id=task_id,
        agent_id=agent_id,
        event_version=event_version,
    )
    return publish_all([event])[0]


def publish_all(events: Iterable[NewEvent]) -> list[Published]:
    """Append several events, in order, with one statement. See `publish`."""
    news = list(events)
    if not news:
        return []
    rows = [_row(event) for event in news]
    # One is by far the most frequent case, and a third cheaper than the general one.
    written = prepared.fetch(_ONE, rows[0]) if len(rows) == 1 else prepared.fetch(_MANY, {"events": _json(rows)})
    published = [_published(event, row) for event, row in zip(news, written, strict=True)]
    EVENTS_PUBLISHED.inc(sum(event.is_new for event in published))
    last = {event.aggregate_id: event.aggregate_seq for event in published if event.is_new}
    if last:
        transaction.on_commit(lambda: push.tell(last), robust=True)
    return published


def publish_with(change: Change, event: NewEvent, beside: Sequence[Change] = ()) -> bool:
    """Write a row and append the event that tells of it, as one statement; return whether there was a row to write.

    The rows `beside` it are written in any case. Outside a transaction it is one of its own. For changes that every
    task passes: beside `publish` it saves the beginning, the end and a trip. The event has no idempotency key.
    """
    changes = {"written": change} | {f"part{number}": each for number, each in enumerate(beside)}
    parts = ", ".join(f"{name} AS ({statement})" for name, (statement, _) in changes.items())
    values = [value for _, given in changes.values() for value in given]
    told = prepared.fetch(f"WITH {parts} {_IF_WRITTEN}", [*values, *_row(event)[:-1]])
    if told:
        tell(event.aggregate_id, told[0][0], events=1)
    return bool(told)


def tell(aggregate_id: str, number: int, *, events: int) -> None:
    """Count and push what a statement of the caller's published by `mesh_six_publish` itself, once it is committed.

    For the one statement that runs so often that a second one beside it would be felt; all others call `publish`.
    """
    EVENTS_PUBLISHED.inc(events)
    transaction.on_commit(lambda: push.tell({aggregate_id: number}), robust=True)


def as_json(events: Iterable[NewEvent]) -> str:
    """Return events as a statement with TELL_IF_WRITTEN takes them. They have no idempotency keys."""
    return _json([_row(event) for event in events])


def told(found: Iterable[tuple[str, int]]) -> None:
    """Count and push what a statement with TELL_IF_WRITTEN gave back, once it is committed."""
    numbers = list(found)
    EVENTS_PUBLISHED.inc(len(numbers))
    if numbers:
        transaction.on_commit(lambda: push.tell(dict(numbers)), robust=True)


def _json(rows: Iterable[Row]) -> str:
    return json.dumps([dict(zip(_NAMES, row, strict=True)) for row in rows], ensure_ascii=False, default=str)


def _row(event: NewEvent) -> Row:
    facts = dict(event.payload)
    if event.actor is not None:
        facts["actor"] = event.actor.as_json()
    trace_id = event.trace_id or str(structlog.contextvars.get_contextvars().get("trace_id", ""))
    return (
        ids.new_id(),
        clock.now(),
        trace_id,
        event.task_id,
        event.agent_id,
        event.event_type,
        event.event_version,
        json.dumps(redact.structure(facts), ensure_ascii=False, default=str),
        event.aggregate_id,
        event.idempotency_key,
    )


def _published(event: NewEvent, row: tuple[int, UUID, int, datetime, bool, str, str]) -> Published:
    seq, event_id, aggregate_seq, timestamp, is_new, event_type, aggregate_id = row
    if (event_type, aggregate_id) != (event.event_type, event.aggregate_id):
        raise KeyReused(f"{event.idempotency_key!r} belongs to {event_type} of {aggregate_id}.")
    return Published(
        seq=seq,
        event_id=event_id,
        aggregate_id=aggregate_id,
        aggregate_seq=aggregate_seq,
        timestamp=timestamp,
        is_new=is_new,
    )
