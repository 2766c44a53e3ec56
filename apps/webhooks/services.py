"""Writes of what came in (intake.py stores it): nudged until it is handled (handling.py), forgotten in time."""

from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db import transaction

from apps.webhooks import handling, intake, queries
from apps.webhooks.models import Delivery
from apps.webhooks.states import OPEN
from meshsix.kit import clock

_MOST_DOUBLINGS = 5


def recover() -> int:
    """Nudge what is overdue and give up what took a worker with it too often; return how many were nudged."""
    now = clock.now()
    for delivery_id in queries.lost(now, attempts=handling.BACKOFF.attempts):
        handling.given_up(delivery_id)
    overdue = _marked(now)
    intake.nudge(overdue)
    return len(overdue)


def _marked(now: datetime) -> list[UUID]:
    """Return what is to be nudged now; each delivery again at growing distances, while its messages wait their turn."""
    with transaction.atomic():
        rows = queries.overdue(now).select_for_update(skip_locked=True, no_key=True)
        due = list(rows.values_list("pk", "nudges"))
        for nudges in {each for _, each in due}:
            Delivery.objects.filter(pk__in=[pk for pk, each in due if each == nudges]).update(
                nudges=min(nudges + 1, _MOST_DOUBLINGS), nudge_at=now + queries.GRACE * 2**nudges
            )
    return [pk for pk, _ in due]


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
