"""Nudges for many deliveries at once: to publish a message costs more than to store a delivery.

Whoever comes after a rest is nudged for at once; those that come in the moment after share messages. A process that
ends sends what is gathered first; one that is killed leaves it to the sweep.
"""

import threading
import time
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

import structlog

from apps.webhooks import intake

MOMENT = timedelta(milliseconds=50)

log = structlog.get_logger()


class Gatherer:
    """Sends nudges from a thread of its own, at most once in a moment."""

    def __init__(self, send: intake.Nudge = intake.nudge) -> None:
        self._send = send
        self._gathered: list[UUID] = []
        self._came = threading.Condition()
        self._sending = threading.Lock()
        threading.Thread(target=self._run, name="door-nudges", daemon=True).start()

    def put(self, delivery_ids: Sequence[UUID]) -> None:
        """Let workers look at these soon; return at once."""
        with self._came:
            self._gathered += delivery_ids
            self._came.notify()

    def flush(self) -> None:
        """Send what is gathered, and wait for what is being sent."""
        with self._sending:
            with self._came:
                found, self._gathered = self._gathered, []
            if found:
                self._send(found)

    def _run(self) -> None:
        while True:
            with self._came:
                self._came.wait_for(lambda: self._gathered)
            try:
                self.flush()
            except Exception:  # nobody else sends: the sweep finds these, and the next ones are nudged for
                log.exception("deliveries not nudged for")
            time.sleep(MOMENT.total_seconds())
