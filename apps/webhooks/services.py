"""Writes of what came in: stored once, nudged until it is handled (handling.py), forgotten in time."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction

from apps.projects.models import Hook
from apps.webhooks import handling, queries
from apps.webhooks.models import Delivery, compressed
from apps.webhooks.states import OPEN
from meshsix.celery import app
from meshsix.durable import nudges
from meshsix.kit import clock

HANDLE = "webhooks.handle_delivery"


@dataclass(frozen=True, kw_only=True)
class Incoming:
    """An authenticated delivery, checked at the border. `body` is raw JSON."""

    guid: str
    event: str
    action: str
    hook: Hook | None
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


def receive(incoming: Incoming) -> Delivery | None:
    """Store the delivery and nudge its handling; None where it is stored already."""
    hook = incoming.hook
    try:
        with transaction.atomic():
            delivery = Delivery.objects.create(
                guid=incoming.guid,
                hook=hook,
                project_id=hook.project_id if hook is not None else None,
                event=incoming.event,
                action=incoming.action,
                headers=dict(incoming.headers),
                payload=compressed(incoming.body),
            )
            transaction.on_commit(lambda: nudge(delivery.pk), robust=True)
    except IntegrityError:
        if Delivery.objects.filter(hook=hook, guid=incoming.guid).exists():
            return None
        raise
    return delivery


def nudge(delivery_id: UUID) -> None:
    """Send the message that makes a worker look; it may be lost, the row stays."""
    nudges.send(app.signature(HANDLE, args=(str(delivery_id),), queue="webhooks"))


def recover() -> int:
    """Nudge what is overdue and give up what took a worker with it too often; return how many were nudged."""
    now = clock.now()
    for delivery_id in queries.lost(now, attempts=handling.BACKOFF.attempts):
        handling.given_up(delivery_id)
    overdue = queries.overdue(now)
    for delivery_id in overdue:
        nudge(delivery_id)
    return len(overdue)


def forget_payloads() -> int:
    """Drop the payloads that were kept long enough; return how many. What became of the deliveries stays.

    A delivery that is still to be handled keeps its payload however old it is.
    """
    before, dropped = clock.now() - settings.DELIVERY_PAYLOADS_KEPT, 0
    while found := queries.old_payloads(before):
        dropped += (
            Delivery.objects.filter(pk__in=found)
            .exclude(state__in=OPEN)
            .update(payload=b"", payload_dropped_at=clock.now())
        )
    return dropped
