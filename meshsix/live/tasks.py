"""Scheduled work of the event log."""

from celery import shared_task
from django.conf import settings

from meshsix.kit import clock
from meshsix.live import partitions


@shared_task(name="live.ensure_partitions", ignore_result=True)
def ensure_partitions() -> None:
    """Make the partitions of the months ahead; beat calls it daily."""
    partitions.ensure(clock.now().date(), months=settings.EVENT_PARTITIONS_AHEAD_MONTHS)
