"""The door as a process of its own: plain ASGI with what the door for GitHub needs and nothing else.

One thread owns a database connection and writes; all that wait for it at a moment share a statement. The event loop
judges what it can from what is kept; what has to ask somebody, or is large, goes to a few threads.
"""

import asyncio
import queue
import re
import threading
from collections.abc import Awaitable, Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

import structlog
from django.db import close_old_connections

from apps.webhooks.doors import calls, github
from apps.webhooks.doors.calls import Answer, Call
from apps.webhooks.doors.gathering import Gatherer
from apps.webhooks.intake import Incoming
from meshsix.web import health

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

MOST_AT_ONCE = 100
"""How many deliveries one statement stores at most."""
LARGE_BYTES = 128 * 1024
"""A body from this size on is judged in a thread, so that nobody waits for it."""
MOST_HELD_BYTES = 8 * calls.MOST_BYTES
"""How many bytes of large bodies are held at once; who comes with another large one then shall come later."""
PATIENCE = timedelta(seconds=15)
"""How long a body may take; GitHub itself gives up after ten seconds.
https://docs.github.com/en/webhooks/using-webhooks/best-practices-for-using-webhooks#respond-within-10-seconds"""
_THREADS = 4

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A delivery that is to be stored, and who waits for it."""

    incoming: Incoming
    answer: "asyncio.Future[Answer]"


Store = Callable[[list[Incoming]], list[Answer]]


class Writer:
    """Stores deliveries from a thread of its own; all that are there at a moment with one call of `store`."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._waiting: queue.SimpleQueue[_Waiting] = queue.SimpleQueue()
        self._loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._run, name="door-writer", daemon=True)
        self._thread.start()

    @property
    def is_alive(self) -> bool:
        """Return whether it still stores what comes."""
        return self._thread.is_alive()

    async def stored(self, incoming: Incoming) -> Answer:
        """Return the answer once the delivery's row is committed."""
        answer: asyncio.Future[Answer] = self._loop.create_future()
        self._waiting.put(_Waiting(incoming, answer))
        return await answer

    def _run(self) -> None:
        while True:
            batch = [self._waiting.get()]
            while len(batch) < MOST_AT_ONCE and not self._waiting.empty():
                batch.append(self._waiting.get())
            self._loop.call_soon_threadsafe(_tell, batch, self._answers(batch))

    def _answers(self, batch: list[_Waiting]) -> list[Answer]:
        try:
            return self._store([each.incoming for each in batch])
        except Exception:  # nobody else writes: whatever it was, the next ones must be stored
            log.exception("deliveries not stored", number=len(batch))
            return [calls.LATER] * len(batch)


def _tell(batch: list[_Waiting], answers: list[Answer]) -> None:
    for each, answer in zip(batch, answers, strict=True):
        if not each.answer.done():  # else the caller went away
            each.answer.set_result(answer)


class Application:
    """ASGI: `POST /webhooks/github` and `POST /webhooks/github/{key}`; `GET /livez` and `GET /readyz` beside them."""

    def __init__(
        self,
        *,
        store: Store | None = None,
        patience: timedelta = PATIENCE,
        most_held_bytes: int = MOST_HELD_BYTES,
    ) -> None:
        self._store, self._patience, self._most_held_bytes = store, patience, most_held_bytes
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="door")
        self._writer: Writer | None = None
        self._gatherer: Gatherer | None = None
        self._held_bytes = 0

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Serve one request, or the life of the process."""
        if scope["type"] == "lifespan":
            await _live(receive, send, self._end)
        elif scope["type"] == "http":
            with suppress(_Gone):
                await _say(await self._answer(scope, receive), send)

    async def _answer(self, scope: MutableMapping[str, Any], receive: Receive) -> Answer:
        path = _DOOR.fullmatch(scope["path"])
        if path is None:
            return await self._health(scope["path"])
        if scope["method"] != "POST":
            return calls.POST_ONLY
        headers = calls.read_headers(scope["headers"])
        if calls.declared_length(headers) > calls.MOST_BYTES:
            return github.counted(calls.TOO_LARGE)
        return github.counted(await self._delivered(path["key"] or "", headers, receive))

    async def _delivered(self, key: str, headers: dict[str, str], receive: Receive) -> Answer:
        parts: list[bytes] = []
        try:
            refused = await self._read_in_time(receive, parts)
            if refused is not None:
                return refused
            judged = await self._judged(Call(hook_key=key, headers=headers, body=b"".join(parts)))
            return judged if isinstance(judged, Answer) else await self._stored(judged)
        finally:
            self._held_bytes -= _weight(sum(map(len, parts)))

    async def _read_in_time(self, receive: Receive, parts: list[bytes]) -> Answer | None:
        try:
            async with asyncio.timeout(self._patience.total_seconds()):
                return await self._read(receive, parts)
        except TimeoutError:
            return calls.TOO_SLOW

    async def _read(self, receive: Receive, parts: list[bytes]) -> Answer | None:
        """Read the body into `parts`; return the answer where that is too much. Raises _Gone."""
        length, more = 0, True
        while more:
            message = await receive()
            if message["type"] != "http.request":
                raise _Gone
            part, more = message.get("body", b""), message.get("more_body", False)
            parts.append(part)
            self._held_bytes += _weight(length + len(part)) - _weight(length)
            length += len(part)
            if length > calls.MOST_BYTES:
                return calls.TOO_LARGE
            if _weight(length) and self._held_bytes > self._most_held_bytes:
                return calls.LATER
        return None

    async def _judged(self, call: Call) -> Incoming | Answer:
        if len(call.body) < LARGE_BYTES:
            with suppress(github.MustWait):
                return github.judged(call, may_wait=False)
        return await asyncio.get_running_loop().run_in_executor(self._threads, _waiting_judge, call)

    async def _stored(self, incoming: Incoming) -> Answer:
        if self._writer is None:
            self._writer = Writer(self._store or self._stored_and_gathered())
        return await self._writer.stored(incoming)

    def _stored_and_gathered(self) -> Store:
        self._gatherer = Gatherer()
        return partial(github.stored, nudge_by=self._gatherer.put)

    def _end(self) -> None:
        if self._gatherer is not None:
            self._gatherer.flush()

    async def _health(self, path: str) -> Answer:
        if path == "/livez":
            return calls.WELL if self._writer is None or self._writer.is_alive else calls.LATER
        if path != "/readyz":
            return calls.NOWHERE
        report = await asyncio.get_running_loop().run_in_executor(self._threads, health.report)
        return calls.WELL if report.ready else calls.LATER


class _Gone(Exception):  # noqa: N818 - reads as a word of the domain
    """The caller went away before the body was complete."""


_DOOR = re.compile(r"/webhooks/github(?:/(?P<key>[-a-zA-Z0-9_]{1,64}))?")


def _weight(length: int) -> int:
    """Return how much a body of so many bytes counts among those that are held: small ones do not."""
    return length if length >= LARGE_BYTES else 0


def _waiting_judge(call: Call) -> Incoming | Answer:
    """Judge in a thread, which has a database connection of its own and keeps it."""
    close_old_connections()
    return github.judged(call, may_wait=True)


async def _say(answer: Answer, send: Send) -> None:
    body = answer.body
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    if answer in {calls.TOO_LARGE, calls.TOO_SLOW, calls.LATER}:
        headers.append((b"connection", b"close"))  # what is left of the body is not wanted
    await send({"type": "http.response.start", "status": answer.status.value, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _live(receive: Receive, send: Send, end: Callable[[], None]) -> None:
    """Say yes to the server's start and, after `end`, to its end."""
    while True:
        message = await receive()
        if message["type"] == "lifespan.shutdown":
            end()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
