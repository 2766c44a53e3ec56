"""The life of a delivery, as plain values. No database, no clock."""

from enum import StrEnum


class DeliveryState(StrEnum):
    """Where a delivery stands. A repeated one gets no row: the door says `duplicate`."""

    RECEIVED = "received"
    """Stored; nobody has looked at it yet."""
    HANDLED = "handled"
    """What it says has been done."""
    IGNORED = "ignored"
    """Nothing is to be done; the reason says why."""
    FAILED = "failed"
    """Handling raised an error; it is tried again when due."""
    DEAD = "dead"
    """Given up after too many attempts; a person may replay it."""


OPEN = (DeliveryState.RECEIVED, DeliveryState.FAILED)
"""States in which handling is still to come."""
