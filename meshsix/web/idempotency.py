"""Idempotency-Key: a POST that starts something is done once, however often it is sent within seven days."""

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from django.db import transaction
from rest_framework.request import Request

from meshsix.kit import clock
from meshsix.web.models import IdempotentRequest
from meshsix.web.permissions import Scoped
from meshsix.web.problems import FieldError, Problem

KEPT = timedelta(days=7)
_KEY = re.compile(r"[\x21-\x7e]{1,200}")


@dataclass(frozen=True, kw_only=True)
class Once:
    """Which resource the request made, now or when it was sent first."""

    resource_id: str
    is_new: bool


def once(request: Request, make: Callable[[], str]) -> Once:
    """Call `make`, which returns the new resource's id, unless a request with the same Idempotency-Key did already.

    The key is stored in one transaction with what `make` stores; a repeat that comes in the meantime waits for it.
    Raises Problem `idempotency_conflict` where the key was used for another path or body.
    """
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return Once(resource_id=make(), is_new=True)
    if not _KEY.fullmatch(key):
        wrong = FieldError(pointer="#Idempotency-Key", code="invalid", detail="1 to 200 visible ASCII characters.")
        raise Problem("invalid", errors=[wrong])
    with transaction.atomic():
        row, is_new = _claim(request, key)
        if is_new:
            row.resource_id = make()
            row.save(update_fields=["resource_id"])
    if (row.path, row.body_sha256) != (request.path, _fingerprint(request)):
        raise Problem("idempotency_conflict", status=409)
    return Once(resource_id=row.resource_id, is_new=is_new)


def _claim(request: Request, key: str) -> tuple[IdempotentRequest, bool]:
    now, actor = clock.now(), _actor(request)
    IdempotentRequest.objects.filter(actor=actor, created_at__lt=now - KEPT).delete()
    facts = {"path": request.path, "body_sha256": _fingerprint(request), "created_at": now}
    return IdempotentRequest.objects.get_or_create(actor=actor, idempotency_key=key, defaults=facts)


def _actor(request: Request) -> str:
    """Return the token or the account: two tokens of one person do not share keys."""
    if isinstance(request.auth, Scoped):
        return f"token:{getattr(request.auth, 'pk', '')}"
    return f"user:{request.user.pk}"


def _fingerprint(request: Request) -> str:
    return hashlib.sha256(json.dumps(request.data, sort_keys=True, default=str).encode()).hexdigest()
