"""Sockets are not covered by the browser's same-origin rule: a foreign page must not use a person's cookie."""

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

from channels.security.websocket import WebsocketDenier
from django.conf import settings
from django.http.request import split_domain_port, validate_host

from meshsix.live.visibility import Scope, headers_of

Application = Callable[[Scope, Any, Any], Awaitable[None]]


def own_origin_only(application: Application) -> Application:
    """Refuse (403) handshakes of foreign origins. A program with a token has no origin and needs none."""

    async def guarded(scope: Scope, receive: object, send: object) -> None:
        if allowed(headers_of(scope)):
            await application(scope, receive, send)
        else:
            await WebsocketDenier()(scope, receive, send)

    return guarded


def allowed(headers: dict[bytes, bytes]) -> bool:
    """Return whether the handshake's Host is ours, and its Origin the same, a trusted one, or absent with a token."""
    host = headers.get(b"host", b"").decode("latin-1").lower()
    if not validate_host(split_domain_port(host)[0], settings.ALLOWED_HOSTS):
        return False
    origin = headers.get(b"origin", b"").decode("latin-1").lower()
    if not origin:
        return b"authorization" in headers and b"cookie" not in headers
    return urlsplit(origin).netloc == host or origin in settings.CSRF_TRUSTED_ORIGINS
