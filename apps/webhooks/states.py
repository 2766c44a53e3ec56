"""The life of a delivery, as plain values. No database, no clock."""

from enum import StrEnum


class DeliveryState(StrEnum):
    """Where a delivery stands. One that a hook sends twice gets no second row: the door says `duplicate`."""

    RECEIVED = "received"
    """Stored; its handling is to come, or waits for GitHub."""
    HANDLED = "handled"
    """What it says has been done."""
    IGNORED = "ignored"
    """Nothing is to be done; the reason says why."""
    DUPLICATE = "duplicate"
    """All that it says was known: another hook, another delivery or a poll had told it before."""
    FAILED = "failed"
    """Handling raised an error; it is tried again when due."""
    DEAD = "dead"
    """Given up; a person may replay it."""


class DeliveryEvent(StrEnum):
    """What can happen to a delivery."""

    DID = "did"
    """A handler did what it says."""
    IGNORED = "ignored"
    """There was nothing to do."""
    KNEW = "knew"
    """A handler found that all of it had been told before."""
    WAITS = "waits"
    """GitHub asked us to come back later: no attempt is counted."""
    RAISED = "raised"
    """Handling raised an error, and an attempt is left."""
    GAVE_UP = "gave-up"
    """Handling raised an error that no further attempt will mend, or the last attempt raised one."""
    REPLAYED = "replayed"
    """Somebody asked for it to be handled once more."""


OPEN = (DeliveryState.RECEIVED, DeliveryState.FAILED)
"""States in which handling is still to come."""
SETTLED = (DeliveryState.HANDLED, DeliveryState.IGNORED, DeliveryState.DUPLICATE, DeliveryState.DEAD)
"""States in which nothing more happens by itself."""
RARE = (DeliveryState.FAILED, DeliveryState.DEAD, DeliveryState.DUPLICATE)
"""States that few deliveries have and people look for."""

_ENDS = {
    DeliveryEvent.DID: DeliveryState.HANDLED,
    DeliveryEvent.IGNORED: DeliveryState.IGNORED,
    DeliveryEvent.KNEW: DeliveryState.DUPLICATE,
    DeliveryEvent.RAISED: DeliveryState.FAILED,
    DeliveryEvent.GAVE_UP: DeliveryState.DEAD,
}
TRANSITIONS: dict[tuple[DeliveryState, DeliveryEvent], DeliveryState] = {
    **{(state, event): end for state in OPEN for event, end in _ENDS.items()},
    (DeliveryState.RECEIVED, DeliveryEvent.WAITS): DeliveryState.RECEIVED,
    (DeliveryState.FAILED, DeliveryEvent.WAITS): DeliveryState.FAILED,
    (DeliveryState.FAILED, DeliveryEvent.REPLAYED): DeliveryState.RECEIVED,
    **{(state, DeliveryEvent.REPLAYED): DeliveryState.RECEIVED for state in SETTLED},
}


class WrongState(Exception):  # noqa: N818 - reads as a word of the domain
    """The event does not fit the state; the message names both."""


def after(state: DeliveryState, event: DeliveryEvent) -> DeliveryState:
    """Return the state after `event`. Raises WrongState."""
    try:
        return TRANSITIONS[state, event]
    except KeyError as error:
        raise WrongState(f"A delivery that is {state} cannot take: {event}.") from error
