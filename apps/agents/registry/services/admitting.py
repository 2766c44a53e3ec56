"""A new task is stored together with the decision about it, in the usual cases: an agent takes it, or it has to wait.

All else (a person must approve, a workflow serves it, its time is over at once) is for dispatching.py, once the task is
stored.
"""

from copy import copy
from dataclasses import replace

from django.db import IntegrityError, transaction
from django.db.utils import OperationalError

from apps.agents.registry.cards import Card
from apps.agents.registry.models import ServedBy, Task
from apps.agents.registry.policy import Decision
from apps.agents.registry.services import dispatching, nudging, surveying
from apps.agents.registry.services.surveying import Survey
from meshsix import prepared, rows
from meshsix.live import services as live
from meshsix.live.services import NewEvent


def admit(seen: Survey, told: NewEvent) -> Task | None:
    """Store a new task, by what was seen just now, with `told`, the event that it was asked for; return it as stored.

    None where it is not: there is more to do, or its Idempotency-Key was used meanwhile. The task in `seen` stays as it
    was asked for.
    """
    seen = replace(seen, task=copy(seen.task))
    decision = seen.decide()
    try:
        if decision.chosen is None:
            return _wait(seen, decision, told)
        return _start(seen, decision, told) if _is_simple(seen, decision.chosen) else None
    except IntegrityError:
        return None
    except OperationalError as error:
        if dispatching.has_lost(error):
            return None
        raise


def _is_simple(seen: Survey, chosen: Card) -> bool:
    return chosen.served_by != ServedBy.WORKFLOW and not seen.needs_a_person(chosen)


@transaction.atomic
def _start(seen: Survey, decision: Decision, told: NewEvent) -> Task | None:
    decision = dispatching.take_a_slot(seen, decision)
    if decision.chosen is None:
        return _wait(seen, decision, told)
    if not _is_simple(seen, decision.chosen):
        return None
    for name, value in dispatching.start_of(seen, decision, decision.chosen).items():
        setattr(seen.task, name, value)
    dispatching.start(seen, decision, decision.chosen, written=[rows.insertion(seen.task)], told=[told])
    return seen.task


def _wait(seen: Survey, decision: Decision, told: NewEvent) -> Task | None:
    task = seen.task
    if task.wait_until is None or task.wait_until <= seen.now:
        return None
    for name, value in surveying.waiting_of(decision).items():
        setattr(task, name, value)
    note = rows.insertion(surveying.decided(seen, decision, attempt=None, reason=task.wait_reason))
    with prepared.savepoint():
        live.publish_with(rows.insertion(task), told, beside=[note])
    nudging.look_once_more(task.task_id)
    return task
