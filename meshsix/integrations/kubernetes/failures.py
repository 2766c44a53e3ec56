"""What the API server refuses, in our words: who must act, and what exactly to do.

https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/
"""

import json
from collections.abc import Mapping
from datetime import timedelta
from http import HTTPStatus

from meshsix.integrations.errors import Conflict, Missing, Refused, TryLater, VendorError
from meshsix.integrations.kubernetes.messages import Right

VENDOR = "kubernetes"
FIRST_BAD_STATUS = 400
_MOST_MESSAGE = 500


def failure(status: int, content: bytes, *, headers: Mapping[str, str], right: Right) -> VendorError:
    """Return the error that a bad answer means; `right` is what the request needed."""
    said, audit_id = _message(content) or f"HTTP {status}", headers.get("Audit-Id")
    if status == HTTPStatus.CONFLICT:
        return Conflict(said, vendor=VENDOR, status=status, request_id=audit_id)
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return TryLater(said, pause=_pause(headers), counts=False, vendor=VENDOR, status=status, request_id=audit_id)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return TryLater(said, pause=_pause(headers), vendor=VENDOR, status=status, request_id=audit_id)
    return _refusal(status, said, audit_id=audit_id, right=right)


def _refusal(status: int, said: str, *, audit_id: str | None, right: Right) -> Refused:
    if status == HTTPStatus.NOT_FOUND:
        return Missing(said, code="kubernetes:missing", vendor=VENDOR, status=status, request_id=audit_id)
    if status == HTTPStatus.FORBIDDEN:
        message = f"The cluster lacks a right of ours: {right}. {said}"
        code, hint = "kubernetes:forbidden", f"Grant the platform's account {right}."
    elif status == HTTPStatus.UNAUTHORIZED:
        message = f"The cluster does not accept our credential. {said}"
        code = "kubernetes:unauthorized"
        hint = "Renew the credential in KUBECONFIG or KUBERNETES_TOKEN; it may have expired."
    else:
        message, code, hint = said, "kubernetes:rejected", ""
    return Refused(message, code=code, vendor=VENDOR, status=status, request_id=audit_id, hint=hint)


def unreachable(error: Exception) -> TryLater:
    """Return the error for a request that brought no answer."""
    return TryLater(
        f"The cluster's API server did not answer ({type(error).__name__}).",
        vendor=VENDOR,
        hint="Check that its address is right and can be reached from here.",
    )


def unreadable(path: str) -> TryLater:
    """Return the error for an answer that is not a JSON object: a proxy's error page, or a cut connection."""
    return TryLater(f"The answer to {path} is not an object.", vendor=VENDOR)


def unusable(message: str, *, setting: str) -> Refused:
    """Return the error for a credential that cannot be used at all."""
    return Refused(message, code="kubernetes:credential", vendor=VENDOR, hint=f"Correct {setting}, then resume.")


def _message(content: bytes) -> str:
    try:
        answer = json.loads(content)
    except ValueError:
        return ""
    said = answer.get("message") if isinstance(answer, dict) else None
    return said[:_MOST_MESSAGE] if isinstance(said, str) else ""


def _pause(headers: Mapping[str, str]) -> timedelta | None:
    """Return the wish of the API server, which always is given in seconds."""
    wish = headers.get("Retry-After", "")
    return timedelta(seconds=int(wish)) if wish.isdecimal() else None
