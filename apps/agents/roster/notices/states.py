"""The life of a delivery, and what to do with one that is found unfinished, as plain values. No database, no clock."""

from enum import StrEnum

from meshsix.kit import moves


class ChannelName(StrEnum):
    """By which way a notice reaches people."""

    SLACK = "slack"
    DISCORD = "discord"
    NTFY = "ntfy"
    CONSOLE = "console"


class Severity(StrEnum):
    """How much a notice matters."""

    INFO = "info"
    WARNING = "warning"
    ERROR = "error"
    CRITICAL = "critical"


class DeliveryState(StrEnum):
    """Where a delivery stands."""

    SENDING = "sending"
    """Written before the call; it is on its way, or whoever sent it died and nobody knows."""
    SENT = "sent"
    """The vendor took it, or it was found there."""
    NOT_SENT = "not-sent"
    """The vendor clearly did not take it."""
    UNKNOWN = "unknown"
    """It may have arrived, cannot be looked for, and is not sent again."""


class DeliveryEvent(StrEnum):
    """What happens to a delivery."""

    ACCEPT = "accept"
    """The vendor took it, or it was found there."""
    DECLINE = "decline"
    """The vendor said no, or was not reached."""
    BEGIN = "begin"
    """It is sent anew after it was not taken."""
    LOOK = "look"
    """Found unfinished: the channel is read, and where it is not there it is sent under the same key."""
    REPEAT = "repeat"
    """Found unfinished, and critical: it is sent once more, marked as a repeat."""
    GIVE_UP = "give-up"
    """Found unfinished, and it is not sent again."""


TRANSITIONS: dict[tuple[DeliveryState, DeliveryEvent], DeliveryState] = {
    (DeliveryState.SENDING, DeliveryEvent.ACCEPT): DeliveryState.SENT,
    (DeliveryState.SENDING, DeliveryEvent.DECLINE): DeliveryState.NOT_SENT,
    (DeliveryState.SENDING, DeliveryEvent.LOOK): DeliveryState.SENDING,
    (DeliveryState.SENDING, DeliveryEvent.REPEAT): DeliveryState.SENDING,
    (DeliveryState.SENDING, DeliveryEvent.GIVE_UP): DeliveryState.UNKNOWN,
    (DeliveryState.NOT_SENT, DeliveryEvent.BEGIN): DeliveryState.SENDING,
}


def after(state: DeliveryState, event: DeliveryEvent) -> DeliveryState:
    """Return the state that follows. Raises NotPossible."""
    return moves.after(TRANSITIONS, state, event, thing="a delivery")


def on_finding(channel: ChannelName, severity: Severity, *, repeated: bool) -> DeliveryEvent:
    """Return what to do with a delivery that was on its way when its sender died.

    ntfy is read back and replaced in place; a chat can do neither, so only what is critical is sent there once more.
    The console writes with its own record, so it is safe to write again.
    """
    if channel in {ChannelName.NTFY, ChannelName.CONSOLE}:
        return DeliveryEvent.LOOK
    if severity is Severity.CRITICAL and not repeated:
        return DeliveryEvent.REPEAT
    return DeliveryEvent.GIVE_UP
