"""Stores what the doors let in: each delivery once, several with one statement, and nudges their handling.

A nudge is only a hint. Many at once share a message: to publish one costs more than to store a delivery.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import LiteralString
from uuid import UUID

import msgspec
from celery import Signature
from django.db import transaction
from isal import isal_zlib

from apps.webhooks.models import Door
from apps.webhooks.states import DeliveryState
from meshsix import prepared
from meshsix.celery import app
from meshsix.durable import nudges
from meshsix.kit import clock, ids

HANDLE = "webhooks.handle_delivery"
HANDLE_SOME = "webhooks.handle_deliveries"
_QUEUE = "webhooks"
Nudge = Callable[[Sequence[UUID]], None]
_ONE_BY_ONE = 5
"""So few deliveries at once get a message each, so that workers share them."""
_A_MESSAGE = 20
_MESSAGES = 4
"""So many messages are enough for a few workers to share what came at once; beyond, each carries more."""
_BIGGEST_MESSAGE = 200
_STORE: LiteralString = """
INSERT INTO webhook_deliveries (id, door, guid, hook_id, project_id, event, action, received_at, headers, payload,
                                state, reason, attempts, due_at, error)
SELECT given.id, given.door, given.guid, given.hook_id, given.project_id, given.event, given.action, %(now)s,
       given.headers::jsonb, given.payload, %(state)s, '', 0, %(now)s, ''
FROM unnest(%(id)b::uuid[], %(door)b::text[], %(guid)b::text[], %(hook_id)b::text[], %(project_id)b::uuid[],
            %(event)b::text[], %(action)b::text[], %(headers)b::text[], %(payload)b::bytea[])
     AS given(id, door, guid, hook_id, project_id, event, action, headers, payload)
ON CONFLICT DO NOTHING RETURNING id
"""


@dataclass(frozen=True, kw_only=True, slots=True)
class Incoming:
    """What was let in. `guid` is unique at its door, or at its hook where it has one; `payload` is compressed."""

    door: Door
    guid: str
    event: str
    action: str = ""
    hook_key: str | None = None
    project_id: UUID | None = None
    headers: Mapping[str, str]
    payload: bytes = field(repr=False)


def compressed(body: bytes) -> bytes:
    """Return JSON as it is kept: a zlib stream of a third of the size, made six times faster than by zlib itself."""
    return isal_zlib.compress(body, 1)


def store(batch: Sequence[Incoming], *, nudge_by: Nudge) -> list[bool]:
    """Store what came in and nudge its handling on commit; return for each whether it was new.

    `nudge_by` sends the nudges in its own way. Raises IntegrityError, with nothing stored, where a hook is gone.
    """
    made, now = [ids.new_id() for _ in batch], clock.now()
    values = {
        "now": now,
        "state": DeliveryState.RECEIVED.value,
        "id": made,
        "door": [str(each.door) for each in batch],
        "guid": [each.guid for each in batch],
        "hook_id": [each.hook_key for each in batch],
        "project_id": [each.project_id for each in batch],
        "event": [each.event for each in batch],
        "action": [each.action for each in batch],
        "headers": [msgspec.json.encode(each.headers).decode() for each in batch],
        "payload": [each.payload for each in batch],
    }
    stored = {row[0] for row in prepared.fetch(_STORE, values)}
    nudge_on_commit([each for each in made if each in stored], nudge_by)
    return [each in stored for each in made]


def nudge(delivery_ids: Sequence[UUID]) -> None:
    """Send the messages that make workers look; they may be lost, the rows stay."""
    for message in _messages([str(each) for each in delivery_ids]):
        nudges.send(message)


def nudge_on_commit(delivery_ids: Sequence[UUID], nudge_by: Nudge = nudge) -> None:
    """Nudge the handling of deliveries once the transaction is committed."""
    if delivery_ids:
        transaction.on_commit(lambda: nudge_by(delivery_ids), robust=True)


def _messages(delivery_ids: Sequence[str]) -> Iterator[Signature]:
    if len(delivery_ids) <= _ONE_BY_ONE:
        for each in delivery_ids:
            yield app.signature(HANDLE, args=(each,), queue=_QUEUE)
        return
    size = min(max(_A_MESSAGE, ceil(len(delivery_ids) / _MESSAGES)), _BIGGEST_MESSAGE)
    for start in range(0, len(delivery_ids), size):
        yield app.signature(HANDLE_SOME, args=(list(delivery_ids[start : start + size]),), queue=_QUEUE)
