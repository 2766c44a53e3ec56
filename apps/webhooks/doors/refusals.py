"""How often the signature of a known hook was not believed, by the minute: table `webhook_refusals`.

Counted in the process and written at most once a second, so that whoever sends rubbish cannot keep the database busy.
A process that is killed loses the counts of its last second. `queries.refused` reads them for the list of hooks.
"""

import threading
from collections import Counter
from datetime import datetime, timedelta
from typing import LiteralString

import structlog
from django.db import DatabaseError, connections

from apps.webhooks import models
from meshsix import prepared
from meshsix.kit import clock

WRITE_AFTER_SECONDS = 1.0
_ADD: LiteralString = """
INSERT INTO webhook_refusals (hook_id, minute, number)
SELECT hook.key, given.minute, given.number
FROM unnest(%(hook_id)s::text[], %(minute)s::timestamptz[], %(number)s::int[]) AS given(hook_id, minute, number)
JOIN github_hooks AS hook ON hook.key = given.hook_id
ON CONFLICT (hook_id, minute) DO UPDATE SET number = webhook_refusals.number + EXCLUDED.number
RETURNING hook_id
"""

log = structlog.get_logger()


class Refusals:
    """Counts of this process that are still to be written."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, datetime]] = Counter()
        self._lock = threading.Lock()
        self._timer: threading.Timer | None = None

    def count(self, hook_key: str) -> None:
        """Count one more; it is written within a second."""
        minute = clock.now().replace(second=0, microsecond=0)
        with self._lock:
            self._counts[hook_key, minute] += 1
            if self._timer is None:
                self._timer = threading.Timer(WRITE_AFTER_SECONDS, self._write_and_close)
                self._timer.daemon = True
                self._timer.start()

    def write(self) -> None:
        """Write what was counted. Where the database is away, it is kept for the next time."""
        with self._lock:
            counts, self._counts, self._timer = self._counts, Counter(), None
        if not counts:
            return
        keys = sorted(counts)
        values = {
            "hook_id": [key for key, _ in keys],
            "minute": [minute for _, minute in keys],
            "number": [counts[key] for key in keys],
        }
        try:
            prepared.fetch(_ADD, values)
        except DatabaseError as error:
            log.warning("refusals not written", error=type(error).__name__)
            with self._lock:
                self._counts.update(counts)

    def _write_and_close(self) -> None:
        try:
            self.write()
        finally:
            connections.close_all()  # those of this thread, which ends here


REFUSALS = Refusals()
"""The counts of this process."""
KEPT = timedelta(days=7)
"""How long they stay; a day of them is shown."""


def forget(now: datetime) -> int:
    """Drop what is older than it is kept; return how many minutes."""
    return models.Refusals.objects.filter(minute__lt=now - KEPT).delete()[0]


def count(hook_key: str) -> None:
    """Count a signature of this hook that was not believed."""
    REFUSALS.count(hook_key)
