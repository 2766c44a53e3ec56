"""What belongs to no app: overview, account, health, metrics, and the pages of errors."""

from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import resolve, reverse
from django.utils.safestring import mark_safe
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from drf_spectacular.utils import extend_schema
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from rest_framework.permissions import AllowAny
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from meshsix.web import health, metrics, problems
from meshsix.web.catalog import wording
from meshsix.web.context import THEMES
from meshsix.web.pages import needs_role
from meshsix.web.permissions import SeesMetrics
from meshsix.web.roles import DOES, Role, may, roles_of

_YEAR_SECONDS = 365 * 24 * 3600


@require_GET
@needs_role(Role.VIEWER)
def overview(request: HttpRequest) -> HttpResponse:
    """Show what waits and what is under way: parts that each app serves at an address of its own, readable at once."""
    parts = [resolve(reverse(name)).func(request).content.decode() for name in settings.OVERVIEW_PANELS]
    return render(request, "web/overview.html", {"parts": [mark_safe(part) for part in parts]})  # noqa: S308 - our own views' HTML


@require_GET
@login_required
def account(request: HttpRequest) -> HttpResponse:
    """Show one's own roles and settings."""
    held = [(role, DOES[role]) for role in Role if role in roles_of(request.user)]
    return render(request, "web/account.html", {"themes": THEMES, "roles": held})


@require_POST
def choose_theme(request: HttpRequest) -> HttpResponse:
    """Keep the theme in a cookie, so that the first byte of the next page knows it."""
    chosen = request.POST.get("theme", "system")
    answer = redirect("account")
    if chosen in THEMES:
        answer.set_cookie("theme", chosen, max_age=_YEAR_SECONDS, samesite="Lax", secure=request.is_secure())
    return answer


@require_http_methods(["GET", "HEAD"])
def livez(request: HttpRequest) -> HttpResponse:  # noqa: ARG001 - Django's signature
    """Answer that the process runs."""
    return HttpResponse("ok\n", content_type="text/plain")


@require_http_methods(["GET", "HEAD"])
def readyz(request: HttpRequest) -> HttpResponse:  # noqa: ARG001 - Django's signature
    """Answer 200 when the process has what it needs, else 503."""
    ready = health.report().ready
    return HttpResponse("ok\n" if ready else "not ready\n", status=200 if ready else 503, content_type="text/plain")


class Health(APIView):
    """Whether the platform works: words for everybody, details for admins."""

    permission_classes = [AllowAny]
    throttle_scope = None

    @extend_schema(
        operation_id="get_health",
        auth=[],
        responses={
            (200, "application/json"): {
                "type": "object",
                "required": ["status"],
                "properties": {
                    "status": {"type": "string", "enum": ["ok", "unavailable"]},
                    "checks": {"type": "object", "additionalProperties": {"type": "string"}},
                },
            },
            503: None,
        },
    )
    def get(self, request: Request) -> Response:
        """Return the state of the platform."""
        report = health.report()
        body: dict[str, object] = {"status": "ok" if report.ready else "unavailable"}
        if may(request.user, Role.ADMIN):
            body["checks"] = report.found
        return Response(body, status=200 if report.ready else 503)


class PlainText(BaseRenderer):
    """Prometheus' text format."""

    media_type = "text/plain"
    format = "txt"
    charset = None

    def render(self, data: Any, accepted_media_type: str | None = None, renderer_context: Any = None) -> bytes:  # noqa: ANN401, ARG002 - DRF's signature
        """Return the text as it is; a problem as JSON text."""
        return data if isinstance(data, bytes) else JsonResponse(data).content


class Metrics(APIView):
    """What this process counted, for Prometheus."""

    permission_classes = [SeesMetrics]
    renderer_classes = [PlainText]
    throttle_scope = None

    @extend_schema(exclude=True)
    def get(self, request: Request) -> Response:  # noqa: ARG002 - DRF's signature
        """Return the metrics: this process' own, and those that the database tells."""
        return Response(generate_latest() + metrics.told(), content_type=CONTENT_TYPE_LATEST)


def _error(request: HttpRequest, code: str, status: int) -> HttpResponse:
    if request.path.startswith("/api/"):
        return problems.answer(request, code=code, status=status)
    return render(request, "web/error.html", {"code": code, "status": status, "words": wording(code)}, status=status)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001 - Django's signature
    """Answer a request that cannot be understood."""
    return _error(request, "malformed", 400)


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001 - Django's signature
    """Answer one who may not."""
    return _error(request, "forbidden", 403)


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:  # noqa: ARG001 - Django's signature
    """Answer for an address where nothing is."""
    return _error(request, "not_found", 404)


def server_error(request: HttpRequest) -> HttpResponse:
    """Answer after an unexpected error, without asking the database for anything."""
    if request.path.startswith("/api/"):
        return problems.answer(request, code="internal", status=500)
    context = {"words": wording("internal"), "request_id": getattr(request, "request_id", "")}
    return HttpResponse(render_to_string("web/server_error.html", context), status=500)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:  # noqa: ARG001 - Django's signature
    """Answer a form that was opened too long ago or by another site."""
    return _error(request, "csrf_failed", 403)
