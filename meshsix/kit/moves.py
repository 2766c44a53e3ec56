"""What follows from a state and an event, by a table; what stands in no line of it is not possible."""

from collections.abc import Mapping
from enum import StrEnum
from typing import TypeVar

State = TypeVar("State", bound=StrEnum)
Event = TypeVar("Event", bound=StrEnum)


class NotPossible(Exception):  # noqa: N818 - reads as a word of the domain
    """The event cannot happen to this thing (`a fetch`) in this state; all are named."""

    def __init__(self, thing: str, state: StrEnum, event: StrEnum) -> None:
        super().__init__(f"To {thing} that is {state} there cannot happen: {event}.")
        self.state = state
        self.event = event


def after(table: Mapping[tuple[State, Event], State], state: State, event: Event, *, thing: str) -> State:
    """Return the state that follows. Raises NotPossible."""
    try:
        return table[state, event]
    except KeyError:
        raise NotPossible(thing, state, event) from None
