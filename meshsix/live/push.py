"""Tells the web processes which aggregates have news. Only a hint: losing it costs delay, never an event.

`tell` puts the news into a dictionary and returns; one daemon thread a process gives it to the channel layer, all that
gathered in the meantime as one message. A dead or frozen broker thus never blocks or fails who publishes.
"""

import asyncio
import atexit
import os
import threading
import time
from collections.abc import Mapping

import structlog
from channels.layers import get_channel_layer
from redis.exceptions import RedisError

from meshsix.web.metrics import NEWS_LOST

GROUP = "mesh-six-events"
SEND_TIMEOUT_SECONDS = 2.0
REST_AFTER_FAILURE_SECONDS = 1.0
FAREWELL_SECONDS = 1.0
# After a message news gather this long, unseen by people: a process that publishes all the time would otherwise spend
# as much on telling as on what it tells of. One that has had news for long without a break gathers longer.
GATHER_SECONDS = 0.02
GATHER_WHEN_BUSY_SECONDS = 0.1
BUSY_AFTER_SECONDS = 10.0

log = structlog.get_logger()


class Pace:
    """How long news gather, from one break in them to the next."""

    def __init__(self) -> None:
        self._began: float | None = None

    def after_news(self, now: float) -> float:
        """Return for how many seconds news gather after a message that was sent at `now` (seconds of any clock)."""
        self._began = now if self._began is None else self._began
        return GATHER_WHEN_BUSY_SECONDS if now - self._began > BUSY_AFTER_SECONDS else GATHER_SECONDS


class Teller:
    """Gathers news and sends them from a thread of its own."""

    def __init__(self) -> None:
        self._news: dict[str, int] = {}
        self._lock = threading.Lock()
        self._something = threading.Event()
        self._idle = threading.Event()
        self._idle.set()
        self._thread: threading.Thread | None = None

    def tell(self, news: Mapping[str, int]) -> None:
        """Note that aggregates have events up to these numbers, and return at once."""
        with self._lock:
            for aggregate_id, number in news.items():
                self._news[aggregate_id] = max(number, self._news.get(aggregate_id, 0))
            self._idle.clear()
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="live-push", daemon=True)
                self._thread.start()
        self._something.set()

    def flush(self, timeout_seconds: float = FAREWELL_SECONDS) -> bool:
        """Wait until all is sent (or given up), for a process that is about to end; return whether it is."""
        return self._idle.wait(timeout_seconds)

    def _take(self) -> dict[str, int]:
        with self._lock:
            news, self._news = self._news, {}
            if not news:
                self._something.clear()
                self._idle.set()
            return news

    def _run(self) -> None:
        pace = Pace()
        with asyncio.Runner() as runner:
            while True:
                self._something.wait()
                if news := self._take():
                    runner.run(self._send(news))
                    time.sleep(pace.after_news(time.monotonic()))
                else:
                    pace = Pace()

    async def _send(self, news: dict[str, int]) -> None:
        layer = get_channel_layer()
        message = {"type": "live.news", "news": news}
        try:
            await asyncio.wait_for(layer.group_send(GROUP, message), SEND_TIMEOUT_SECONDS)
        except (RedisError, OSError, TimeoutError) as error:
            NEWS_LOST.inc(len(news))
            log.warning("news not told", aggregates=len(news), error=type(error).__name__)
            await asyncio.sleep(REST_AFTER_FAILURE_SECONDS)


_teller = Teller()


def _after_fork() -> None:
    global _teller  # noqa: PLW0603 - threads and connections do not survive a fork
    _teller = Teller()


os.register_at_fork(after_in_child=_after_fork)


def tell(news: Mapping[str, int]) -> None:
    """Tell the web processes, soon and without waiting, that these aggregates have events up to these numbers."""
    _teller.tell(news)


def flush() -> bool:
    """Wait briefly until all news of this process are told."""
    return _teller.flush()


atexit.register(flush)
