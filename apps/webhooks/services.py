"""Writes of what came in (intake.py stores it): nudged until it is handled (handling.py), forgotten in time."""

from django.conf import settings

from apps.webhooks import handling, intake, queries
from apps.webhooks.models import Delivery
from apps.webhooks.states import OPEN
from meshsix.kit import clock


def recover() -> int:
    """Nudge what is overdue and give up what took a worker with it too often; return how many were nudged."""
    now = clock.now()
    for delivery_id in queries.lost(now, attempts=handling.BACKOFF.attempts):
        handling.given_up(delivery_id)
    overdue = queries.overdue(now)
    intake.nudge(overdue)
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
