"""A task as its events tell of it: folding them gives what its row says. Pure but for the types of rows.

Named in settings.EVENT_REDUCERS for aggregates `task:{task_id}`.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from apps.agents.registry.models import Task
from apps.agents.registry.states import HELD, RULES, ErrorType, TaskState
from meshsix.live.models import Event

State = Mapping[str, object]

_ASKED = ("capability", "priority", "requested_by", "max_attempts", "timeout_seconds", "project", "retry_of")
_AT_FIRST: State = MappingProxyType(
    {
        "dispatched_to": "",
        "attempts": 0,
        "used_attempts": 0,
        "proposed_agent": "",
        "deadline_at": None,
        "error_code": "",
    }
)


def task(state: State, event: Event) -> State:
    """Return the task after one more event; events that change nothing of it leave it as it is."""
    change = _CHANGES.get(event.event_type)
    return {**state, **change(state, event.payload)} if change else state


def as_folded(row: Task) -> State:
    """Return a row as its events make it."""
    asked = {name: getattr(row, name) for name in _ASKED} | {"retry_of": str(row.retry_of) if row.retry_of else None}
    return {
        **asked,
        "status": str(row.status),
        "dispatched_to": row.dispatched_to,
        "attempts": row.attempts,
        "used_attempts": row.used_attempts,
        "proposed_agent": row.proposed_agent,
        "deadline_at": row.deadline_at.isoformat() if row.deadline_at else None,
        "error_code": (row.error or {}).get("code", ""),
    }


def _moved(state: State, told: State) -> State:
    """Read a `state.transition`; the first one tells all that was asked for."""
    if told["from"] is None:
        return {**_AT_FIRST, **{name: told.get(name) for name in _ASKED}, "status": told["to"]}
    match told["to"]:
        case TaskState.AWAITING_APPROVAL:
            more: State = {"proposed_agent": told["agent"]}
        case TaskState.PENDING:
            more = {"proposed_agent": ""}
        case TaskState.RUNNING:
            more = {"deadline_at": told["deadline_at"]}
        case TaskState.FAILED:
            more = {"error_code": told["trigger"]}
        case TaskState.CANCELLED if state["status"] in HELD:
            more = {"error_code": "cancelled"}
        case _:
            more = {}
    return {"status": told["to"], **more}


def _dispatched(state: State, told: State) -> State:  # noqa: ARG001 - as all changes
    return {
        "status": str(TaskState.DISPATCHED),
        "dispatched_to": told["target_agent"],
        "attempts": told["attempt"],
        "proposed_agent": "",
    }


def _given(state: State, told: State) -> State:  # noqa: ARG001 - as all changes
    return {"status": str(TaskState.COMPLETED), "used_attempts": _used(state) + 1, "error_code": ""}


def _failed(state: State, told: State) -> State:
    """Read a failed attempt; where another one may follow, a `task.retry` tells so."""
    spent = RULES[ErrorType(str(told["error_type"]))].spends
    status = str(TaskState.FAILED) if told["final"] else state["status"]
    return {"status": status, "used_attempts": _used(state) + spent, "error_code": told["code"]}


def _timed_out(state: State, told: State) -> State:
    status = str(TaskState.TIMEOUT) if told["final"] else state["status"]
    return {"status": status, "used_attempts": told["retry_count"], "error_code": "timeout"}


def _returned(state: State, told: State) -> State:  # noqa: ARG001 - as all changes
    return {"status": str(TaskState.PENDING), "deadline_at": None}


def _used(state: State) -> int:
    return int(str(state["used_attempts"]))


_CHANGES: Mapping[str, Callable[[State, State], State]] = {
    "state.transition": _moved,
    "task.dispatched": _dispatched,
    "task.result": _given,
    "task.result.failure": _failed,
    "task.timeout": _timed_out,
    "task.retry": _returned,
}
