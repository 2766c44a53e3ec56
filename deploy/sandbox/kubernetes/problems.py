"""Errors as the API server words them: a Status object with a reason and a code."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from starlette.responses import JSONResponse, Response

from deploy.sandbox.kubernetes.kinds import Kind


@dataclass(frozen=True)
class Cause:
    """One wrong field."""

    field: str
    message: str
    reason: str = "FieldValueInvalid"

    def __str__(self) -> str:
        return f"{self.field}: {self.message}"


class ApiError(Exception):
    """A refusal, which becomes a Status."""

    def __init__(self, code: int, reason: str, message: str, details: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.code = code
        status = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure"}
        self.status: dict[str, Any] = {**status, "message": message, "reason": reason, "code": code}
        if details:
            self.status["details"] = details

    def answer(self) -> Response:
        """Return the error's body."""
        return JSONResponse(self.status, self.code)


def not_found(kind: Kind, name: str) -> ApiError:
    """There is no such object."""
    details = {"name": name, "group": kind.group, "kind": kind.plural}
    return ApiError(404, "NotFound", f'{kind.resource} "{name}" not found', details)


def no_such_page() -> ApiError:
    """There is no such path or kind."""
    return ApiError(404, "NotFound", "the server could not find the requested resource")


def exists(kind: Kind, name: str) -> ApiError:
    """The name is taken."""
    details = {"name": name, "group": kind.group, "kind": kind.plural}
    return ApiError(409, "AlreadyExists", f'{kind.resource} "{name}" already exists', details)


def changed_meanwhile(kind: Kind, name: str) -> ApiError:
    """The resourceVersion that was sent is not the current one."""
    words = "the object has been modified; please apply your changes to the latest version and try again"
    details = {"name": name, "group": kind.group, "kind": kind.plural}
    return ApiError(409, "Conflict", f'Operation cannot be fulfilled on {kind.resource} "{name}": {words}', details)


def invalid(kind: Kind, name: str, causes: Sequence[Cause]) -> ApiError:
    """Fields have values that may not be."""
    listed = "; ".join(str(cause) for cause in causes)
    told = listed if len(causes) == 1 else f"[{', '.join(str(cause) for cause in causes)}]"
    title = f"{kind.name}.{kind.group}" if kind.group else kind.name
    return ApiError(
        422,
        "Invalid",
        f'{title} "{name}" is invalid: {told}',
        {
            "name": name,
            "group": kind.group,
            "kind": kind.name,
            "causes": [{"reason": c.reason, "message": c.message, "field": c.field} for c in causes],
        },
    )


def bad_request(message: str) -> ApiError:
    """The request cannot be understood."""
    return ApiError(400, "BadRequest", message)


def unauthorized() -> ApiError:
    """The caller is not known."""
    return ApiError(401, "Unauthorized", "Unauthorized")
