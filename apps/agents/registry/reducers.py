"""A task as its events tell of it: folding them gives what its row says. Pure but for the types of rows.

Named in settings.EVENT_REDUCERS for aggregates `task:{task_id}`. What no event holds is not in it: what was given and
answered (payload, result), what it waits for, who approved it.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from types import MappingProxyType

from apps.agents.registry.models import Task
from apps.agents.registry.services.news import ORCHESTRATOR
from apps.agents.registry.states import HELD, RULES, ErrorType, TaskState
from meshsix.live.models import Event

State = Mapping[str, object]

_ASKED = ("capability", "priority", "requested_by", "max_attempts", "timeout_seconds", "project", "retry_of")
_NOT_BEGUN: State = MappingProxyType({"instance_id": "", "started_at": None, "deadline_at": None})
_AT_FIRST: State = MappingProxyType(
    {
        "dispatched_to": "",
        "attempts": 0,
        "used_attempts": 0,
        "proposed_agent": "",
        "cancel_requested": False,
        "error_type": "",
        "error_code": "",
        **_NOT_BEGUN,
    }
)


def task(state: State, event: Event) -> State:
    """Return the task after one more event; events that change nothing of it leave it as it is."""
    change = _CHANGES.get(event.event_type)
    return {**state, **change(state, event)} if change else state


def as_folded(row: Task) -> State:
    """Return a row as its events make it."""
    asked = {name: getattr(row, name) for name in _ASKED} | {"retry_of": str(row.retry_of) if row.retry_of else None}
    return {
        **asked,
        "task_id": str(row.task_id),
        "trace_id": row.trace_id,
        "status": str(row.status),
        "dispatched_to": row.dispatched_to,
        "attempts": row.attempts,
        "used_attempts": row.used_attempts,
        "proposed_agent": row.proposed_agent,
        "cancel_requested": row.cancel_requested_at is not None,
        "instance_id": row.instance_id if row.started_at else "",
        "started_at": row.started_at.isoformat() if row.started_at else None,
        "deadline_at": row.deadline_at.isoformat() if row.deadline_at else None,
        "error_type": (row.error or {}).get("type", ""),
        "error_code": (row.error or {}).get("code", ""),
    }


def _moved(state: State, event: Event) -> State:
    """Read a `state.transition`; the first one tells all that was asked for."""
    told: State = event.payload
    if told["from"] is None:
        return _asked(event)
    match told["to"]:
        case TaskState.AWAITING_APPROVAL:
            more: State = {"proposed_agent": told["agent"]}
        case TaskState.PENDING:
            more = {"proposed_agent": ""}
        case TaskState.RUNNING:
            more = _begun(event)
        case TaskState.FAILED:
            more = {"error_type": str(_given_up(state, told)), "error_code": told["trigger"]}
        case TaskState.CANCELLED if state["status"] in HELD:
            more = {"error_type": str(ErrorType.CANCELLED), "error_code": "cancelled"}
        case _:
            more = {}
    return {"status": told["to"], **more}


def _given_up(state: State, told: State) -> ErrorType:
    """Return as what a task failed on which nobody worked."""
    if told["trigger"] == ErrorType.INVALID_INPUT:
        return ErrorType.INVALID_INPUT
    return ErrorType.PERMANENT if state["status"] == TaskState.AWAITING_APPROVAL else ErrorType.ERROR


def _asked(event: Event) -> State:
    asked = {name: event.payload.get(name) for name in _ASKED}
    return {
        **_AT_FIRST,
        **asked,
        "task_id": event.task_id,
        "trace_id": event.trace_id,
        "status": event.payload["to"],
    }


def _begun(event: Event) -> State:
    """Read when and where an attempt began, and until when it may last."""
    return {
        "instance_id": event.payload["instance_id"],
        "started_at": event.timestamp.isoformat(),
        "deadline_at": datetime.fromisoformat(event.payload["deadline_at"]).isoformat(),
    }


def _dispatched(state: State, event: Event) -> State:  # noqa: ARG001 - as all changes
    return {
        "status": str(TaskState.DISPATCHED),
        "dispatched_to": event.payload["target_agent"],
        "attempts": event.payload["attempt"],
        "proposed_agent": "",
    }


def _given(state: State, event: Event) -> State:  # noqa: ARG001 - as all changes
    used = _used(state) + 1
    return {"status": str(TaskState.COMPLETED), "used_attempts": used, "error_type": "", "error_code": ""}


def _failed(state: State, event: Event) -> State:
    """Read a failed attempt; where another one may follow, a `task.retry` tells so."""
    told: State = event.payload
    spent = RULES[ErrorType(str(told["error_type"]))].spends
    status = str(TaskState.FAILED) if told["final"] else state["status"]
    failure = {"error_type": told["error_type"], "error_code": told["code"]}
    return {"status": status, "used_attempts": _used(state) + spent, **failure}


def _timed_out(state: State, event: Event) -> State:
    told: State = event.payload
    status = str(TaskState.TIMEOUT) if told["final"] else state["status"]
    failure = {"error_type": str(ErrorType.TIMEOUT), "error_code": "timeout"}
    return {"status": status, "used_attempts": told["retry_count"], **failure}


def _returned(state: State, event: Event) -> State:  # noqa: ARG001 - as all changes
    return {"status": str(TaskState.PENDING), **_NOT_BEGUN}


def _told(state: State, event: Event) -> State:  # noqa: ARG001 - as all changes
    """Read a `task.progress`: what agents say changes nothing, that somebody wants it to end is the platform's word."""
    asked = event.agent_id == ORCHESTRATOR and event.payload["status"] == "cancel_requested"
    return {"cancel_requested": True} if asked else {}


def _used(state: State) -> int:
    return int(str(state["used_attempts"]))


_CHANGES: Mapping[str, Callable[[State, Event], State]] = {
    "state.transition": _moved,
    "task.dispatched": _dispatched,
    "task.result": _given,
    "task.result.failure": _failed,
    "task.timeout": _timed_out,
    "task.retry": _returned,
    "task.progress": _told,
}
