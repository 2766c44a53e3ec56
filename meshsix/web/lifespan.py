"""The start of a web process: it ends at once where something is wrong that only a person mends."""

import asyncio
from collections.abc import Callable
from typing import Any

from meshsix.web.bodies import App, Receive, Send


class StartsOnlyIf:
    """ASGI: looks by `problem`, in a thread of its own, before the life of the process begins; a text ends it."""

    def __init__(self, problem: Callable[[], str], life: App) -> None:
        self._problem, self._life = problem, life

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Live, or say why not."""
        if problem := await asyncio.to_thread(self._problem):
            await receive()
            await send({"type": "lifespan.startup.failed", "message": problem})
            return
        await self._life(scope, receive, send)
