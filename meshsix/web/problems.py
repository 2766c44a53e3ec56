"""Errors of the API as application/problem+json (RFC 9457), with a stable code and the words of the catalogue."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from http import HTTPStatus

import structlog
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, JsonResponse
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import set_rollback

from meshsix.web.catalog import wording

CONTENT_TYPE = "application/problem+json"
_CODES: dict[type[exceptions.APIException], str] = {
    exceptions.ValidationError: "invalid",
    exceptions.ParseError: "malformed",
    exceptions.NotAuthenticated: "unauthenticated",
    exceptions.AuthenticationFailed: "authentication_failed",
    exceptions.PermissionDenied: "forbidden",
    exceptions.NotFound: "not_found",
    exceptions.MethodNotAllowed: "method_not_allowed",
    exceptions.NotAcceptable: "not_acceptable",
    exceptions.UnsupportedMediaType: "unsupported_media_type",
    exceptions.Throttled: "rate_limited",
}


@dataclass(frozen=True, kw_only=True)
class FieldError:
    """What is wrong with one field; `pointer` is a JSON pointer into the body, or `?name` for a query parameter."""

    pointer: str
    code: str
    detail: str


class Problem(exceptions.APIException):
    """An error with a code of the catalogue. `facts` are added to the answer's body as they are."""

    def __init__(
        self,
        code: str,
        *,
        status: int = 400,
        detail: str = "",
        hint: str = "",
        errors: Iterable[FieldError] = (),
        facts: Mapping[str, object] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail or wording(code).means, code)
        self.code = code
        self.status_code = status
        self.hint = hint
        self.errors = tuple(errors)
        self.facts = dict(facts or {})
        self.headers = dict(headers or {})


def body(
    request: HttpRequest,
    *,
    code: str,
    status: int,
    detail: str = "",
    hint: str = "",
    errors: Iterable[FieldError] = (),
) -> dict[str, object]:
    """Return the members of a problem document."""
    words = wording(code)
    return {
        "type": f"/api/docs#{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail or words.means,
        "instance": request.path,
        "code": code,
        "hint": hint or words.hint,
        "trace_id": str(structlog.contextvars.get_contextvars().get("trace_id", "")),
        "request_id": getattr(request, "request_id", ""),
        "errors": [asdict(error) for error in errors],
    }


def answer(request: HttpRequest, *, code: str, status: int, detail: str = "") -> JsonResponse:
    """Return a problem as a plain Django answer, for middleware and error handlers."""
    return JsonResponse(
        body(request, code=code, status=status, detail=detail), status=status, content_type=CONTENT_TYPE
    )


def exception_handler(error: Exception, context: Mapping[str, object]) -> Response | None:
    """Turn what a view raised into a problem document; None for what is not expected, which becomes a 500."""
    request = context["request"]
    known = _known(error)
    if known is None:
        return None
    set_rollback()
    errors = known.errors if isinstance(known, Problem) else tuple(field_errors(known))
    code = known.code if isinstance(known, Problem) else _code(known)
    document = body(
        request,  # type: ignore[arg-type] # DRF's request passes attributes on to Django's
        code=code,
        status=known.status_code,
        detail="" if errors and not isinstance(known, Problem) else _sentence(known),
        hint=known.hint if isinstance(known, Problem) else "",
        errors=errors,
    )
    facts = known.facts if isinstance(known, Problem) else {}
    return Response({**document, **facts}, status=known.status_code, headers=_headers(known), content_type=CONTENT_TYPE)


def _known(error: Exception) -> exceptions.APIException | None:
    if isinstance(error, exceptions.APIException):
        return error
    if isinstance(error, Http404):
        return exceptions.NotFound()
    if isinstance(error, PermissionDenied):
        return exceptions.PermissionDenied()
    return None


def _code(error: exceptions.APIException) -> str:
    if isinstance(error, exceptions.PermissionDenied) and "CSRF" in str(error.detail):
        return "csrf_failed"
    return next((code for kind, code in _CODES.items() if isinstance(error, kind)), "internal")


def _sentence(error: exceptions.APIException) -> str:
    own = str(error.detail) if isinstance(error.detail, str) else ""
    return "" if own == str(type(error).default_detail) else own


def _headers(error: exceptions.APIException) -> dict[str, str]:
    headers = dict(error.headers) if isinstance(error, Problem) else {}
    if challenge := getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = challenge
    if (wait := getattr(error, "wait", None)) is not None:
        headers["Retry-After"] = str(max(1, round(wait)))
    return headers


def field_errors(error: exceptions.APIException) -> Iterable[FieldError]:
    """Yield a field error for each leaf of a validation error's nested detail."""
    if isinstance(error, exceptions.ValidationError):
        yield from _leaves(error.detail, "")


def _leaves(detail: object, pointer: str) -> Iterable[FieldError]:
    if isinstance(detail, Mapping):
        for name, inner in detail.items():
            yield from _leaves(inner, pointer if name == "non_field_errors" else f"{pointer}/{_escaped(str(name))}")
    elif isinstance(detail, list):
        plain = all(isinstance(inner, str) for inner in detail)
        for index, inner in enumerate(detail):
            yield from _leaves(inner, pointer if plain else f"{pointer}/{index}")
    else:
        yield FieldError(pointer=pointer, code=str(getattr(detail, "code", "invalid")), detail=str(detail))


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")
