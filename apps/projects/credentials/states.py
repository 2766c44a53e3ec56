"""The life of a sign-in, as plain values. No database, no clock."""

from enum import StrEnum


class LoginState(StrEnum):
    """Where a sign-in stands."""

    WAITING = "waiting_code"
    EXCHANGING = "exchanging"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    DECLINED = "declined"
    EXPIRED = "expired"
    REPLACED = "replaced"
    CANCELLED = "cancelled"


class LoginEvent(StrEnum):
    """What can happen to a sign-in."""

    SUBMITTED = "submitted"
    REFUSED = "refused"
    STORED = "stored"
    GAVE_UP = "gave_up"
    DECLINED = "declined"
    RAN_OUT = "ran_out"
    REPLACED = "replaced"
    CANCELLED = "cancelled"


MEANING: dict[LoginState, str] = {
    LoginState.WAITING: "A person has a link and is expected to come back with a code or a token.",
    LoginState.EXCHANGING: "The answer lies in Vault; the platform exchanges, stores and proves it.",
    LoginState.SUCCEEDED: "The credential is stored and active.",
    LoginState.FAILED: "The provider refused too often, or refuses the platform itself.",
    LoginState.DECLINED: "A person said no.",
    LoginState.EXPIRED: "Nobody came back in time.",
    LoginState.REPLACED: "A newer sign-in of the same project took its place.",
    LoginState.CANCELLED: "The run that asked for it was cancelled.",
}

OPEN = (LoginState.WAITING, LoginState.EXCHANGING)

TRANSITIONS: dict[tuple[LoginState, LoginEvent], LoginState] = {
    (LoginState.WAITING, LoginEvent.SUBMITTED): LoginState.EXCHANGING,
    (LoginState.WAITING, LoginEvent.DECLINED): LoginState.DECLINED,
    (LoginState.WAITING, LoginEvent.RAN_OUT): LoginState.EXPIRED,
    (LoginState.WAITING, LoginEvent.GAVE_UP): LoginState.FAILED,
    (LoginState.WAITING, LoginEvent.REPLACED): LoginState.REPLACED,
    (LoginState.WAITING, LoginEvent.CANCELLED): LoginState.CANCELLED,
    (LoginState.EXCHANGING, LoginEvent.REFUSED): LoginState.WAITING,
    (LoginState.EXCHANGING, LoginEvent.STORED): LoginState.SUCCEEDED,
    (LoginState.EXCHANGING, LoginEvent.GAVE_UP): LoginState.FAILED,
    (LoginState.EXCHANGING, LoginEvent.REPLACED): LoginState.REPLACED,
    (LoginState.EXCHANGING, LoginEvent.CANCELLED): LoginState.CANCELLED,
}


class NotPossible(Exception):  # noqa: N818 - reads as a word of the domain
    """What was asked for cannot happen to a sign-in in this state."""

    def __init__(self, state: LoginState, event: LoginEvent) -> None:
        super().__init__(f"A sign-in that is {state} cannot be {event}: {MEANING[state]}")
        self.state = state
        self.event = event


def after(state: LoginState, event: LoginEvent) -> LoginState:
    """Return the state that follows. Raises NotPossible for a pair that the table does not have."""
    try:
        return TRANSITIONS[state, event]
    except KeyError as error:
        raise NotPossible(state, event) from error
