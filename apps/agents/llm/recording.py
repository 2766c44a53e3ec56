"""What is written down of each call: two events and a row. Failing to write never fails a call that is paid for.

Events go with the caller's transaction, if there is one, since they count in the task's aggregate. The row does not:
what was spent stays spent when the caller's work is rolled back, so it is then written over a connection of its own.
"""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as TooSlow
from datetime import timedelta

import structlog
from django.db import DatabaseError, connection, transaction

from apps.agents.llm.models import LlmCall
from apps.agents.llm.words import Work
from meshsix.live.services import publish

_LONGEST = timedelta(seconds=5)
_log = structlog.get_logger(__name__)


def tell(work: Work, event_type: str, payload: Mapping[str, object]) -> None:
    """Publish an event of this work; where the database will not, the log says so."""
    try:
        with transaction.atomic():
            publish(
                event_type=event_type,
                aggregate_id=work.aggregate_id,
                payload=payload,
                trace_id=work.trace_id,
                task_id=work.task_id,
                agent_id=work.agent_id,
            )
    except DatabaseError as error:
        _log.warning("event not published", event_type=event_type, task_id=work.task_id, error=type(error).__name__)


def keep(row: LlmCall) -> None:
    """Write the row of a call, outside of the caller's transaction; where that fails, the log says so."""
    try:
        if connection.in_atomic_block:
            _aside(row)
        else:
            row.save(force_insert=True)
    except (DatabaseError, TooSlow) as error:
        _log.warning(
            "call not recorded", call_id=str(row.call_id), cost_usd=str(row.cost_usd), error=type(error).__name__
        )


def _aside(row: LlmCall) -> None:
    def write() -> None:
        try:
            row.save(force_insert=True)
        finally:
            connection.close()  # this thread's own

    pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="llm-record")
    try:
        pool.submit(write).result(timeout=_LONGEST.total_seconds())
    finally:
        pool.shutdown(wait=False)
