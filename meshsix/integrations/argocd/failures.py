"""What Argo CD refuses, in our words: who must act, and what exactly to do.

Its REST API is a gateway before gRPC: errors are `{"error": ..., "code": <gRPC code>, "message": ...}`, and what a
client may try again later comes as 400 with code 9 (failed precondition).
"""

from datetime import timedelta
from http import HTTPStatus

import httpx

from meshsix.integrations.errors import Conflict, Missing, Refused, TryLater, VendorError
from meshsix.integrations.http import retry_after

VENDOR = "argocd"
_WHICH = "Check that ARGOCD_APPLICATION exists and that the token's account may get and sync it."
_BUSY = "another operation is already in progress"
_BUSY_PAUSE = timedelta(seconds=2)
_MOST_MESSAGE = 500


def failure(response: httpx.Response) -> VendorError:
    """Return the error that a bad answer means."""
    status, said = response.status_code, _message(response) or f"HTTP {response.status_code}"
    if _BUSY in said:
        busy = "Argo CD is busy with another operation."
        return TryLater(busy, pause=_BUSY_PAUSE, counts=False, vendor=VENDOR, status=status)
    if status == HTTPStatus.CONFLICT:
        return Conflict(said, vendor=VENDOR, status=status)
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return TryLater(said, pause=retry_after(response), counts=False, vendor=VENDOR, status=status)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return TryLater(said, pause=retry_after(response), vendor=VENDOR, status=status)
    return _refusal(status, said)


def _refusal(status: int, said: str) -> Refused:
    code, hint = "argocd:rejected", ""
    if status == HTTPStatus.NOT_FOUND:
        return Missing(said, code="argocd:missing", vendor=VENDOR, status=status, hint=_WHICH)
    if status == HTTPStatus.FORBIDDEN:  # an application that does not exist is answered so too
        code, hint = "argocd:forbidden", _WHICH
    elif status == HTTPStatus.UNAUTHORIZED:
        code, hint = "argocd:unauthorized", "Renew ARGOCD_TOKEN; it may have expired."
    return Refused(said, code=code, vendor=VENDOR, status=status, hint=hint)


def unreadable(path: str) -> TryLater:
    """Return the error for an answer that is JSON but no object."""
    return TryLater(f"The answer to {path} is not an object.", vendor=VENDOR)


def _message(response: httpx.Response) -> str:
    try:
        answer = response.json()
    except ValueError:
        return ""
    said = (answer.get("message") or answer.get("error")) if isinstance(answer, dict) else None
    return said[:_MOST_MESSAGE] if isinstance(said, str) else ""
