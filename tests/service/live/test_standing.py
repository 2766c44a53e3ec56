"""Sockets are asked about by their login: all of one login at once, each login for itself."""

import asyncio
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.db import connections

from meshsix.live.standing import Standings
from meshsix.live.threads import READERS, in_thread
from meshsix.live.visibility import Scope, Viewer
from tests.web_process import person, sign_in

pytestmark = pytest.mark.django_db(transaction=True)
SOON = 60


@dataclass(eq=False)
class Following:
    """A socket that keeps what it was told last."""

    scope: Scope
    aggregates: set[str] = field(default_factory=set)
    told: asyncio.Event = field(default_factory=asyncio.Event)
    viewer: Viewer | None = None
    hidden: set[str] = field(default_factory=set)

    def stand(self, viewer: Viewer | None, hidden: set[str]) -> None:
        self.viewer, self.hidden = viewer, hidden
        self.told.set()


def opened(cookie: str, *aggregates: str) -> Following:
    """Return a socket that was opened with this cookie."""
    headers = [(b"host", b"testserver"), (b"cookie", cookie.encode())]
    scope: Scope = {"type": "websocket", "path": "/", "query_string": b"", "headers": headers}
    return Following(scope=scope, aggregates=set(aggregates))


async def told(*sockets: Following) -> None:
    """Wait until each was told anew."""
    for socket in sockets:
        socket.told.clear()
    async with asyncio.timeout(SOON):
        await asyncio.gather(*(socket.told.wait() for socket in sockets))


@asynccontextmanager
async def asking() -> AsyncIterator[Standings]:
    """Yield standings of their own; afterwards nobody asks, and no reader keeps a connection."""
    standings = Standings()
    try:
        yield standings
    finally:
        assert standings._task is not None
        standings._task.cancel()
        every = threading.Barrier(READERS)
        await asyncio.gather(*(in_thread(_close, every) for _ in range(READERS)))


def _close(every: threading.Barrier) -> None:
    """Close the connection of this thread, while each of the others does the same."""
    every.wait(SOON)
    connections.close_all()


def logins(*users: User) -> list[str]:
    try:
        return [sign_in(user) for user in users]
    finally:
        connections.close_all()


def signed_out() -> None:
    try:
        Session.objects.all().delete()
    finally:
        connections.close_all()


async def test_sockets_of_one_login_are_asked_about_once_and_those_of_another_apart() -> None:
    people = [await sync_to_async(person)(name, "viewer") for name in ("ada", "bob")]
    ada, bob = await sync_to_async(logins)(*people)
    mine = [opened(ada, f"run:{number}") for number in range(5)]
    other = opened(bob, "run:0")
    async with asking() as standings:
        for socket in (*mine, other):
            standings.join(socket)
        await told(*mine, other)
        answers = {id(socket.viewer) for socket in mine}
        assert len(answers) == 1, "each socket was asked about for itself"
        assert (mine[0].viewer is None, other.viewer is None) == (False, False)
        assert id(other.viewer) not in answers
        await sync_to_async(signed_out)()
        await told(*mine, other)
        assert [socket.viewer for socket in (*mine, other)] == [None] * 6
        assert mine[0].hidden >= mine[0].aggregates


async def test_a_socket_that_left_is_asked_about_no_more() -> None:
    user = await sync_to_async(person)("ada", "viewer")
    (cookie,) = await sync_to_async(logins)(user)
    stays, leaves = opened(cookie, "run:1"), opened(cookie, "run:2")
    async with asking() as standings:
        for socket in (stays, leaves):
            standings.join(socket)
        await told(stays, leaves)
        standings.leave(leaves)
        leaves.told.clear()
        await told(stays)
        await told(stays)
        assert not leaves.told.is_set()
