"""Whether those who follow still may: asked about every second, once for all sockets of the same login.

Hundreds of tabs of one person cost what one does. Where so many people follow that asking takes long, each is asked
less often: this process spends at most a fifth of its time on it.
"""

import asyncio
import time
from collections import defaultdict
from collections.abc import Iterable
from typing import Protocol
from weakref import WeakKeyDictionary

import structlog

from meshsix.live.frames import feed_kind
from meshsix.live.threads import in_thread
from meshsix.live.visibility import Scope, Viewer, headers_of, viewer_of

RECHECK_SECONDS = 1.0
_RESTS_TIMES = 4

log = structlog.get_logger()
Login = tuple[bytes, bytes]


class Socket(Protocol):
    """One of those that follow."""

    scope: Scope

    @property
    def aggregates(self) -> set[str]:
        """Return the aggregates that it follows."""

    def stand(self, viewer: Viewer | None, hidden: set[str]) -> None:
        """Take who it belongs to now, None for nobody any more, and which aggregates they may not see."""


class Standings:
    """The sockets of one process by their login."""

    def __init__(self) -> None:
        self._sockets: defaultdict[Login, set[Socket]] = defaultdict(set)
        self._task: asyncio.Task[None] | None = None

    def join(self, socket: Socket) -> None:
        """Ask about this socket from now on."""
        self._sockets[_login(socket)].add(socket)
        if self._task is None:
            self._task = asyncio.create_task(self._run())

    def leave(self, socket: Socket) -> None:
        """Ask no more."""
        login = _login(socket)
        self._sockets[login].discard(socket)
        if not self._sockets[login]:
            del self._sockets[login]

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(RECHECK_SECONDS)
            for login in tuple(self._sockets):
                began = time.monotonic()
                await self._ask(tuple(self._sockets.get(login, ())))
                await asyncio.sleep((time.monotonic() - began) * _RESTS_TIMES)

    async def _ask(self, sockets: tuple[Socket, ...]) -> None:
        """Ask once for all of these, which share a login. Where asking fails nobody loses anything."""
        if not sockets:
            return
        wanted = set[str]().union(*(socket.aggregates for socket in sockets))
        try:
            viewer, hidden = await in_thread(standing, sockets[0].scope, wanted)
        except Exception:  # whatever it was: without this task nobody would ever be asked about again
            log.exception("standing not known", sockets=len(sockets))
            return
        for socket in sockets:
            socket.stand(viewer, hidden)


def standing(scope: Scope, aggregates: Iterable[str]) -> tuple[Viewer | None, set[str]]:
    """Return who opened a socket, None for nobody, and which of these aggregates they may not see."""
    wanted, viewer = set(aggregates), viewer_of(scope)
    return viewer, wanted - viewer.visible(wanted) if viewer is not None else wanted


def aggregates_of(topics: Iterable[str]) -> set[str]:
    """Return the topics that are one aggregate; the others are feeds."""
    return {topic for topic in topics if not feed_kind(topic)}


def _login(socket: Socket) -> Login:
    headers = headers_of(socket.scope)
    return headers.get(b"cookie", b""), headers.get(b"authorization", b"")


_standings: WeakKeyDictionary[asyncio.AbstractEventLoop, Standings] = WeakKeyDictionary()


def standings() -> Standings:
    """Return the standings of the running event loop."""
    loop = asyncio.get_running_loop()
    if loop not in _standings:
        _standings[loop] = Standings()
    return _standings[loop]
