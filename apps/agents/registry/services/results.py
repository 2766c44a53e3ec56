"""How a result is kept: without secrets, in the task's row or, where it is large, in storage."""

import hashlib
import json
from typing import Any
from uuid import UUID

import structlog

from apps.agents.registry.models import Task
from apps.agents.registry.words import Outcome
from meshsix.integrations.errors import VendorError
from meshsix.kit import redact, texts
from meshsix.wiring import Clients

LARGEST_RESULT_BYTES = 256 * 1024

log = structlog.get_logger()


def keep(output: Any, *, task_id: UUID, attempt: int, clients: Clients) -> Outcome:  # noqa: ANN401 - any JSON value
    """Return the outcome of a successful attempt. Raises the storage's TryLater, Refused.

    A large one lies under a key of its own content, so that no other result of the attempt takes its place. What no
    database holds (NUL, half of a surrogate pair) is replaced: the work is done, and its result is not lost.
    """
    result: Any = texts.storable(redact.structure(output))
    body = json.dumps(result, ensure_ascii=False).encode()
    if len(body) <= LARGEST_RESULT_BYTES:
        return Outcome(result=result)
    key = f"tasks/{task_id}/{attempt}-{hashlib.sha256(body).hexdigest()[:16]}.json"
    clients.storage.put(key, body, content_type="application/json")
    return Outcome(result_ref=key)


def drop(outcome: Outcome, *, clients: Clients) -> None:
    """Take away what was kept of a result that came too late, unless it is the task's after all."""
    if not outcome.result_ref or Task.objects.filter(result_ref=outcome.result_ref).exists():
        return
    try:
        clients.storage.delete(outcome.result_ref)
    except VendorError as error:
        log.warning("a late result stays in storage", key=outcome.result_ref, error=str(error))
