"""What others may do with runs. Each function is one transaction; messages are sent after it is committed."""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from enum import StrEnum
from functools import cache, lru_cache
from types import MappingProxyType
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction
from psycopg.errors import UniqueViolation

from meshsix import prepared, rows
from meshsix.durable import answers, canvas, checks, coding, moves, nudges, plan, snapshots, statements
from meshsix.durable.definition import Workflow
from meshsix.durable.models import Answer, Run, StepRow
from meshsix.durable.news import News
from meshsix.durable.states import OPEN_RUNS, RunEvent, RunState, StepEvent, StepState
from meshsix.kit import clock, ids
from meshsix.kit.actor import Actor
from meshsix.live import services as live
from meshsix.live.services import NewEvent

_ONE_A_KEY = "durable_one_unfinished_run_a_key"
_TRIES = 3


class AlreadyRunning(Exception):  # noqa: N818 - reads as a word of the domain
    """The key has an unfinished run, `run_id`."""

    def __init__(self, run_id: UUID) -> None:
        super().__init__(f"Run {run_id} is not finished yet.")
        self.run_id = run_id


class AnswerOutcome(StrEnum):
    """What became of an answer."""

    GIVEN = "given"
    """A step waited for it and runs again with it."""
    STORED = "stored"
    """Nobody waits for it yet; the step that asks for it will find it."""
    DUPLICATE = "duplicate"
    """It had been delivered before; nothing changed."""
    LATE = "late"
    """Its question is settled: answered, timed out or cancelled. Nothing changed."""


def start(
    workflow: Workflow,
    *,
    key: str,
    ask: object,
    actor: Actor,
    run_id: UUID | None = None,
    queue: str = "",
    timeouts: Mapping[str, timedelta] = MappingProxyType({}),
    also: Sequence[NewEvent] = (),
    beside: Sequence[rows.Change] = (),
) -> Run:
    """Store a new run with all its steps and nudge the first one. Raises AlreadyRunning, BadWorkflow.

    `ask` is an instance of `workflow.ask`. A finished run of the same key does not stand in the way. `queue` is the
    Celery queue of this run's steps (empty: the workflow's), `timeouts` are those of steps which this run bounds
    otherwise than the workflow; both stand in the run's snapshot. `also` are events that are published with the run's,
    `beside` rows of the caller's that are written by the same statement: AlreadyRunning undoes them.
    """
    planned = _plan_for(workflow, queue, tuple(timeouts.items()))
    now = clock.now()
    run = Run(
        id=run_id or ids.new_id(),
        workflow=workflow.name,
        key=key,
        ask=json.loads(coding.encode(workflow.ask, ask) or "null"),
        definition_hash=planned.digest,
        definition=planned.snapshot,
        phase=planned.steps[0].phase,
        actor=actor.as_json(),
        created_at=now,
    )
    states = dict.fromkeys(planned.by_name, str(StepState.PENDING))
    first = planned.reached(states)
    states |= dict.fromkeys(first, str(StepState.READY))
    news = News(run_id=run.pk, workflow=run.workflow, actor=actor)
    news.run("run-created", key=key)
    for name in first:
        news.step("step-ready", name, planned.by_name[name].phase, 0)
    with transaction.atomic(savepoint=False):
        other = _insert(run, planned, first, [*news.events, *also], beside)
        if other is None:
            moves.observe(run.workflow, run.pk, None)
            transaction.on_commit(lambda: nudges.send(canvas.compile_run(run.pk, planned, states)), robust=True)
        elif beside:
            raise AlreadyRunning(other)
    if other is not None:  # raised behind the block: the caller's transaction may go on
        raise AlreadyRunning(other)
    return run


def answer(*, name: str, answer_id: str, payload: dict[str, Any], actor: Actor | None = None) -> AnswerOutcome:
    """Give the answer called `name` to the steps that wait for it, or keep it for the step that will.

    Usually one step waits for a name; runs that wait for the same thing of the world may share it, and all go on.
    `answer_id` makes it once-only: a second delivery changes nothing. `payload` holds references and facts.
    """
    now = clock.now()
    with transaction.atomic(savepoint=False):
        found = Answer(pk=answer_id, name=name, payload=payload, received_at=now)
        found.actor = actor.as_json() if actor else {}
        is_new, is_asked = answers.store(found)
        if not is_new:
            return AnswerOutcome.DUPLICATE
        if not is_asked:
            return AnswerOutcome.STORED
        given = [_give(step, found, actor) for step in answers.waiting_steps(name)]
        return AnswerOutcome.GIVEN if any(given) else _keep(found)


def hold(run_id: UUID, *, answering: str = "") -> RunState:
    """Lock the run's row until the end of the caller's transaction and return its state. Raises Run.DoesNotExist.

    For who writes rows of its own together with a run's: the run's row is locked before all others, everywhere, but
    for the name of an answer that the caller will give to this run: a step that asks for it locks the name first too.
    """
    if answering:
        answers.lock(answering)
    return RunState(Run.objects.select_for_update(no_key=True).values_list("state", flat=True).get(pk=run_id))


def cancel(run_id: UUID, actor: Actor) -> Run:
    """End the run now; what a running step still returns is thrown away. Raises Run.DoesNotExist, WrongState."""
    now = clock.now()
    with transaction.atomic():
        on = moves.lock(run_id, now=now, actor=actor)
        moves.move_run(on, RunEvent.CANCELLED)
        for name in moves.states_of(run_id):
            moves.set_step(on, name, StepEvent.CANCELLED, finished_at=now, **_FREE)
        moves.finish(on, None)
    return Run.objects.get(pk=run_id)


def resume(run_id: UUID, actor: Actor) -> Run:
    """Let the failed steps of a failed run go again with all their attempts.

    Raises Run.DoesNotExist, WrongState, or AlreadyRunning where the key has a newer unfinished run.
    """
    with transaction.atomic():
        on = moves.lock(run_id, now=clock.now(), actor=actor)
        _reopen(on, RunEvent.RESUMED)
        _let_go_on(on)
        moves.finish(on, None)
        nudges.nudge_on_commit(run_id)
    return Run.objects.get(pk=run_id)


def rerun(run_id: UUID, step: str, actor: Actor) -> Run:
    """Let `step` and all that depends on it run again; what else failed goes again too.

    Raises Run.DoesNotExist, StepRow.DoesNotExist, WrongState, AlreadyRunning.
    """
    with transaction.atomic():
        on = moves.lock(run_id, now=clock.now(), actor=actor)
        StepRow.objects.get(run_id=run_id, name=step)
        _reopen(on, RunEvent.RESET, step=step)
        for name in sorted({step} | on.plan.dependents(step), key=lambda each: on.plan.by_name[each].position):
            if moves.set_step(on, name, StepEvent.RESET, **_CLEAN, **_FREE):
                on.news.step("step-reset", name, on.plan.by_name[name].phase, 0)
        _let_go_on(on)
        moves.finish(on, None)
        nudges.nudge_on_commit(run_id)
    return Run.objects.get(pk=run_id)


def wake(run_id: UUID, step: str) -> bool:
    """Let a retrying step run now instead of at its `due_at`; return whether it was waiting for that."""
    with transaction.atomic():
        on = moves.lock(run_id, now=clock.now())
        if on.state not in OPEN_RUNS or not moves.make_ready(on, step, StepEvent.WOKEN):
            return False
        moves.finish(on, StepRow.objects.values_list("pk", flat=True).get(run_id=run_id, name=step))
        nudges.nudge_on_commit(run_id)
    return True


_FREE: dict[str, Any] = {"lease_until": None, "lease_owner": "", "due_at": None, "nudge_at": None}
_CLEAN: dict[str, Any] = {
    "attempt": 0,
    "started_at": None,
    "attempt_started_at": None,
    "finished_at": None,
    "output": None,
    "answer": None,
    "error_code": "",
    "error_hint": "",
    "error_detail": "",
    "wait_name": "",
    "wait_since": None,
    "wait_until": None,
    "wait_asked": {},
    "skip_reason": "",
}


@cache
def _checked_plan(workflow: Workflow) -> plan.Plan:
    """Return the plan of a workflow, which is checked once a process. Raises BadWorkflow."""
    checks.check(workflow)
    return plan.from_workflow(workflow)


@lru_cache(maxsize=500)
def _plan_for(workflow: Workflow, queue: str, timeouts: tuple[tuple[str, timedelta], ...]) -> plan.Plan:
    planned = _checked_plan(workflow)
    made = plan.for_run(planned, queue=queue, timeouts=dict(timeouts)) if queue or timeouts else planned
    return snapshots.remember(made, made.digest)


def _insert(
    run: Run, planned: plan.Plan, first: Collection[str], events: Sequence[NewEvent], beside: Sequence[rows.Change]
) -> UUID | None:
    """Store the run with all its steps and events, or return the unfinished run that its key has."""
    parts, values = rows.parts(beside)
    statement = f"WITH {parts}{statements.CREATE}{live.TELL_IF_WRITTEN}"
    values |= _columns(run, planned, first) | {"events": live.as_json(events)}
    for _ in range(1 if beside else _TRIES):
        if found := prepared.fetch(statement, values):
            live.told(found)
            run._state.adding = False  # noqa: SLF001 - Django offers no public word for "it is stored"
            return None
        other = Run.objects.filter(key=run.key, state__in=OPEN_RUNS).values_list("pk", flat=True).first()
        if other is not None:
            return other
    raise IntegrityError(f"Run {run.pk} exists already.")


def _columns(run: Run, planned: plan.Plan, first: Collection[str]) -> dict[str, object]:
    return {
        "id": run.pk,
        "workflow": run.workflow,
        "key": run.key,
        "state": str(RunState.PENDING),
        "ask": json.dumps(run.ask),
        "definition_hash": run.definition_hash,
        "definition": planned.text,
        "phase": run.phase,
        "actor": json.dumps(run.actor),
        "now": run.created_at,
        "first": list(first),
        "nudge_at": run.created_at + settings.DURABLE_NUDGE_GRACE,
    }


@contextmanager
def _one_a_key(key: str) -> Iterator[None]:
    """Turn the refusal of the partial unique index into AlreadyRunning, and leave the caller's transaction whole."""
    try:
        with transaction.atomic():
            yield
    except IntegrityError as error:
        cause = error.__cause__
        if not isinstance(cause, UniqueViolation) or cause.diag.constraint_name != _ONE_A_KEY:
            raise
        other = Run.objects.filter(key=key, state__in=OPEN_RUNS).values_list("pk", flat=True).first()
        if other is None:
            raise
        raise AlreadyRunning(other) from None


def _reopen(on: moves.Scene, event: RunEvent, **facts: object) -> None:
    """Let a run be under way again. Raises WrongState, AlreadyRunning."""
    with _one_a_key(Run.objects.values_list("key", flat=True).get(pk=on.run_id)):
        moves.move_run(on, event, **facts)


def _let_go_on(on: moves.Scene) -> None:
    """Make ready what failed, as for its first call (deadlines and questions begin anew), and what can be reached."""
    for name, state in moves.states_of(on.run_id).items():
        if state == StepState.FAILED:
            moves.make_ready(on, name, StepEvent.RESUMED, **_CLEAN)
    states = moves.states_of(on.run_id)
    moves.open_steps(on, on.plan.reached(states))
    event = moves.run_event(moves.states_of(on.run_id))
    if event is not None:
        moves.move_run(on, event)


def _give(step: StepRow, found: Answer, actor: Actor | None) -> bool:
    """Let one step run with the answer; return whether it still waited for it."""
    on = moves.lock(step.run_id, now=found.received_at, actor=actor)
    if not answers.give(on, step, found):
        return False
    moves.finish(on, step.pk)
    if on.state in OPEN_RUNS:
        nudges.nudge_on_commit(step.run_id)
    return True


def _keep(found: Answer) -> AnswerOutcome:
    if not answers.is_settled(found.name):
        return AnswerOutcome.STORED
    Answer.objects.filter(pk=found.pk).update(outcome=AnswerOutcome.LATE)
    return AnswerOutcome.LATE
