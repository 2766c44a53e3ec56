"""Tasks are asked for: checked, stored, and in the same request offered to an agent.

The usual ones are stored together with what was decided about them (admitting.py).
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any
from uuid import uuid4

from django.db import IntegrityError

from apps.agents.registry.models import Task
from apps.agents.registry.models.agents import MOST_SECONDS, NAME
from apps.agents.registry.models.tasks import MOST_PRIORITY, MOST_WAIT_SECONDS
from apps.agents.registry.queries import tasks as task_queries
from apps.agents.registry.schemas import Fault
from apps.agents.registry.services import admitting, dispatching, isolation, news, surveying
from apps.agents.registry.services.surveying import Survey
from apps.agents.registry.states import ENDED, TaskState, Why
from apps.agents.registry.words import Request
from meshsix import rows
from meshsix.kit import clock, redact, shapes, texts
from meshsix.kit.actor import Actor
from meshsix.live import services as live
from meshsix.live.services import NewEvent

LARGEST_PAYLOAD_BYTES = 256 * 1024
_MOST_ATTEMPTS = 10
_DEFAULT_TIMEOUT_SECONDS = 120


class Invalid(Exception):  # noqa: N818 - reads as a word of the domain
    """A request that cannot be taken (422); `faults` say which fields, by JSON pointer, and never repeat a value."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        super().__init__("; ".join(f"{fault.pointer or '/'}: {fault.detail}" for fault in faults))
        self.faults = tuple(faults)


class KeyReused(Exception):  # noqa: N818 - reads as a word of the domain
    """The requester used the same Idempotency-Key for another request (409); `task` is the first one's."""

    def __init__(self, task: Task) -> None:
        super().__init__(f"The key was used for task {task.task_id} with another body.")
        self.task = task


class NotEnded(Exception):  # noqa: N818 - reads as a word of the domain
    """Only what has ended can be asked for once more."""


@dataclass(frozen=True, kw_only=True)
class Submitted:
    """The task as it now stands. `is_new` is False where the request was a repeat."""

    task: Task
    is_new: bool


def submit(request: Request, *, actor: Actor) -> Submitted:
    """Store a task and try to give it to an agent at once. Raises Invalid, KeyReused.

    A capability that nobody offers yet is accepted: the task waits. Where the database fails after the row is stored,
    the sweep gives it out.
    """
    _refuse_wrong(request)
    known = _known(request, actor)
    if known is not None:
        return Submitted(task=known, is_new=False)
    task = _task(request, actor)
    seen = isolation.alone(task.task_id, lambda: surveying.survey(task, task.created_at))
    _check(task, request, seen)
    told = _asked_for(task, actor)
    admitted = isolation.alone(task.task_id, lambda: admitting.admit(seen, told)) if seen is not None else None
    return _store(task, told, request, actor) if admitted is None else Submitted(task=admitted, is_new=True)


def _refuse_wrong(request: Request) -> None:
    """Raise Invalid where a request cannot be taken; each look relies on what the ones before it have refused."""
    for look in (_shape(request.payload), _fields(request), secrets_in(request.payload, "/payload")):
        faults = tuple(look)
        if faults:
            raise Invalid(faults)


def _shape(payload: Mapping[str, Any]) -> Iterator[Fault]:
    for pointer, detail in shapes.faults(payload, "/payload"):
        yield Fault(pointer=pointer, code="invalid", detail=detail)


def _fields(request: Request) -> Iterator[Fault]:
    timeout = request.timeout_seconds
    wrong = {
        "/capability": (not re.fullmatch(NAME, request.capability), "a capability's name: lower case and hyphens"),
        "/priority": (not 0 <= request.priority <= MOST_PRIORITY, f"0 to {MOST_PRIORITY}"),
        "/timeout_seconds": (timeout is not None and not 1 <= timeout <= MOST_SECONDS, f"1 to {MOST_SECONDS}"),
        "/max_attempts": (not 1 <= request.max_attempts <= _MOST_ATTEMPTS, f"1 to {_MOST_ATTEMPTS}"),
        "/wait_seconds": (not 0 <= request.wait_seconds <= MOST_WAIT_SECONDS, f"0 to {MOST_WAIT_SECONDS}"),
        "/payload": (_size(request.payload) > LARGEST_PAYLOAD_BYTES, f"at most {LARGEST_PAYLOAD_BYTES // 1024} KiB"),
    }
    for pointer, (is_wrong, wanted) in wrong.items():
        if is_wrong:
            yield Fault(pointer=pointer, code="invalid", detail=f"must be {wanted}")
    for pointer in texts.unstorable(request.payload, "/payload"):
        yield Fault(pointer=pointer, code="invalid", detail="must not hold NUL or half of a surrogate pair")


def _size(payload: Mapping[str, Any]) -> int:
    return len(json.dumps(payload, ensure_ascii=False).encode(errors="surrogatepass"))


def secrets_in(value: object, at: str) -> Iterator[Fault]:
    """Yield a fault for each text that looks like a secret: a task is stored and shown, so it names a Vault path."""
    if isinstance(value, str):
        if redact.text(value) != value:
            detail = "looks like a secret; store it in Vault and pass its path"
            yield Fault(pointer=at, code="secret", detail=detail)
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            yield from secrets_in(str(name), f"{at}/{texts.pointed(name)}")
            yield from secrets_in(inner, f"{at}/{texts.pointed(name)}")
    elif isinstance(value, list | tuple):
        for index, inner in enumerate(value):
            yield from secrets_in(inner, f"{at}/{index}")


def _known(request: Request, actor: Actor) -> Task | None:
    """Return the task that the same key made before. Raises KeyReused where it was for something else."""
    if request.idempotency_key is None:
        return None
    task = Task.objects.filter(requested_by=actor.name, idempotency_key=request.idempotency_key).first()
    if task is not None and task.request_sha256 != fingerprint(request):
        raise KeyReused(task)
    return task


def fingerprint(request: Request) -> str:
    """Return a hash of all that is asked for."""
    facts = {name: value for name, value in asdict(request).items() if name != "idempotency_key"}
    return hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode()).hexdigest()


def _check(task: Task, request: Request, seen: Survey | None) -> None:
    """Raise Invalid where every agent that offers the capability rejects the payload.

    Else let a task that names no time have the longest that one of them declares.
    """
    offered, rejected = _offered(task, seen)
    if offered and len(rejected) == len(offered):
        nearest = min(rejected.values(), key=len)
        raise Invalid(
            [Fault(pointer=f"/payload{fault.pointer}", code=fault.code, detail=fault.detail) for fault in nearest]
        )
    if request.timeout_seconds is None:
        task.timeout_seconds = max(offered.values(), default=_DEFAULT_TIMEOUT_SECONDS)


def _offered(task: Task, seen: Survey | None) -> tuple[Mapping[str, int], Mapping[str, tuple[Fault, ...]]]:
    """Return the input schemas (hashes) of all who offer the capability, each with its longest timeout; and faults."""
    if seen is None:
        known = task_queries.offered(task.capability)
        return known, task_queries.rejected_by(known, task.payload)
    offered = dict[str, int]()
    for card in seen.cards:
        if Why.WITHDRAWN not in card.reasons:
            offered[card.input_schema] = max(card.timeout_seconds, offered.get(card.input_schema, 0))
    return offered, seen.rejected


def _task(request: Request, actor: Actor) -> Task:
    """Return a new task that is not stored yet; a timeout that is not asked for is for `_check`."""
    now = clock.now()
    return Task(
        capability=request.capability,
        payload=dict(request.payload),
        status=TaskState.PENDING,
        priority=request.priority,
        timeout_seconds=request.timeout_seconds or _DEFAULT_TIMEOUT_SECONDS,
        max_attempts=request.max_attempts,
        wait_seconds=request.wait_seconds,
        wait_until=now + timedelta(seconds=request.wait_seconds),
        requested_by=actor.name,
        project=request.project.lower(),
        idempotency_key=request.idempotency_key,
        request_sha256=fingerprint(request),
        trace_id=request.trace_id or uuid4().hex,
        parent_task_id=request.parent_task_id,
        affinity_key=request.affinity_key,
        explorable=request.explorable,
        allowed_agents=list(request.allowed_agents),
        backoff=dict(request.backoff) if request.backoff else None,
        gate=asdict(request.gate) if request.gate else None,
        created_at=now,
        updated_at=now,
    )


def _store(task: Task, told: NewEvent, request: Request, actor: Actor) -> Submitted:
    """Store a task as it was asked for, then try to give it to an agent; return the one of its key that was faster."""
    if not live.publish_with(rows.insertion(task, or_nothing=True), told):
        again = _known(request, actor)
        if again is None:
            raise IntegrityError("The task of this Idempotency-Key is gone.")
        return Submitted(task=again, is_new=False)
    dispatching.alone(dispatching.offer, task.task_id)
    return Submitted(task=task_queries.get(task.task_id), is_new=True)


_TOLD = ("capability", "priority", "requested_by", "max_attempts", "timeout_seconds", "project")


def _asked_for(task: Task, actor: Actor) -> NewEvent:
    """Return the first event of a task."""
    facts: dict[str, object] = {name: getattr(task, name) for name in _TOLD}
    facts["retry_of"] = str(task.retry_of) if task.retry_of else None
    return news.transition(task, None, trigger="submitted", actor=actor, facts=facts)


def retry(task: Task, *, actor: Actor) -> Task:
    """Ask for the same once more, as a new task with `retry_of`; the approval of the first does not count.

    Raises NotEnded.
    """
    if task.status not in ENDED:
        raise NotEnded(f"The task is {task.status}: wait for its end, or cancel it.")
    fresh = Task(
        **{name: getattr(task, name) for name in _KEPT_ON_RETRY},
        retry_of=task.task_id,
        requested_by=actor.name,
        wait_until=clock.now() + timedelta(seconds=task.wait_seconds),
    )
    live.publish_with(rows.insertion(fresh), _asked_for(fresh, actor))
    dispatching.offer(fresh.task_id)
    return task_queries.get(fresh.task_id)


_KEPT_ON_RETRY = (
    "capability",
    "payload",
    "priority",
    "timeout_seconds",
    "max_attempts",
    "wait_seconds",
    "project",
    "trace_id",
    "parent_task_id",
    "affinity_key",
    "explorable",
    "allowed_agents",
    "backoff",
)
