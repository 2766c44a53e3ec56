"""The one throttle of the API: by token, else by person, else by address (see limits.py)."""

from typing import TYPE_CHECKING

from django.conf import settings
from django.http import HttpRequest
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from meshsix.web import limits
from meshsix.web.addresses import client_address
from meshsix.web.permissions import Scoped

if TYPE_CHECKING:  # DRF's views read the settings that name this module
    from rest_framework.views import APIView

SERVICE_TOKEN_LIMIT = 6000
_OF_PROGRAMS = frozenset({"service", "agent"})
_READS = frozenset({"GET", "HEAD", "OPTIONS"})


class Throttle(BaseThrottle):
    """A view names its `throttle_scope`; without one reads are `read`, others `write`; None is exempt."""

    _taken: limits.Taken | None = None

    def allow_request(self, request: Request, view: "APIView") -> bool:
        """Return whether the caller has requests left; the middleware writes the RateLimit headers."""
        scope = getattr(view, "throttle_scope", "read" if request.method in _READS else "write")
        if scope is None or not settings.RATE_LIMITS_ON:
            return True
        self._taken = limits.take(scope, who(request), limit=_service_limit(request))
        request._request.rate_limit = self._taken  # type: ignore[attr-defined] # noqa: SLF001 - handed to the middleware
        return self._taken.allowed

    def wait(self) -> float | None:
        """Return the seconds until a request is allowed again."""
        return self._taken.reset_seconds if self._taken else None


def who(request: Request | HttpRequest) -> str:
    """Return whose window counts."""
    token = getattr(request, "auth", None)
    if isinstance(token, Scoped):
        return f"token:{getattr(token, 'pk', '')}"
    if request.user.is_authenticated:
        return f"user:{request.user.pk}"
    address = client_address(request._request if isinstance(request, Request) else request)  # noqa: SLF001 - DRF's own
    return f"address:{address}"


def _service_limit(request: Request) -> int | None:
    return SERVICE_TOKEN_LIMIT if getattr(request.auth, "token_class", "") in _OF_PROGRAMS else None
