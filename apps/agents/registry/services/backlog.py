"""Tasks that wait for the same: what one of them was told holds for all."""

from collections.abc import Sequence
from typing import LiteralString
from uuid import UUID

from django.db import connection

# One that somebody is just giving away is passed over: it is told for itself.
_FOLLOW: LiteralString = """
WITH stale AS (
    SELECT task.task_id, first.waits_for, first.wait_reason
    FROM orchestrator_tasks task JOIN orchestrator_tasks first ON first.task_id = %(first)s
    WHERE task.task_id = ANY(%(others)s) AND task.status = 'pending' AND first.status = 'pending'
      AND (task.waits_for, task.wait_reason) IS DISTINCT FROM (first.waits_for, first.wait_reason)
    FOR NO KEY UPDATE OF task SKIP LOCKED
)
UPDATE orchestrator_tasks task SET waits_for = stale.waits_for, wait_reason = stale.wait_reason
FROM stale WHERE task.task_id = stale.task_id
"""


def follow(first: UUID, others: Sequence[UUID]) -> int:
    """Let tasks wait for what the first of them waits for and for the same reason; return how many did not yet.

    Else they would keep the slots of agents for which they do not wait any more from the tasks behind them.
    """
    with connection.cursor() as cursor:
        cursor.execute(_FOLLOW, {"first": first, "others": list(others)})
        return int(cursor.rowcount)
