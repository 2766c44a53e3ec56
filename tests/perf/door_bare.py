"""What the door is measured against: the least that can be done. ASGI, HMAC, one insert; no framework, no JSON.

Each delivery is a row of its own, committed by itself, in a table with one unique column. `uvicorn
tests.perf.door_bare:application` with DATABASE_URL and BENCH_SECRET.
"""

import hashlib
import hmac
import os
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from psycopg import AsyncConnection
from psycopg_pool import AsyncConnectionPool

Message = MutableMapping[str, Any]
TABLE = "CREATE TABLE IF NOT EXISTS bench_bare (guid text PRIMARY KEY, event text, body bytea, at timestamptz)"
_INSERT = "INSERT INTO bench_bare VALUES (%s, %s, %b, now()) ON CONFLICT DO NOTHING"
_CONNECTIONS = 8
_secret = os.environ.get("BENCH_SECRET", "").encode()
_pool: AsyncConnectionPool[AsyncConnection[tuple[Any, ...]]]


async def application(
    scope: MutableMapping[str, Any],
    receive: Callable[[], Awaitable[Message]],
    send: Callable[[Message], Awaitable[None]],
) -> None:
    """Serve one delivery, or the life of the process."""
    if scope["type"] == "lifespan":
        await _live(receive, send)
        return
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    status = await _taken(dict(scope["headers"]), body)
    await send({"type": "http.response.start", "status": status, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"{}"})


async def _taken(headers: dict[bytes, bytes], body: bytes) -> int:
    wanted = "sha256=" + hmac.new(_secret, body, hashlib.sha256).hexdigest()
    if not hmac.compare_digest(wanted.encode(), headers.get(b"x-hub-signature-256", b"")):
        return 401
    values = (headers[b"x-github-delivery"].decode(), headers[b"x-github-event"].decode(), body)
    async with _pool.connection() as connection:
        await connection.execute(_INSERT, values, prepare=True)
    return 202


async def _live(receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]) -> None:
    global _pool  # noqa: PLW0603 - the pool lives as long as the process
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            _pool = AsyncConnectionPool(
                os.environ["DATABASE_URL"],
                min_size=_CONNECTIONS,
                max_size=_CONNECTIONS,
                kwargs={"autocommit": True},
                open=False,
            )
            await _pool.open(wait=True)
        else:
            await _pool.close()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
