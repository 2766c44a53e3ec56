"""The web process: HTTP by Django, sockets by Channels, `/mcp` by the MCP server."""

import os
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "meshsix.settings")
os.environ.setdefault("DATABASE_POOL", "true")  # each request has a thread of its own here, which would connect anew

from channels.routing import ProtocolTypeRouter
from django.conf import settings

from meshsix.web import handler

_http = handler.application()  # loads the apps, which everything below needs

from apps.agents.memory import dimension  # noqa: E402 - after the apps are loaded
from apps.webhooks.doors.calls import MOST_BYTES  # noqa: E402 - after the apps are loaded
from meshsix.mcp_when_asked import McpWhenAsked  # noqa: E402 - after the apps are loaded
from meshsix.routing import websockets  # noqa: E402 - after the apps are loaded
from meshsix.web.bodies import BodyLimit  # noqa: E402 - after the apps are loaded
from meshsix.web.lifespan import StartsOnlyIf  # noqa: E402 - after the apps are loaded

_mcp = McpWhenAsked()


async def _pages_or_mcp(scope: dict[str, Any], receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI
    await (_mcp if scope["path"] == "/mcp" else _http)(scope, receive, send)


_limited = BodyLimit(_pages_or_mcp, usual=settings.API_BODY_LIMIT_BYTES, larger={"/webhooks/": MOST_BYTES})
application = ProtocolTypeRouter(
    {"http": _limited, "websocket": websockets, "lifespan": StartsOnlyIf(dimension.problem, _mcp)}
)
