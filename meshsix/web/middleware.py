"""What happens around each request: its id, the clean log context, the limit of an API body."""

import re
from collections.abc import Callable
from pathlib import Path
from time import perf_counter

import structlog
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import patch_vary_headers
from django.utils.deprecation import MiddlewareMixin
from whitenoise.middleware import WhiteNoiseMiddleware

from meshsix.kit import ids
from meshsix.web import problems
from meshsix.web.limits import Taken
from meshsix.web.metrics import REQUEST_SECONDS

_SAFE_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
_METHODS = frozenset({"GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE"})
_TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")


class StaticFiles(WhiteNoiseMiddleware):  # type: ignore[misc] # has no types
    """Style and scripts. Before collectstatic there is no directory of them, and the apps' own are found."""

    def add_files(self, root: str, prefix: str | None = None) -> None:
        """Add the files below `root`, where there is such a directory."""
        if Path(root).is_dir():
            super().add_files(root, prefix=prefix)


class RequestId(MiddlewareMixin):
    """Gives each request an id (a good one from outside is kept), binds it to the logs and answers it."""

    get_response: Callable[[HttpRequest], HttpResponseBase]

    def process_request(self, request: HttpRequest) -> HttpResponse | None:
        """Name the request; refuse an API body that is too large before anything reads it."""
        name_request(request)
        request.started = perf_counter()  # type: ignore[attr-defined] # ours
        if request.path.startswith("/api/") and _length(request) > settings.API_BODY_LIMIT_BYTES:
            return problems.answer(request, code="too_large", status=413)
        return None

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        """Answer with the id."""
        response.headers["X-Request-ID"] = getattr(request, "request_id", "")
        if response.headers.get("Content-Type", "").startswith("text/html"):
            patch_vary_headers(response, ["HX-Request"])  # a fragment and its page have one address
        for name, value in _rate_limit(request).items():
            response.headers[name] = value
        _measure(request, response)
        return response


def name_request(request: HttpRequest) -> None:
    """Give the request its id, and bind it to the logs of this request alone."""
    given = request.headers.get("X-Request-ID", "")
    request_id = given if _SAFE_ID.fullmatch(given) else ids.new_id().hex
    request.request_id = request_id  # type: ignore[attr-defined] # ours
    trace = _TRACEPARENT.fullmatch(request.headers.get("traceparent", ""))
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(
        request_id=request_id, trace_id=trace.group(1) if trace else request_id.replace("-", "")[:32]
    )


def _rate_limit(request: HttpRequest) -> dict[str, str]:
    taken: Taken | None = getattr(request, "rate_limit", None)
    return taken.headers() if taken else {}


def _measure(request: HttpRequest, response: HttpResponseBase) -> None:
    match = request.resolver_match
    route = match.route if match else "none"
    seconds = perf_counter() - getattr(request, "started", perf_counter())
    method = request.method if request.method in _METHODS else "other"  # a caller may invent any number of them
    REQUEST_SECONDS.labels(method, route, response.status_code).observe(seconds)


def _length(request: HttpRequest) -> int:
    given = request.headers.get("Content-Length", "") or "0"
    return int(given) if given.isascii() and given.isdigit() else 0
