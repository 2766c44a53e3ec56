"""How a result is kept: without secrets, in the task's row or, where it is large, in storage."""

import json
from typing import Any
from uuid import UUID

from apps.agents.registry.words import Outcome
from meshsix.kit import redact, texts
from meshsix.wiring import Clients

LARGEST_RESULT_BYTES = 256 * 1024


def keep(output: Any, *, task_id: UUID, attempt: int, clients: Clients) -> Outcome:  # noqa: ANN401 - any JSON value
    """Return the outcome of a successful attempt. Raises the storage's TryLater, Refused.

    What no database holds (NUL, half of a surrogate pair) is replaced: the work is done, and its result is not lost.
    """
    result: Any = texts.storable(redact.structure(output))
    body = json.dumps(result, ensure_ascii=False).encode()
    if len(body) <= LARGEST_RESULT_BYTES:
        return Outcome(result=result)
    key = f"tasks/{task_id}/{attempt}.json"
    clients.storage.put(key, body, content_type="application/json")
    return Outcome(result_ref=key)
