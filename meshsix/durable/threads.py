"""Steps that work in threads, which nobody can interrupt: who they are, and which of them go on in vain.

Of a main thread the engine itself ends a step whose time is over (perform.py). A process with threads asks here from
time to time and ends itself: whatever else it was doing goes elsewhere.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from meshsix.durable.models import Run
from meshsix.durable.states import OPEN_RUNS


@dataclass(frozen=True, kw_only=True)
class Working:
    """A step that works in a thread of this process. `until` is when its time is over."""

    thread: int
    run_id: UUID
    step: str
    until: datetime


_working: dict[int, Working] = {}


@contextmanager
def noted(*, run_id: UUID, step: str, until: datetime) -> Iterator[None]:
    """Let a step of this thread be known for as long as it works."""
    thread = threading.get_ident()
    _working[thread] = Working(thread=thread, run_id=run_id, step=step, until=until)
    try:
        yield
    finally:
        del _working[thread]


def in_vain(now: datetime) -> frozenset[Working]:
    """Return those whose time is over, or whose run has ended without them."""
    working = list(_working.values())
    open_runs = set(
        Run.objects.filter(pk__in={each.run_id for each in working}, state__in=OPEN_RUNS).values_list("pk", flat=True)
    )
    return frozenset(each for each in working if each.until < now or each.run_id not in open_runs)
