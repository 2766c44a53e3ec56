"""The door for GitHub: authenticate, store, answer. Reacting happens later (handlers.py)."""

import json
from http import HTTPStatus
from typing import Any

import structlog
from django.conf import settings
from django.http import HttpRequest, JsonResponse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST
from prometheus_client import Counter

from apps.projects.models import Hook
from apps.webhooks import keyring, payloads, queries, services, signatures
from meshsix.integrations.errors import VendorError
from meshsix.wiring import clients

log = structlog.get_logger()
MOST_BYTES = 25 * 1024 * 1024
"""GitHub sends no larger payloads. https://docs.github.com/en/webhooks/webhook-events-and-payloads#payload-cap"""
KEPT_HEADERS = (
    "Content-Type",
    "User-Agent",
    "X-GitHub-Event",
    "X-GitHub-Delivery",
    "X-GitHub-Hook-ID",
    "X-GitHub-Hook-Installation-Target-ID",
    "X-GitHub-Hook-Installation-Target-Type",
)
DELIVERIES = Counter(
    "meshsix_webhook_deliveries", "Deliveries at the door for GitHub, by what became of them.", ["result"]
)
_NAME_LENGTH = 60
_GUID_LENGTH = 100


@csrf_exempt  # the signature is the proof
@require_POST
def github(request: HttpRequest, hook_key: str = "") -> JsonResponse:
    """Take a delivery of the hook with this key, or of the one that X-GitHub-Hook-ID names."""
    body = _body(request)
    if body is None:
        return _answer("too large", HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
    hook = _hook(request, hook_key)
    try:
        secrets = _secrets(hook, hook_key)
    except VendorError as error:
        log.warning("webhook secret cannot be read", hook=hook.pk if hook else None, error=str(error))
        return _answer("try again later", HTTPStatus.SERVICE_UNAVAILABLE)
    if not signatures.is_signed(body, request.headers.get("X-Hub-Signature-256", ""), secrets):
        log.info("webhook refused", hook=hook.pk if hook else None)
        return _answer("unauthorized", HTTPStatus.UNAUTHORIZED)
    incoming = _parsed(request, hook, body)
    if incoming is None:
        return _answer("malformed", HTTPStatus.BAD_REQUEST)
    if services.receive(incoming) is None:
        return _answer("duplicate", HTTPStatus.OK)
    return _answer("accepted", HTTPStatus.ACCEPTED)


def _answer(status: str, code: HTTPStatus) -> JsonResponse:
    DELIVERIES.labels(result=status.replace(" ", "_")).inc()
    return JsonResponse({"status": status}, status=code)


def _body(request: HttpRequest) -> bytes | None:
    """Return the raw bytes, or None where they are too many; meshsix.asgi has refused longer ones before."""
    declared = request.headers.get("Content-Length", "0")
    if declared.isdigit() and int(declared) > MOST_BYTES:
        return None
    body = request.read(MOST_BYTES + 1)
    return body if len(body) <= MOST_BYTES else None


def _hook(request: HttpRequest, hook_key: str) -> Hook | None:
    if hook_key:
        return queries.hook_by_key(hook_key)
    return queries.hook_by_github_id(request.headers.get("X-GitHub-Hook-ID", ""))


def _secrets(hook: Hook | None, hook_key: str) -> tuple[bytes, ...]:
    """Return the secrets that may have signed: those of the hook; without a key also the platform-wide one."""
    if hook is not None:
        return keyring.kept(hook.secret_path, version=hook.secret_version, read=clients().vault.read)
    if not hook_key and settings.GITHUB_WEBHOOK_SECRET:
        return (settings.GITHUB_WEBHOOK_SECRET.encode(),)
    return ()


def _parsed(request: HttpRequest, hook: Hook | None, body: bytes) -> services.Incoming | None:
    """Return the delivery, or None where it is no object of JSON or lacks its headers."""
    event, guid = request.headers.get("X-GitHub-Event", ""), request.headers.get("X-GitHub-Delivery", "")
    if not _is_word(event, _NAME_LENGTH) or not _is_word(guid, _GUID_LENGTH):
        return None
    payload = _json(body)
    if payload is None:
        return None
    kept = {name: request.headers[name] for name in KEPT_HEADERS if name in request.headers}
    return services.Incoming(
        guid=guid, event=event, action=payloads.action_of(payload), hook=hook, headers=kept, body=body
    )


def _is_word(text: str, most: int) -> bool:
    return 0 < len(text) <= most and text.isascii() and text.isprintable()


def _json(body: bytes) -> dict[str, Any] | None:
    try:
        payload = json.loads(body.decode("utf-8"))
    except (ValueError, RecursionError):
        return None
    return payload if isinstance(payload, dict) else None
