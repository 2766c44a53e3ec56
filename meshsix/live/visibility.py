"""Who looks, and what they may see. Sockets sign in exactly as the API does: by session or by token."""

from collections.abc import Collection
from dataclasses import dataclass
from http.cookies import SimpleCookie
from io import BytesIO
from typing import Protocol, cast

from django.conf import settings
from django.contrib.auth import get_user
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.contrib.sessions.backends.base import SessionBase
from django.core.handlers.asgi import ASGIRequest
from django.utils.module_loading import import_string
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import APIException
from rest_framework.request import Request
from rest_framework.settings import api_settings

from meshsix.web.permissions import Scoped
from meshsix.web.roles import Role, may, token_may

Scope = dict[str, object]


class Visible(Protocol):
    """The function that settings.EVENT_VISIBILITY names."""

    def __call__(self, user: AbstractBaseUser | AnonymousUser, aggregate_ids: Collection[str]) -> set[str]:
        """Return those of the aggregates whose events `user` may read, by few queries."""


@dataclass(frozen=True, kw_only=True)
class Viewer:
    """Somebody who signed in, as they were allowed at that moment."""

    user: AbstractBaseUser | AnonymousUser
    token: Scoped | None

    @property
    def may_look(self) -> bool:
        """Return whether there is anything that they may see."""
        if not may(self.user, Role.VIEWER):
            return False
        return self.token is None or token_may(frozenset(self.token.scopes), Role.VIEWER)

    def visible(self, aggregate_ids: Collection[str]) -> set[str]:
        """Return those of the aggregates whose events they may read."""
        if not self.may_look or not aggregate_ids:
            return set()
        visible = cast("Visible", import_string(str(settings.EVENT_VISIBILITY)))
        return visible(self.user, aggregate_ids)


def viewer_of(scope: Scope) -> Viewer | None:
    """Return who opened this socket, by the session cookie or the token of its handshake; None for nobody."""
    plain = ASGIRequest({**scope, "type": "http", "method": "GET"}, BytesIO())
    store = cast("type[SessionBase]", import_string(f"{settings.SESSION_ENGINE}.SessionStore"))
    plain.session = store(_cookies(scope).get(settings.SESSION_COOKIE_NAME))
    plain.user = get_user(plain)
    kinds = cast("list[type[BaseAuthentication]]", api_settings.DEFAULT_AUTHENTICATION_CLASSES)
    request = Request(plain, authenticators=[kind() for kind in kinds])
    try:
        user = request.user
    except APIException:
        return None
    if not user.is_authenticated:
        return None
    return Viewer(user=user, token=request.auth if isinstance(request.auth, Scoped) else None)


def headers_of(scope: Scope) -> dict[bytes, bytes]:
    """Return the headers of a handshake, by lower-case name."""
    return dict(cast("list[tuple[bytes, bytes]]", scope["headers"]))


def _cookies(scope: Scope) -> dict[str, str]:
    jar: SimpleCookie = SimpleCookie(headers_of(scope).get(b"cookie", b"").decode("latin-1"))
    return {name: morsel.value for name, morsel in jar.items()}
