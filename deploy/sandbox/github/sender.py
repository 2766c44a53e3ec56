"""Sends what deliveries.py stored, signed as GitHub signs it, in the background; with trouble where it is wanted.

A delivery is sent after the commit of the change that caused it, so none is lost by a restart.
"""

import asyncio
import contextlib
import hashlib
import hmac
import time
from collections.abc import Awaitable, Callable, Iterable
from typing import Any
from urllib.parse import urlencode

import httpx

from deploy.sandbox.github.deliveries import place_of
from deploy.sandbox.github.records import Delivery, Hook
from deploy.sandbox.github.trouble import Kind
from deploy.sandbox.github.world import World, timestamp

TIMEOUT_SECONDS = 10.0
Work = Callable[[Callable[[], Any]], Awaitable[Any]]


def request_of(hook: Hook, delivery: Delivery, secret: str | None) -> tuple[dict[str, str], bytes]:
    """Return the headers and the body with which a delivery is sent, signed with this secret."""
    form = hook.content_type != "json"
    body = urlencode({"payload": delivery.payload}).encode() if form else delivery.payload.encode()
    headers = {
        "Accept": "*/*",
        "Content-Type": "application/x-www-form-urlencoded" if form else "application/json",
        "User-Agent": "GitHub-Hookshot/5a3c1f7",
        "X-GitHub-Delivery": delivery.guid,
        "X-GitHub-Event": delivery.event,
        "X-GitHub-Hook-ID": str(hook.id),
        "X-GitHub-Hook-Installation-Target-ID": str(hook.target_id),
        "X-GitHub-Hook-Installation-Target-Type": hook.target,
    }
    if secret:
        for name, algorithm in (("X-Hub-Signature", "sha1"), ("X-Hub-Signature-256", "sha256")):
            digest = hmac.new(secret.encode(), body, getattr(hashlib, algorithm)).hexdigest()
            headers[name] = f"{algorithm}={digest}"
    return headers, body


def pending(world: World) -> list[tuple[Hook, Delivery]]:
    """Return what is stored and not sent yet, oldest first."""
    world.to_send = False
    waiting = world.store.all(Delivery, lambda each: not (each.done or each.held))
    return [(hook, each) for each in waiting if (hook := world.store.get(Hook, each.hook_id)) is not None]


def record(
    world: World, hook: Hook, delivery: Delivery, answer: httpx.Response | httpx.HTTPError, seconds: float
) -> None:
    """Write down what became of a delivery, in its own record and in its hook's. After a reset there are none."""
    if world.store.get(Delivery, delivery.id) is not delivery:
        return
    delivery.done, delivery.delivered_at, delivery.url = True, timestamp(), hook.url
    delivery.duration = round(seconds, 2)
    if isinstance(answer, httpx.Response):
        delivery.status_code = answer.status_code
        delivery.status = "OK" if answer.is_success else f"Invalid HTTP Response: {answer.status_code}"
        delivery.response_headers = dict(answer.headers)
        delivery.response_body = answer.text[:100_000]
        hook.last_status = "active" if answer.is_success else "misconfigured"
        hook.last_code = answer.status_code
    else:
        timed_out = isinstance(answer, httpx.TimeoutException)
        delivery.status_code = 504 if timed_out else 502
        delivery.status = "timed out" if timed_out else "failed to connect to host"
        hook.last_status, hook.last_code = ("timeout", 504) if timed_out else ("connection_error", 502)
    hook.last_message = delivery.status
    world.store.save(delivery)
    if world.store.get(Hook, hook.id) is not None:
        world.store.save(hook)


def secret_of(world: World, hook: Hook) -> str | None:
    """Return the secret to sign with: the hook's own, or a wrong one where signatures are to be bad."""
    return "not-the-secret" if world.trouble.has(Kind.BADLY_SIGNED, place_of(world, hook)) else hook.secret


class Sender:
    """Sends what is pending, a few at a time. `work` runs a function alone on the world and commits."""

    def __init__(self, world: World, work: Work) -> None:
        self._world, self._work = world, work
        self._more = asyncio.Event()
        self._under_way: set[int] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def nudge(self) -> None:
        """Say that there may be something to send."""
        self._more.set()

    async def run(self) -> None:
        """Send until cancelled."""
        limits = httpx.Limits(max_connections=16)
        async with httpx.AsyncClient(timeout=TIMEOUT_SECONDS, limits=limits, trust_env=False) as client:
            try:
                while True:
                    found = await self._work(lambda: pending(self._world))
                    fresh = [(hook, each) for hook, each in found if each.id not in self._under_way]
                    self._under_way.update(each.id for _, each in fresh)
                    for pair in fresh:
                        if not pair[1].turn:
                            self._start(client, [pair])
                    self._start(client, sorted((pair for pair in fresh if pair[1].turn), key=lambda pair: pair[1].turn))
                    await self._more.wait()
                    self._more.clear()
            finally:
                for task in self._tasks:
                    task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await asyncio.gather(*self._tasks, return_exceptions=True)

    def _start(self, client: httpx.AsyncClient, ordered: Iterable[tuple[Hook, Delivery]]) -> None:
        task = asyncio.create_task(self._send_each(client, tuple(ordered)))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _send_each(self, client: httpx.AsyncClient, ordered: Iterable[tuple[Hook, Delivery]]) -> None:
        """Send one after the other; each waits for the answer to the one before."""
        for hook, delivery in ordered:
            await self._send(client, hook, delivery)

    async def _send(self, client: httpx.AsyncClient, hook: Hook, delivery: Delivery) -> None:
        trouble, place, secret = await self._work(
            lambda: (self._world.trouble, place_of(self._world, hook), secret_of(self._world, hook))
        )
        headers, body = request_of(hook, delivery, secret)
        answer: httpx.Response | httpx.HTTPError
        began = time.monotonic()
        try:
            if trouble.has(Kind.LOST, place):
                raise httpx.ConnectError("lost on the way")
            times = 2 if trouble.has(Kind.TWICE, place) else 1
            answer, *_ = await asyncio.gather(
                *(client.post(hook.url, content=body, headers=headers) for _ in range(times))
            )
        except httpx.HTTPError as error:
            answer = error
        seconds = time.monotonic() - began
        delivery.request_headers = headers
        await self._work(lambda: record(self._world, hook, delivery, answer, seconds))
        self._under_way.discard(delivery.id)
