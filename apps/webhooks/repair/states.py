"""The life of a gap and of an alert, as plain values. No database, no clock."""

from enum import StrEnum
from typing import TypeVar


class GapState(StrEnum):
    """Where a delivery stands that GitHub made and that we do not have."""

    MISSING = "missing"
    """Found in GitHub's list, not among ours; to be asked for when due."""
    ASKED = "asked"
    """GitHub was asked to deliver it again; asked again when due."""
    FOUND = "found"
    """It came in."""
    GIVEN_UP = "given-up"
    """Asked for as often as makes sense, or GitHub keeps it no longer; the reason says which."""


class GapEvent(StrEnum):
    """What happens to a gap."""

    ASK = "ask"
    """GitHub is about to be asked to deliver it again."""
    PUT_OFF = "put-off"
    """GitHub was not asked after all: it wants us to wait."""
    ARRIVE = "arrive"
    """The delivery was stored."""
    GIVE_UP = "give-up"
    """Nothing more is to be tried."""
    REOPEN = "reopen"
    """A person, or the repair of its hook, lets the tries begin anew."""


class AlertKind(StrEnum):
    """What is wrong with a hook."""

    DELETED = "deleted"
    """GitHub does not have it any more."""
    DISABLED = "disabled"
    """It is there but switched off."""
    READDRESSED = "readdressed"
    """It sends to another address, or in a form that we do not take."""
    BAD_SIGNATURES = "bad-signatures"
    """What it sends is signed with a secret that is not ours, several times in a row."""


class AlertState(StrEnum):
    """Where an alert stands: one row an episode."""

    RAISED = "raised"
    """Seen; nobody was told yet."""
    TOLD = "told"
    """People were told, once."""
    CLEARED = "cleared"
    """The hook is well again; a new trouble is a new alert."""


class AlertEvent(StrEnum):
    """What happens to an alert."""

    TELL = "tell"
    CLEAR = "clear"


OPEN_GAPS = (GapState.MISSING, GapState.ASKED)
OPEN_ALERTS = (AlertState.RAISED, AlertState.TOLD)

GAP_TRANSITIONS: dict[tuple[GapState, GapEvent], GapState] = {
    (GapState.MISSING, GapEvent.ASK): GapState.ASKED,
    (GapState.MISSING, GapEvent.ARRIVE): GapState.FOUND,
    (GapState.MISSING, GapEvent.GIVE_UP): GapState.GIVEN_UP,
    (GapState.ASKED, GapEvent.ASK): GapState.ASKED,
    (GapState.ASKED, GapEvent.PUT_OFF): GapState.MISSING,
    (GapState.ASKED, GapEvent.ARRIVE): GapState.FOUND,
    (GapState.ASKED, GapEvent.GIVE_UP): GapState.GIVEN_UP,
    (GapState.GIVEN_UP, GapEvent.ARRIVE): GapState.FOUND,
    (GapState.GIVEN_UP, GapEvent.REOPEN): GapState.MISSING,
}
ALERT_TRANSITIONS: dict[tuple[AlertState, AlertEvent], AlertState] = {
    (AlertState.RAISED, AlertEvent.TELL): AlertState.TOLD,
    (AlertState.RAISED, AlertEvent.CLEAR): AlertState.CLEARED,
    (AlertState.TOLD, AlertEvent.CLEAR): AlertState.CLEARED,
}

State = TypeVar("State", GapState, AlertState)
Event = TypeVar("Event", GapEvent, AlertEvent)


class NotPossible(Exception):  # noqa: N818 - reads as a word of the domain
    """The event cannot happen in this state; both are named."""

    def __init__(self, state: GapState | AlertState, event: GapEvent | AlertEvent) -> None:
        super().__init__(f"What is {state} takes no {event}.")
        self.state = state
        self.event = event


def after(table: dict[tuple[State, Event], State], state: State, event: Event) -> State:
    """Return the state that follows. Raises NotPossible for a pair that the table does not have."""
    try:
        return table[state, event]
    except KeyError:
        raise NotPossible(state, event) from None


def sources(table: dict[tuple[State, Event], State], event: Event) -> list[State]:
    """Return the states in which `event` can happen, for a compare-and-set."""
    return [state for state, happens in table if happens is event]


def target(table: dict[tuple[State, Event], State], event: Event) -> State:
    """Return the one state to which `event` leads, from wherever, for a compare-and-set."""
    return next(state for (_, happens), state in table.items() if happens is event)
