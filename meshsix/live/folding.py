"""The state that the events of an aggregate make: settings.EVENT_REDUCERS names a reducer by the aggregate's kind.

A reducer is pure: it takes the state so far (empty at the beginning) and one event, and gives the next state, as JSON.
What it gives after the last event is equal to the row that the events tell of.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, cast

from django.conf import settings
from django.utils.module_loading import import_string

from meshsix.live.models import Event

State = Mapping[str, object]
_AT_ONCE = 500


class Reducer(Protocol):
    """What settings.EVENT_REDUCERS names."""

    def __call__(self, state: State, event: Event) -> State:
        """Return the state after one more event."""


@dataclass(frozen=True, kw_only=True)
class Folded:
    """The state after event number `number` of its aggregate; empty and 0 where there is no event."""

    state: State
    number: int


def reducer_of(aggregate_id: str) -> Reducer | None:
    """Return the reducer of the aggregate's kind (`task` of `task:...`), None where there is none."""
    path = settings.EVENT_REDUCERS.get(aggregate_id.partition(":")[0])
    return cast("Reducer", import_string(path)) if path else None


def fold(aggregate_id: str, reducer: Reducer) -> Folded:
    """Return the state that all events of an aggregate make, read in order and a part at a time."""
    folded = Folded(state={}, number=0)
    events = Event.objects.filter(aggregate_id=aggregate_id).order_by("aggregate_seq")
    for event in events.iterator(chunk_size=_AT_ONCE):
        folded = Folded(state=reducer(folded.state, event), number=event.aggregate_seq)
    return folded
