"""The door's ASGI application by itself: what slow strangers, large bodies and a store that fails do to it."""

import asyncio
import json
from contextlib import suppress
from datetime import timedelta

import pytest
from pytest_django import Settings

from apps.webhooks.doors import calls, known_hooks
from apps.webhooks.doors.calls import Answer
from apps.webhooks.doors.known_hooks import Found, KnownHook, KnownHooks, Place, place_named
from apps.webhooks.doors.process import LARGE_BYTES, Application, Message, Receive
from apps.webhooks.intake import Incoming
from apps.webhooks.signatures import sign
from meshsix.kit import clock

PATIENCE_SECONDS = 30
SECRET = "of the app"
NUMBER = "4711"
SMALL = json.dumps({"zen": "Keep it logically awesome."}).encode()
Says = tuple[int, dict[bytes, bytes]]


@pytest.fixture(autouse=True)
def _known(settings: Settings) -> None:
    """Let the door know the platform-wide hook, so that it has to ask nobody."""
    settings.GITHUB_WEBHOOK_SECRET = SECRET
    known_hooks.HOOKS.forget()
    now = clock.now()
    known_hooks.HOOKS.keep(Place(number=NUMBER), Found(hook=None, until=now + timedelta(hours=1)), now=now)


def took(batch: list[Incoming]) -> list[Answer]:
    return [calls.ACCEPTED] * len(batch)


async def ask(application: Application, method: str, path: str, receive: Receive) -> Says:
    """Send one request; return the answer's status and headers."""
    said: list[Message] = []

    async def send(message: Message) -> None:
        said.append(message)

    headers = {
        "x-github-event": "ping",
        "x-github-delivery": "1",
        "x-github-hook-id": NUMBER,
        "x-hub-signature-256": sign(SMALL, SECRET.encode()),
    }
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    await application({"type": "http", "method": method, "path": path, "headers": raw}, receive, send)
    return said[0]["status"], dict(said[0]["headers"])


async def deliver(application: Application, body: bytes = SMALL, *, ends: asyncio.Event | None = None) -> Says:
    """Deliver a body; its end comes with `ends`."""
    parts = iter([body])

    async def receive() -> Message:
        for part in parts:
            return {"type": "http.request", "body": part, "more_body": ends is not None}
        if ends is not None:
            await ends.wait()
        return {"type": "http.request", "body": b"", "more_body": False}

    return await ask(application, "POST", "/webhooks/github", receive)


async def never() -> Message:
    await asyncio.Event().wait()
    return {}


async def health(application: Application) -> int:
    status, _ = await ask(application, "GET", "/livez", never)
    return status


async def test_a_body_that_does_not_end_is_given_up_and_the_line_closed() -> None:
    application = Application(store=took, patience=timedelta(milliseconds=50))
    async with asyncio.timeout(PATIENCE_SECONDS):
        status, headers = await deliver(application, ends=asyncio.Event())
    assert (status, headers[b"connection"]) == (408, b"close")


async def test_small_deliveries_are_taken_whatever_strangers_hold() -> None:
    application, ends = Application(store=took, most_held_bytes=LARGE_BYTES), asyncio.Event()
    bodies = [b"x" * LARGE_BYTES, *[b"x" * (LARGE_BYTES - 1)] * 5]
    strangers = [asyncio.create_task(deliver(application, body, ends=ends)) for body in bodies]
    await asyncio.sleep(0)
    assert (await deliver(application))[0] == 202
    assert (await deliver(application, b"x" * LARGE_BYTES, ends=ends))[0] == 503
    for each in strangers:
        each.cancel()
        with suppress(asyncio.CancelledError):
            await each


async def test_an_error_that_nobody_expected_ends_one_batch_and_not_the_writer() -> None:
    errors = iter([ValueError("odd")])

    def store(batch: list[Incoming]) -> list[Answer]:
        for error in errors:
            raise error
        return took(batch)

    application = Application(store=store)
    async with asyncio.timeout(PATIENCE_SECONDS):
        assert (await deliver(application))[0] == 503
        assert (await deliver(application))[0] == 202
        assert await health(application) == 200


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
async def test_a_door_whose_writer_is_gone_says_that_it_is_not_well() -> None:
    def leave(_batch: list[Incoming]) -> list[Answer]:
        raise SystemExit

    application = Application(store=leave)
    assert await health(application) == 200
    lost = asyncio.create_task(deliver(application))
    async with asyncio.timeout(PATIENCE_SECONDS):
        while await health(application) == 200:  # noqa: ASYNC110 - a thread ends, which sets no event
            await asyncio.sleep(0.01)
    assert not lost.done()
    lost.cancel()
    with suppress(asyncio.CancelledError):
        await lost


@pytest.mark.parametrize("number", ["", "x", "-7", "007", "9" * 19, "\u0667", "7" * 8000])
def test_a_number_that_is_none_of_githubs_takes_no_room(number: str) -> None:
    assert place_named("", number) == Place()


def test_many_good_hooks_do_not_drive_each_other_out() -> None:
    hooks, now = KnownHooks(), clock.now()
    hook = KnownHook(key="a", project_id=None, secret_path="-", version=1)
    for number in range(10_500):
        until = now + timedelta(seconds=1 if number % 2 else 3)
        hooks.keep(Place(number=str(number)), Found(hook=hook, until=until), now=now)
    assert hooks.kept(Place(number="1"), now=now) is not None
    assert hooks.kept(Place(number="10400"), now=now) is None
    later = now + timedelta(seconds=2)
    hooks.keep(Place(number="10400"), Found(hook=hook, until=later + timedelta(seconds=2)), now=later)
    assert hooks.kept(Place(number="10400"), now=later) is not None
    assert hooks.kept(Place(number="2"), now=later) is not None
