"""Answers from outside: rows with an id, each matched to the question of its name, whichever of the two comes first."""

import json
from datetime import datetime

from django.db import transaction

from meshsix import prepared
from meshsix.durable import moves, statements
from meshsix.durable.models import Answer, StepRow
from meshsix.durable.states import RunEvent, RunState, StepEvent, StepState

_AT_ONCE = 500


def lock(name: str) -> None:
    """Let only one transaction at a time match questions and answers of this name.

    Without it an answer that is stored while its question is being asked could miss it, and the question the answer.
    Taken before the lock of a run, everywhere.
    """
    prepared.fetch("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [_lock_of(name)])


def _lock_of(name: str) -> str:
    return f"durable-answer:{name}"


def store(answer: Answer) -> tuple[bool, bool]:
    """Store an answer unless there is one of its id, under the lock of its name.

    Return whether it is new, and whether a step ever asked this question.
    """
    facts = [answer.pk, answer.name, json.dumps(answer.payload), json.dumps(answer.actor), answer.received_at]
    is_new, is_asked = prepared.fetch(statements.STORE_ANSWER, [*facts, _lock_of(answer.name)])[0]
    return is_new, is_asked


def stored(name: str) -> Answer | None:
    """Return the oldest answer of this name that no step was given yet."""
    return Answer.objects.filter(name=name, given_at=None, outcome="stored").order_by("received_at", "id").first()


def waiting_steps(name: str) -> list[StepRow]:
    """Return the steps that wait for this answer now; runs are locked in this order."""
    return list(StepRow.objects.filter(wait_name=name, state=StepState.WAITING).order_by("run_id", "id"))


def is_settled(name: str) -> bool:
    """Return whether this question was asked, and the step that asked it will not ask again."""
    asked = StepRow.objects.filter(wait_name=name)
    return (
        asked.exists()
        and not asked.exclude(
            state__in=[StepState.DONE, StepState.SKIPPED, StepState.FAILED, StepState.CANCELLED]
        ).exists()
    )


def give(on: moves.Scene, step: StepRow, found: Answer) -> bool:
    """Make a waiting step ready with its answer; return whether it still waited. The caller holds both locks."""
    if not moves.make_ready(on, step.name, StepEvent.ANSWERED, answer=found):
        return False
    Answer.objects.filter(pk=found.pk).update(given_at=on.now, outcome="given")
    on.news.step(
        "step-answered",
        step.name,
        step.phase,
        step.attempt,
        wait_name=found.name,
        answer_id=found.pk,
        timed_out=found.timed_out or None,
        seconds=_seconds(step.wait_since, on.now),
    )
    if on.state is RunState.WAITING:
        moves.move_run(on, RunEvent.UNBLOCKED)
    return True


def deadline_passed(step: StepRow, now: datetime) -> Answer:
    """Store that nobody answered in time, as an answer of its own; a second call finds the first one's row."""
    until = step.wait_until.isoformat() if step.wait_until else ""
    found, _ = Answer.objects.get_or_create(
        pk=f"deadline:{step.pk}:{until}",
        defaults={"name": step.wait_name, "timed_out": True, "received_at": now},
    )
    return found


def prune(before: datetime) -> int:
    """Take away what was received before this and no step holds: late, never asked for, or let go; return how many.

    Each goes in a transaction of its own, under the lock of its name: a question that comes meanwhile gets it or not,
    but never half.
    """
    gone = 0
    while True:
        old = Answer.objects.filter(received_at__lt=before, steps=None).order_by("received_at")
        found = list(old.values_list("pk", "name")[:_AT_ONCE])
        for pk, name in found:
            with transaction.atomic():
                lock(name)
                gone += Answer.objects.filter(pk=pk, steps=None).delete()[0]
        if len(found) < _AT_ONCE:
            return gone


def _seconds(since: datetime | None, now: datetime) -> float | None:
    return None if since is None else round((now - since).total_seconds(), 3)
