"""What the engine does in an attempt: call the handler, begin for a workflow that serves, or wait for one outside."""

import json
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache

import structlog
from django.db import connection, transaction
from django.db.utils import InterfaceError, OperationalError
from pydantic_core import PydanticSerializationError

from apps.agents.llm.errors import CallFailed
from apps.agents.registry import definitions, schemas
from apps.agents.registry.definitions import Deployed, Handler
from apps.agents.registry.here import HERE
from apps.agents.registry.models import Task
from apps.agents.registry.queries import tasks as task_queries
from apps.agents.registry.services import attempts, ending, jobs, news, nudging, results
from apps.agents.registry.services.jobs import Job, Stopped
from apps.agents.registry.states import HELD, ErrorType
from apps.agents.registry.words import Attempt, Failure, Outcome
from meshsix.durable import coding
from meshsix.durable.definition import Answer, StepFacts
from meshsix.durable.outcomes import Permanent, WaitFor
from meshsix.integrations.errors import Missing, Refused, TryLater
from meshsix.kit import redact, texts
from meshsix.wiring import Clients

_NO_END = timedelta(days=2)
_SOON = timedelta(seconds=1)
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class BeginWanted:
    """What beginning takes."""

    this: StepFacts


@dataclass(frozen=True, kw_only=True)
class Begun:
    """When the attempt must have ended."""

    deadline_at: datetime


def begin(wanted: BeginWanted, clients: Clients) -> Begun:  # noqa: ARG001 - a step takes its clients
    """Note that this process began, and from when its time runs."""
    task = _begun(wanted.this)
    return Begun(deadline_at=task.deadline_at or wanted.this.deadline)


def _begun(this: StepFacts, deadline: datetime | None = None) -> Task:
    """Note that this process began, unless one did; return the task. A database that is away is no failure."""
    try:
        return attempts.begin(this.run_id, instance_id=HERE.instance_id, deadline=deadline)
    except attempts.NotCurrent as error:
        raise Permanent("task:not-current", hint=str(error)) from error
    except (OperationalError, InterfaceError) as error:
        connection.close()
        _log.warning("an attempt could not begin", run=str(this.run_id), error=type(error).__name__, reason=str(error))
        told = f"The database did not let the attempt begin: {type(error).__name__}"
        raise TryLater(told, pause=_SOON, vendor="postgresql", counts=False) from error


@dataclass(frozen=True, kw_only=True)
class PerformWanted:
    """What performing takes. `answer` is what the handler waited for."""

    ask: Attempt
    answer: Answer | None
    this: StepFacts


def perform(wanted: PerformWanted, clients: Clients) -> Outcome:
    """Begin, and call the agent's handler once. A foreseen failure is an outcome: the registry says what follows.

    The deadline is the step's, so that the lease outlasts it however long beginning took.
    """
    task = _begun(wanted.this, wanted.this.deadline)
    job = jobs.job_of(task, clients, wanted.answer)
    outcome = _outcome(definitions.deployed(wanted.ask.agent_id), task, job)
    _remember(job, outcome)
    return outcome


def _outcome(deployed: Deployed, task: Task, job: Job) -> Outcome:
    handler = deployed.handlers.get(task.capability)
    if handler is None:
        message = f"The running code of {job.agent_id} does not offer {task.capability} any more."
        return Outcome(failure=_fail(ErrorType.ERROR, message, code="not_offered"))
    try:
        given = coding.decode(handler.takes, json.dumps(task.payload))
    except coding.BadData as error:
        return Outcome(failure=_fail(ErrorType.INVALID_INPUT, str(error), code="invalid_input"))
    try:
        return _kept(job, handler, deployed.function(task.capability)(given, job))
    except (Stopped, TryLater, Refused, Permanent, CallFailed) as error:
        return Outcome(failure=_failure(error))


def _failure(error: Stopped | TryLater | Refused | Permanent | CallFailed) -> Failure:
    """Return what a handler means by the error with which it ends."""
    match error:
        case CallFailed():
            return _fail(ErrorType(error.error_type), str(error), code=error.error_type, hint=error.hint)
        case Stopped():
            return _fail(error.reason, str(error), code=error.reason)
        case TryLater():
            return _fail(ErrorType.TRY_LATER, str(error), code="try_later", hint=error.hint, pause=error.pause)
        case Refused():
            kind = ErrorType.MISSING if isinstance(error, Missing) else ErrorType.REFUSED
            return _fail(kind, str(error), code=error.code, hint=error.hint)
        case Permanent():
            return _fail(_named(error.code), error.detail or error.hint, code=error.code, hint=error.hint)


def _named(code: str) -> ErrorType:
    """Return the type that a Permanent names by its code (`budget_exceeded`), else permanent; only people cancel.

    Some codes say that the input is wrong, which tells nothing of the agent.
    """
    kind = attempts.type_of(code)
    is_named = code in set(ErrorType) - {ErrorType.CANCELLED}
    return kind if is_named or kind is ErrorType.INVALID_INPUT else ErrorType.PERMANENT


def _fail(kind: ErrorType, message: str, *, code: str, hint: str = "", pause: timedelta | None = None) -> Failure:
    return Failure(type=kind, code=code, message=_fit(message), hint=_fit(hint), pause=pause)


def _fit(text: str) -> str:
    return str(texts.storable(redact.text(text)))[:2000]


def _kept(job: Job, handler: Handler, given: object) -> Outcome:
    """Return the output as it is kept: without secrets, in the row or, where it is large, in storage."""
    if not isinstance(given, handler.gives):
        message = f"{handler.gives.__name__} was promised, not {type(given).__name__}."
        return Outcome(failure=_fail(ErrorType.INVALID_OUTPUT, message, code="invalid_output"))
    try:
        output = json.loads(coding.encode(handler.gives, given) or "null")
    except PydanticSerializationError as error:
        return Outcome(failure=_fail(ErrorType.INVALID_OUTPUT, str(error), code="invalid_output"))
    faults = schemas.faults(_promised(handler.gives), output)
    if faults:
        return Outcome(failure=attempts.invalid_output(faults))
    return results.keep(output, task_id=job.task_id, attempt=job.attempt, clients=job.clients)


@cache
def _promised(kind: type) -> schemas.Schema:
    return schemas.derive(kind, output=True)


def _remember(job: Job, outcome: Outcome) -> None:
    """Keep what the handler gathered, if it gave a result and its attempt is still the current one.

    A result that comes for an attempt that is over is told of: the engine throws it away.
    """
    if job.has_gathered or not task_queries.is_current(job.task_id, job.attempt):
        _keep_or_tell(job, outcome)


@transaction.atomic
def _keep_or_tell(job: Job, outcome: Outcome) -> None:
    task = Task.objects.select_for_update(no_key=True).get(pk=job.task_id)
    if task.attempts != job.attempt or task.status not in HELD:
        facts = {"attempt": job.attempt, "status": "late_result", "details": {"current": task.attempts}}
        news.of_task(task, "task.progress", facts, agent_id=job.agent_id)
    elif outcome.failure is None:
        job.memory.store()
        for write in job.writes:
            write()
        for memory_id in job.memory.new_exchanges:
            nudging.distil(memory_id)


@dataclass(frozen=True, kw_only=True)
class OutsideWanted:
    """What waiting for an agent outside takes."""

    ask: Attempt
    answer: Answer | None


@dataclass(frozen=True, kw_only=True)
class Told:
    """That the agent outside has told its result, which stands in the task."""

    attempt: int


def outside(wanted: OutsideWanted, clients: Clients) -> Told:  # noqa: ARG001 - a step takes its clients
    """Wait for the result; deadlines and silence are the sweep's business, and end the run."""
    if wanted.answer is None:
        raise WaitFor(ending.answer_name(wanted.ask.task_id, wanted.ask.attempt), until=_NO_END)
    return Told(attempt=wanted.ask.attempt)
