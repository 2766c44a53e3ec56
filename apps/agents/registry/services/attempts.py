"""An attempt begins, and the engine tells that its run has ended."""

from datetime import datetime, timedelta
from typing import Any, LiteralString
from uuid import UUID

from django.conf import settings

from apps.agents.registry import schemas
from apps.agents.registry.models import Task
from apps.agents.registry.queries import agents as agent_queries
from apps.agents.registry.queries import tasks as task_queries
from apps.agents.registry.services import ending, news
from apps.agents.registry.services.starting import ATTEMPT
from apps.agents.registry.states import ErrorType, TaskState
from apps.agents.registry.words import Failure, Outcome
from meshsix import prepared, rows
from meshsix.durable import coding, endings
from meshsix.durable.models import Run, StepRow
from meshsix.durable.states import RunState, StepState
from meshsix.kit import clock, ids, redact, texts
from meshsix.live import services as live
from meshsix.live.services import NewEvent


class NotCurrent(Exception):  # noqa: N818 - reads as a word of the domain
    """The attempt is not, or no longer, the one that the task waits for."""


def begin(run_id: UUID, *, instance_id: str, deadline: datetime | None = None) -> Task:
    """Note that an instance began the attempt that this run is for; return the task with its deadline.

    Without a `deadline` it is the task's timeout from now. A second call of the same attempt changes nothing. Raises
    NotCurrent.
    """
    values = {"run_id": run_id, "instance_id": instance_id, "now": clock.now(), "event_id": ids.new_id()}
    values["deadline"] = deadline
    begun = prepared.fetch(_BEGIN, values, binary=True)
    if begun:
        *row, number = begun[0]
        task = rows.made(Task, row)
        live.tell(news.aggregate(task.task_id), number, events=1)
        return task
    known = task_queries.of_run(run_id)
    if known is None or known.status != TaskState.RUNNING:
        raise NotCurrent("Another attempt has taken the place of this one.")
    return known


# One statement, because each attempt passes through it. A test holds its words against states.py and news.transition.
_BEGIN: LiteralString = f"""
WITH begun AS (
    UPDATE orchestrator_tasks AS task
    SET status = 'running', instance_id = %(instance_id)s, started_at = %(now)s, updated_at = %(now)s,
        deadline_at = COALESCE(%(deadline)s, %(now)s + make_interval(secs => task.timeout_seconds))
    WHERE task.run_id = %(run_id)s AND task.status = 'dispatched'
    RETURNING task.*
), told AS (
    SELECT (mesh_six_publish(
        %(event_id)s::uuid, %(now)s, begun.trace_id, begun.task_id::text, '{news.ORCHESTRATOR}', 'state.transition', 1,
        jsonb_build_object('entity', 'task', 'from', 'dispatched', 'to', begun.status, 'trigger', 'begun', 'reason', '',
                           'attempt', begun.attempts, 'deadline_at', begun.deadline_at,
                           'instance_id', begun.instance_id),
        'task:' || begun.task_id, NULL
    )).aggregate_seq AS number FROM begun
)
SELECT {rows.columns(Task, of="begun")}, told.number FROM begun CROSS JOIN told
"""  # noqa: S608 - made of constants


def run_ended(run: Run, output: str | None) -> list[NewEvent]:
    """Settle the attempt that the run was for: named as `ended` by every workflow of an attempt.

    Called in the engine's own transaction, which holds the run's lock. `output` is what the run's last step gave.
    """
    task = task_queries.of_run(run.pk, lock=True)
    return [] if task is None else ending.settle(task, _outcome(run, output, task), now=clock.now())


def _outcome(run: Run, output: str | None, task: Task) -> Outcome:
    match RunState(run.state):
        case RunState.COMPLETED if run.workflow == ATTEMPT:
            performed: Outcome = coding.adapter(Outcome).validate_json(output or "null")
            return performed
        case RunState.COMPLETED:
            return _result_of_own_workflow(run, task)
        case RunState.FAILED:
            return Outcome(failure=_failure(run, task))
        case _:
            message = "Somebody cancelled the engine's run of the attempt."
            return Outcome(failure=Failure(type=ErrorType.CANCELLED, code="cancelled", message=message))


def _result_of_own_workflow(run: Run, task: Task) -> Outcome:
    """Return the output of the workflow's last step, if it fits what the capability promises."""
    last = run.steps.filter(state=StepState.DONE).order_by("-position").first()
    result = last.output if last is not None else None
    offered = agent_queries.capability(task.dispatched_to, task.capability)
    faults = schemas.faults(offered.output_schema.schema, result) if offered is not None else ()
    if faults:
        return Outcome(failure=invalid_output(faults))
    redacted: Any = texts.storable(redact.structure(result))
    return Outcome(result=redacted)


def invalid_output(faults: tuple[schemas.Fault, ...]) -> Failure:
    """Return the failure of an agent whose output does not fit its own schema."""
    told = "; ".join(f"{fault.pointer or '/'} {fault.detail}" for fault in faults[:5])
    return Failure(
        type=ErrorType.INVALID_OUTPUT,
        code="invalid_output",
        message=f"The output does not fit the capability's schema: {told}",
        hint="This is a fault of the agent. Mend it, or let another agent offer the capability.",
    )


_BY_CODE: dict[str, ErrorType] = {
    endings.TIMED_OUT: ErrorType.TIMEOUT,
    endings.LOST: ErrorType.AGENT_LOST,
    endings.UNEXPECTED: ErrorType.ERROR,
    endings.UNKNOWN_STEP: ErrorType.ERROR,
    endings.BAD_INPUT: ErrorType.ERROR,
    endings.ENDLESS_WAIT: ErrorType.TRY_LATER,
    # Whoever asked must ask otherwise: it says nothing of the agent.
    "plan_outdated": ErrorType.INVALID_INPUT,
    "kubectl:namespace-not-allowed": ErrorType.INVALID_INPUT,
    "kubectl:others-environments": ErrorType.INVALID_INPUT,
}
_BY_END: dict[str, ErrorType] = {
    "try-later": ErrorType.TRY_LATER,
    "missing": ErrorType.MISSING,
    "refused": ErrorType.REFUSED,
    "forbidden": ErrorType.REFUSED,
    "not-allowed": ErrorType.INVALID_INPUT,
}


def type_of(code: str) -> ErrorType:
    """Return which type of error the code of a failed run stands for; what nobody knows is permanent."""
    if code in set(ErrorType):
        return ErrorType(code)
    return _BY_CODE.get(code) or _BY_END.get(code.rpartition(":")[2], ErrorType.PERMANENT)


def _failure(run: Run, task: Task) -> Failure:
    failed = StepRow.objects.filter(run=run, state=StepState.FAILED).order_by("position").first()
    detail = failed.error_detail if failed is not None else ""
    kind = type_of(run.error_code)
    if task.status == TaskState.DISPATCHED and run.error_code.startswith(endings.ENGINE):
        kind = ErrorType.NOT_STARTED  # the process died, or something else was in the way, before it began
    return Failure(
        type=kind, code=run.error_code, message=detail or run.error_hint or run.error_code, hint=run.error_hint
    )


def give_back(agent_id: str, instance_id: str) -> None:
    """End what a stopped instance has begun and will not end: it goes elsewhere without costing an attempt.

    What a workflow serves stays as it is: its steps go on elsewhere.
    """
    message = "The instance stopped before the attempt ended."
    failure = Failure(type=ErrorType.AGENT_STOPPED, code="agent_stopped", message=message)
    held = Task.objects.filter(dispatched_to=agent_id, instance_id=instance_id, status=TaskState.RUNNING)
    ended = held.exclude(capability__in=agent_queries.served_by_workflow(agent_id))
    for task_id, attempt in ended.values_list("task_id", "attempts"):
        ending.conclude(task_id, attempt, Outcome(failure=failure))


def stop_grace() -> timedelta:
    """Return how long a stopped instance may take to end what it has begun."""
    return settings.WORKER_SOFT_SHUTDOWN + settings.DURABLE_LEASE_MARGIN


def deadline_failure(task: Task, now: datetime) -> Failure:
    """Return the failure of an attempt whose deadline is over."""
    late = f" {round((now - task.deadline_at).total_seconds())} s ago" if task.deadline_at else ""
    return Failure(
        type=ErrorType.TIMEOUT,
        code="timeout",
        message=f"The attempt did not end within {task.timeout_seconds} s; its deadline was{late}.",
    )
