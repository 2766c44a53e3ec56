"""Pages of the frame: errors for now."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from meshsix.web import problems
from meshsix.web.catalog import wording


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
    """Answer after an unexpected error."""
    return _error(request, "internal", 500)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:  # noqa: ARG001 - Django's signature
    """Answer a form that was opened too long ago or by another site."""
    return _error(request, "csrf_failed", 403)
