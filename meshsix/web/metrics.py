"""What the web process counts for Prometheus, and what apps read from the database for it (settings.METRIC_SOURCES)."""

from collections.abc import Iterator

import structlog
from django.conf import settings
from django.db import DatabaseError, transaction
from django.utils.module_loading import import_string
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

log = structlog.get_logger()

REQUEST_SECONDS = Histogram("meshsix_http_request_seconds", "Time of HTTP requests.", ["method", "route", "status"])
SOCKETS = Gauge("meshsix_live_sockets", "Open sockets that follow events.")
EVENTS_PUBLISHED = Counter("meshsix_events_published_total", "Events written by this process.")
NEWS_LOST = Counter("meshsix_live_news_lost_total", "News that the broker did not take; the sweep finds them.")


class _Sources(Collector):
    """What the apps read when somebody asks; nothing where the database is away, whose absence other metrics show."""

    def collect(self) -> Iterator[Metric]:
        """Yield each source's metrics."""
        for path in settings.METRIC_SOURCES:
            try:
                with transaction.atomic():
                    found = list(import_string(path)())
            except DatabaseError as error:
                log.warning("metrics not read", source=path, error=type(error).__name__)
                continue
            yield from found


def told() -> bytes:
    """Return in Prometheus' text format what the apps read from the database, the same in every process."""
    registry = CollectorRegistry()
    registry.register(_Sources())
    return generate_latest(registry)
