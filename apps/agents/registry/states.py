"""The life of a task and of an agent, and what each kind of failure means, as plain values. No database, no clock."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


class TaskState(StrEnum):
    """Where a task stands."""

    PENDING = "pending"
    """Stored; it waits for an agent, for a free slot or for its next attempt."""
    AWAITING_APPROVAL = "awaiting_approval"
    """An agent is proposed, and a person must agree first."""
    DISPATCHED = "dispatched"
    """It was given to an agent, which has not begun yet."""
    RUNNING = "running"
    """The agent works on it, at most until its deadline."""
    COMPLETED = "completed"
    """Its result is stored."""
    FAILED = "failed"
    """It ended without a result; the error says why."""
    TIMEOUT = "timeout"
    """The last attempt did not end before its deadline."""
    CANCELLED = "cancelled"
    """Somebody ended it."""


class TaskEvent(StrEnum):
    """What happens to a task."""

    PROPOSED = "proposed"
    """The chosen agent may do it only with a person's approval."""
    APPROVED = "approved"
    """A person agreed to the proposed agent."""
    ROUTED = "routed"
    """It was given to an agent."""
    BEGUN = "begun"
    """The agent began."""
    RETURNED = "returned"
    """The attempt ended without a result, and another one may follow."""
    COMPLETED = "completed"
    """The agent gave a result that fits."""
    FAILED = "failed"
    """It ended for good without a result."""
    TIMED_OUT = "timed_out"
    """The deadline of the last attempt passed."""
    CANCELLED = "cancelled"
    """Somebody ended it."""


TASK_STATUSES = [str(state) for state in TaskState]
"""All of them, as the API's description lists them."""
OPEN = (TaskState.PENDING, TaskState.AWAITING_APPROVAL, TaskState.DISPATCHED, TaskState.RUNNING)
HELD = (TaskState.DISPATCHED, TaskState.RUNNING)
"""The states in which a task takes a slot of its agent."""
ENDED = (TaskState.COMPLETED, TaskState.FAILED, TaskState.TIMEOUT, TaskState.CANCELLED)

TRANSITIONS: dict[tuple[TaskState, TaskEvent], TaskState] = {
    (TaskState.PENDING, TaskEvent.ROUTED): TaskState.DISPATCHED,
    (TaskState.PENDING, TaskEvent.PROPOSED): TaskState.AWAITING_APPROVAL,
    (TaskState.PENDING, TaskEvent.FAILED): TaskState.FAILED,
    (TaskState.PENDING, TaskEvent.CANCELLED): TaskState.CANCELLED,
    (TaskState.AWAITING_APPROVAL, TaskEvent.APPROVED): TaskState.PENDING,
    (TaskState.AWAITING_APPROVAL, TaskEvent.FAILED): TaskState.FAILED,
    (TaskState.AWAITING_APPROVAL, TaskEvent.CANCELLED): TaskState.CANCELLED,
    (TaskState.DISPATCHED, TaskEvent.BEGUN): TaskState.RUNNING,
    (TaskState.DISPATCHED, TaskEvent.RETURNED): TaskState.PENDING,
    (TaskState.DISPATCHED, TaskEvent.CANCELLED): TaskState.CANCELLED,
    (TaskState.RUNNING, TaskEvent.COMPLETED): TaskState.COMPLETED,
    (TaskState.RUNNING, TaskEvent.RETURNED): TaskState.PENDING,
    (TaskState.RUNNING, TaskEvent.FAILED): TaskState.FAILED,
    (TaskState.RUNNING, TaskEvent.TIMED_OUT): TaskState.TIMEOUT,
    (TaskState.RUNNING, TaskEvent.CANCELLED): TaskState.CANCELLED,
}


class NotPossible(Exception):  # noqa: N818 - reads as a word of the domain
    """The event cannot happen to a task in this state; both are named."""

    def __init__(self, state: TaskState, event: TaskEvent) -> None:
        super().__init__(f"A task that is {state} cannot be {event}.")
        self.state = state
        self.event = event


def after(state: TaskState, event: TaskEvent) -> TaskState:
    """Return the state after `event`. Raises NotPossible where the table has no such line."""
    try:
        return TRANSITIONS[state, event]
    except KeyError:
        raise NotPossible(state, event) from None


class AgentStatus(StrEnum):
    """Whether an agent can be given work, by the age of its newest beat."""

    ONLINE = "online"
    """It beats."""
    DEGRADED = "degraded"
    """Beats are overdue; it still gets work."""
    OFFLINE = "offline"
    """No instance, or none that has beaten for long; it gets no work."""


BEAT_EVERY = timedelta(seconds=30)
DEGRADED_AFTER = timedelta(seconds=60)
OFFLINE_AFTER = timedelta(seconds=120)


def status_at(age: timedelta | None) -> AgentStatus:
    """Return the status of an agent whose newest beat is so old; None where no instance is there."""
    if age is None or age > OFFLINE_AFTER:
        return AgentStatus.OFFLINE
    return AgentStatus.DEGRADED if age > DEGRADED_AFTER else AgentStatus.ONLINE


class ErrorType(StrEnum):
    """Why an attempt gave no result."""

    ERROR = "error"
    """The handler failed in a way that nobody foresaw."""
    REFUSED = "refused"
    """A vendor will not do it for this agent."""
    MISSING = "missing"
    """What it should work on is not there, as this agent sees it."""
    INVALID_OUTPUT = "invalid_output"
    """What it gave does not fit its own schema."""
    INVALID_ANSWER = "invalid_answer"
    """The language model gave nothing usable."""
    TIMEOUT = "timeout"
    """The deadline passed."""
    AGENT_LOST = "agent_lost"
    """The instance fell silent, or its process died in the middle of it."""
    TRY_LATER = "try_later"
    """Something that it needs is not ready."""
    AGENT_STOPPED = "agent_stopped"
    """The instance stopped on purpose."""
    NOT_STARTED = "not_started"
    """Nobody began in time, or whoever was about to could not."""
    PERMANENT = "permanent"
    """It cannot be done; the hint says what a person can do."""
    INVALID_INPUT = "invalid_input"
    """The payload does not fit what the agent takes."""
    BUDGET_EXCEEDED = "budget_exceeded"
    """The budget for language models is used up."""
    CONTEXT_TOO_LARGE = "context_too_large"
    """What must not be cut does not fit into the model."""
    CANCELLED = "cancelled"
    """Somebody ended the task."""


@dataclass(frozen=True)
class Rule:
    """What an error type means: whether it tells of the agent, costs one of the attempts, and leaves others a try."""

    counted: bool
    spends: bool
    again: bool


RULES: dict[ErrorType, Rule] = {
    **dict.fromkeys(
        (
            ErrorType.ERROR,
            ErrorType.REFUSED,
            ErrorType.MISSING,
            ErrorType.INVALID_OUTPUT,
            ErrorType.INVALID_ANSWER,
            ErrorType.TIMEOUT,
            ErrorType.AGENT_LOST,
        ),
        Rule(counted=True, spends=True, again=True),
    ),
    ErrorType.TRY_LATER: Rule(counted=False, spends=True, again=True),
    **dict.fromkeys((ErrorType.AGENT_STOPPED, ErrorType.NOT_STARTED), Rule(counted=False, spends=False, again=True)),
    ErrorType.PERMANENT: Rule(counted=True, spends=True, again=False),
    **dict.fromkeys(
        (ErrorType.INVALID_INPUT, ErrorType.BUDGET_EXCEEDED, ErrorType.CONTEXT_TOO_LARGE),
        Rule(counted=False, spends=True, again=False),
    ),
    ErrorType.CANCELLED: Rule(counted=False, spends=False, again=False),
}


class Why(StrEnum):
    """Why an agent did not get a task, or got it although another one scores higher."""

    OFFLINE = "offline"
    DISABLED = "disabled"
    WITHDRAWN = "withdrawn"
    DEPENDENCY_DOWN = "dependency_down"
    NO_SUCCESS = "no_success"
    AT_CAPACITY = "at_capacity"
    INPUT_REJECTED = "input_rejected"
    PROJECT_NOT_ALLOWED = "project_not_allowed"
    TRIED_ALREADY = "tried_already"
    PAUSING = "pausing"
    OUTSCORED = "outscored"
    INCUMBENT = "incumbent"
    EXPLORATION = "exploration"
    NOT_OFFERED = "not_offered"
    NOT_ASKED_FOR = "not_asked_for"


class CheckKind(StrEnum):
    """How a dependency is checked."""

    VENDOR = "vendor"
    """By a cheap authenticated call of the agent's own client."""
    URL = "url"
    """By a GET that must answer 2xx."""


STALE_AFTER = timedelta(seconds=90)
CHECK_EVERY = timedelta(seconds=30)
GOOD_IN_A_ROW = 2


@dataclass(frozen=True, kw_only=True)
class Health:
    """What is known of a dependency: `ok` None means never checked; `streak` counts good checks since a failure."""

    ok: bool | None
    streak: int


def health_after(before: Health, *, good: bool) -> Health:
    """Return the health after one more check: a failure takes it down at once, two good ones in a row heal it.

    A first check that is good is enough: there was no failure to recover from.
    """
    if not good:
        return Health(ok=False, streak=0)
    streak = min(before.streak + 1, GOOD_IN_A_ROW)
    return Health(ok=before.ok is None or before.ok or streak >= GOOD_IN_A_ROW, streak=streak)
