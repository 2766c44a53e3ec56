"""Reads of tasks: the ones that are due, in their order, and everything that routing asks."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import LiteralString
from uuid import UUID

from django.db import connection
from django.db.models import Q, QuerySet

from apps.agents.registry import schemas
from apps.agents.registry.models import Dispatch, History, Schema, Task
from apps.agents.registry.queries import agents as agent_queries
from apps.agents.registry.states import TaskState
from meshsix import prepared, rows

# What a task asks for, which is all that tells those apart of which nobody has tried one yet; and why it waits.
_LIKE: LiteralString = """
md5(concat_ws(chr(1), task.capability, task.project, task.allowed_agents::text, {0},
    CASE WHEN task.attempts > 0 OR task.affinity_key <> '' OR task.gate IS NOT NULL THEN task.task_id::text END))
"""
NOT_ROUTED: LiteralString = "platform_error"
"""Why a task waits that the platform failed to route."""
_ALIKE: LiteralString = _LIKE.format("task.payload::text")
_SITUATION: LiteralString = _LIKE.format("task.waits_for::text, task.wait_reason")
_RANK: LiteralString = "task_rank(task.priority, task.created_at, %(now)s)"
_DUE: LiteralString = f"""
SELECT task.task_id, {_ALIKE}, {_SITUATION},
    task.wait_reason NOT IN ('', '{NOT_ROUTED}') AND COALESCE(task.wait_until > %(now)s, false),
    {_RANK}, task.created_at
FROM orchestrator_tasks task
WHERE task.status = 'pending' AND (task.due_at IS NULL OR task.due_at <= %(now)s)
  AND (-{_RANK}, task.created_at, task.task_id)
    > (-%(rank)s::numeric, %(created_at)s::timestamptz, %(task_id)s::uuid)
ORDER BY -{_RANK}, task.created_at, task.task_id LIMIT %(at_once)s
"""  # noqa: S608 - made of constants
_BEFORE_ALL = (Decimal(11), datetime(1970, 1, 1, tzinfo=UTC), UUID(int=0))  # no rank is above 10
_AWAITED: LiteralString = """
task.status = 'pending' AND task.waits_for <> '{}' AND task.waits_for @> ARRAY[%(agent_id)s]::varchar[]
"""
_WAITS: LiteralString = f"SELECT 1 FROM orchestrator_tasks task WHERE {_AWAITED} LIMIT 1"  # noqa: S608 - constants
_FREE_SLOTS: LiteralString = """
GREATEST(0, agent.max_concurrency - (
    SELECT count(*) FROM orchestrator_tasks held
    WHERE held.dispatched_to = agent.agent_id AND held.status IN ('dispatched', 'running')
))
"""
_FREE: LiteralString = f"""
SELECT agent.agent_id FROM orchestrator_tasks task JOIN agents agent ON agent.agent_id = ANY(task.waits_for)
WHERE task.task_id = %(task_id)s AND task.status = 'pending' AND {_FREE_SLOTS} > 0
"""  # noqa: S608 - made of constants
_NEXT: LiteralString = f"""
SELECT task.task_id FROM orchestrator_tasks task
WHERE {_AWAITED} AND (task.due_at IS NULL OR task.due_at <= %(now)s)
ORDER BY -{_RANK}, task.created_at, task.task_id
LIMIT COALESCE((SELECT {_FREE_SLOTS} FROM agents agent WHERE agent.agent_id = %(agent_id)s), 0)
"""  # noqa: S608 - made of constants
_CURRENT: LiteralString = """
SELECT 1 FROM orchestrator_tasks
WHERE task_id = %(task_id)s AND attempts = %(attempt)s AND status IN ('dispatched', 'running')
"""
_OFFERED: LiteralString = """
SELECT input_schema, max(timeout_seconds) FROM agent_capabilities
WHERE name = %(capability)s AND withdrawn_at IS NULL GROUP BY input_schema
"""


@dataclass(frozen=True)
class Due:
    """A pending task that may be given to somebody now.

    Tasks that are `alike` find the same agents; those of the same `situation` may ask for different things and wait for
    the same. `settled` says that the reason why it waits is known, and its time not over: another look is worth
    something only when something about them is new.
    """

    task_id: UUID
    alike: str
    situation: str
    settled: bool


def due(now: datetime, *, at_once: int) -> Iterator[Due]:
    """Yield all pending tasks that may be given to somebody now, the first in line first, `at_once` in a query."""
    last: tuple[Decimal, datetime, UUID] | None = _BEFORE_ALL
    while last is not None:
        rank, created_at, task_id = last
        with connection.cursor() as cursor:
            cursor.execute(
                _DUE, {"now": now, "at_once": at_once, "rank": rank, "created_at": created_at, "task_id": task_id}
            )
            rows = cursor.fetchall()
        yield from (Due(*row[:4]) for row in rows)
        last = (rows[-1][4], rows[-1][5], rows[-1][0]) if len(rows) == at_once else None


def waited_out(now: datetime) -> QuerySet[Task]:
    """Return the pending tasks whose time to wait for an agent is over, the longest over first."""
    rows = Task.objects.filter(status=TaskState.PENDING, wait_until__lte=now)
    return rows.filter(Q(due_at=None) | Q(due_at__lte=now)).order_by("wait_until")


_TAKE_SLOT: LiteralString = """
SELECT taken, dispatch_id FROM agent_take_slot(%s, %s, %s::smallint, %s, %s)
"""


def take_slot(agent_id: str, task: Task, now: datetime) -> tuple[int, int | None]:
    """Lock an agent where it has a free slot for the task; return how many are taken, and the id for its dispatch.

    There is none, and no lock, where no slot is free, or a task that comes before this one waits for it.
    """
    values = [agent_id, task.task_id, task.priority, task.created_at, now]
    taken, dispatch_id = prepared.fetch(_TAKE_SLOT, values)[0]
    return taken, dispatch_id


def is_waited_for(agent_id: str) -> bool:
    """Return whether a task waits for a slot of this agent."""
    return bool(prepared.fetch(_WAITS, {"agent_id": agent_id}))


def free_after_all(task_id: UUID) -> list[str]:
    """Return the agents for whose slot the task waits although they have a free one."""
    return [agent_id for (agent_id,) in prepared.fetch(_FREE, {"task_id": task_id})]


def next_for(agent_id: str, now: datetime) -> list[UUID]:
    """Return the first in line of those who wait for a slot of this agent, as many as it has free ones."""
    return [task_id for (task_id,) in prepared.fetch(_NEXT, {"agent_id": agent_id, "now": now})]


def locked(task_id: UUID) -> Task | None:
    """Return a pending task whose row nobody else has, locked, else None."""
    pending = "WHERE task_id = %(id)s AND status = 'pending' FOR NO KEY UPDATE SKIP LOCKED"
    return rows.read(Task, pending, {"id": task_id})


def of_run(run_id: UUID, *, lock: bool = False) -> Task | None:
    """Return the task that somebody has and whose present attempt is this run, None where it is another one."""
    held = "WHERE run_id = %(id)s AND status IN ('dispatched', 'running')"
    return rows.read(Task, held + " FOR NO KEY UPDATE" if lock else held, {"id": run_id})


def is_current(task_id: UUID, attempt: int) -> bool:
    """Return whether somebody has the task in this attempt."""
    return bool(prepared.fetch(_CURRENT, {"task_id": task_id, "attempt": attempt}))


def get(task_id: UUID) -> Task:
    """Return a task as it stands. Raises Task.DoesNotExist."""
    found = rows.read(Task, "WHERE task_id = %(id)s", {"id": task_id})
    if found is None:
        raise Task.DoesNotExist
    return found


def offered(capability: str) -> dict[str, int]:
    """Return the distinct input schemas of all who offer the capability, by hash, each with the longest timeout."""
    return dict(prepared.fetch(_OFFERED, {"capability": capability}))


def rejected_by(offered: Iterable[str], payload: object) -> dict[str, tuple[schemas.Fault, ...]]:
    """Return those of the input schemas (hashes) that refuse a payload, each with what is wrong."""
    found = {digest: schemas.faults(_schema(digest), payload) for digest in offered}
    return {digest: faults for digest, faults in found.items() if faults}


@lru_cache(maxsize=500)
def _schema(digest: str) -> schemas.Schema:
    """Return a schema, which never changes under its hash."""
    found: schemas.Schema = Schema.objects.values_list("schema", flat=True).get(pk=digest)
    return found


def tried(task_id: UUID) -> frozenset[str]:
    """Return the agents that have had a try."""
    return frozenset(History.objects.filter(task_id=task_id).values_list("agent_id", flat=True))


def incumbent(capability: str) -> str:
    """Return the agent of the newest counted success, empty without one."""
    rows = History.objects.filter(capability=capability, counted=True, success=True).order_by("-created_at")
    return rows.values_list("agent_id", flat=True).first() or ""


def bound_instance(affinity_key: str) -> tuple[str, str]:
    """Return the agent and the living instance that last worked for an affinity key; both empty where none does."""
    rows = Task.objects.filter(affinity_key=affinity_key).exclude(Q(affinity_key="") | Q(instance_id=""))
    last = rows.order_by("-dispatched_at").values_list("dispatched_to", "instance_id").first()
    if last is None or not agent_queries.is_alive(*last):
        return "", ""
    return last


def last_fingerprint(task_id: UUID) -> str:
    """Return by which reasons the last decision was made that gave the task to nobody; empty where there is none."""
    last = Dispatch.objects.filter(task_id=task_id).order_by("-id").values_list("attempt", "fingerprint").first()
    return last[1] if last is not None and last[0] is None else ""


def past_deadline(now: datetime) -> QuerySet[Task]:
    """Return the running tasks whose deadline is over."""
    return Task.objects.filter(status=TaskState.RUNNING, deadline_at__lte=now).order_by("deadline_at")


def not_begun(now: datetime, patience: timedelta) -> QuerySet[Task]:
    """Return the tasks that their agent has not begun although it was given them long enough ago."""
    return Task.objects.filter(status=TaskState.DISPATCHED, dispatched_at__lte=now - patience)


def held_by(agent_id: str, instance_id: str) -> QuerySet[Task]:
    """Return the tasks that an instance has begun and not ended."""
    return Task.objects.filter(dispatched_to=agent_id, instance_id=instance_id, status=TaskState.RUNNING)


def deaf_to_cancelling(now: datetime, patience: timedelta) -> QuerySet[Task]:
    """Return the running tasks that somebody wanted to end long enough ago."""
    return Task.objects.filter(status=TaskState.RUNNING, cancel_requested_at__lte=now - patience)


def approvals_over(now: datetime) -> QuerySet[Task]:
    """Return the tasks that nobody approved in time."""
    return Task.objects.filter(status=TaskState.AWAITING_APPROVAL, wait_until__lte=now)


def with_old_results(now: datetime, kept: timedelta) -> QuerySet[Task]:
    """Return the ended tasks whose results need not be kept any longer."""
    has_result = Q(result__isnull=False) | ~Q(result_ref="")
    return Task.objects.filter(has_result, completed_at__lte=now - kept)


def attempts(task_id: UUID) -> QuerySet[History]:
    """Return the attempts that ended, the oldest first."""
    return History.objects.filter(task_id=task_id).order_by("attempt")
