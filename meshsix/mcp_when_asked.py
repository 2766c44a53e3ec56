"""`/mcp`, loaded when somebody first asks for it: it would cost a third of a web process's start."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

from django.utils.module_loading import import_string

from meshsix.web.bodies import App, Receive, Send

_SERVING = "meshsix.mcp.serving"


class McpWhenAsked:
    """ASGI: requests for the MCP server, whose lifespan begins with the first one, and the lifespan of the process."""

    def __init__(self) -> None:
        self._app: App | None = None
        self._loading = asyncio.Lock()
        self._end = asyncio.Event()
        self._life: asyncio.Task[None] | None = None

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Serve one request, or the life of the process."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        async with self._loading:
            app = self._app or await self._load()
        await app(scope, receive, send)

    async def _load(self) -> App:
        """Load the server and let it live in a task of its own, which has to end what it began."""
        serving: Callable[[], AbstractAsyncContextManager[App]] = await asyncio.to_thread(import_string, _SERVING)
        begun: asyncio.Future[App] = asyncio.get_running_loop().create_future()
        self._life = asyncio.create_task(self._run(serving, begun))
        self._app = await begun
        return self._app

    async def _run(self, serving: Callable[[], AbstractAsyncContextManager[App]], begun: "asyncio.Future[App]") -> None:
        try:
            async with serving() as app:
                begun.set_result(app)
                await self._end.wait()
        except Exception as error:
            if begun.done():
                raise
            begun.set_exception(error)

    async def _live(self, receive: Receive, send: Send) -> None:
        """Say yes to the process's start and, once the server has ended, to its end."""
        while True:
            message = await receive()
            if message["type"] == "lifespan.shutdown" and self._life is not None:
                self._end.set()
                await self._life
            await send({"type": f"{message['type']}.complete"})
            if message["type"] == "lifespan.shutdown":
                return
