"""Writes of what came in: stored once, then handled with attempts that are counted before they are made."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import F

from apps.projects.models import Hook
from apps.webhooks import handlers, queries
from apps.webhooks.models import Delivery, compressed
from apps.webhooks.states import OPEN, DeliveryState
from meshsix.celery import app
from meshsix.durable import nudges
from meshsix.kit import clock, redact
from meshsix.kit.backoff import Backoff

HANDLE = "webhooks.handle_delivery"
BACKOFF = Backoff(attempts=8, first=timedelta(seconds=5), most=timedelta(minutes=30))
_LEASE = timedelta(minutes=1)
_ERROR_LENGTH = 2000


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


def handle(delivery_id: UUID) -> None:
    """Handle the delivery if it is due: one of several callers wins. What the handler raises counts as an attempt."""
    now = clock.now()
    claimed = Delivery.objects.filter(pk=delivery_id, state__in=OPEN, due_at__lte=now).update(
        attempts=F("attempts") + 1, due_at=now + _LEASE
    )
    if not claimed:
        return
    with transaction.atomic():
        delivery = Delivery.objects.select_for_update(of=("self",)).select_related("hook").get(pk=delivery_id)
        outcome = handlers.handle(delivery)
        delivery.state = outcome.state
        delivery.reason = outcome.reason
        delivery.run_id = outcome.run_id
        delivery.issue = outcome.issue
        delivery.handled_at = clock.now()
        delivery.error = ""
        delivery.save()


def failed(delivery_id: UUID, error: str, *, chance: float) -> None:
    """Record that handling raised `error`: tried again after a pause, given up after the last attempt."""
    delivery = Delivery.objects.filter(pk=delivery_id, state__in=OPEN).first()
    if delivery is None:
        return
    pause = BACKOFF.pause(delivery.attempts, chance=chance)
    Delivery.objects.filter(pk=delivery_id, state__in=OPEN, attempts=delivery.attempts).update(
        state=DeliveryState.DEAD if pause is None else DeliveryState.FAILED,
        error=redact.text(error)[:_ERROR_LENGTH],
        due_at=clock.now() + (pause or timedelta()),
    )


def recover() -> int:
    """Nudge what is overdue and give up what took a worker with it too often; return how many were nudged."""
    now = clock.now()
    Delivery.objects.filter(state__in=OPEN, due_at__lte=now, attempts__gte=BACKOFF.attempts).update(
        state=DeliveryState.DEAD, error="Handling never came to an end."
    )
    overdue = queries.overdue(now)
    for delivery_id in overdue:
        nudge(delivery_id)
    return len(overdue)
