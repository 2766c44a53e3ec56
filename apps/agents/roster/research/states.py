"""The life of a fetch, as plain values. No database, no clock."""

from enum import StrEnum

from meshsix.kit import moves


class FetchState(StrEnum):
    """Where a fetch stands."""

    BEGUN = "begun"
    """Written before the call; it is on its way, or whoever made it died."""
    FETCHED = "fetched"
    """Its documents are stored."""
    FAILED = "failed"
    """It could not be read; the note says why."""
    AWAY = "away"
    """Whoever was asked could not answer now, as the note says; a later attempt of the task asks once more."""
    INTERRUPTED = "interrupted"
    """Found unfinished: it may have been answered, and is not made a second time."""


class FetchEvent(StrEnum):
    """What happens to a fetch."""

    BROUGHT = "brought"
    """The fetcher brought documents, or found none."""
    DECLINED = "declined"
    """The fetcher could not read it."""
    PUT_OFF = "put-off"
    """The fetcher could not read it now."""
    ASKED_AGAIN = "asked-again"
    """A later attempt of the task asks once more."""
    FOUND_UNFINISHED = "found-unfinished"
    """Whoever goes on after a kill finds it on its way."""


TRANSITIONS: dict[tuple[FetchState, FetchEvent], FetchState] = {
    (FetchState.BEGUN, FetchEvent.BROUGHT): FetchState.FETCHED,
    (FetchState.BEGUN, FetchEvent.DECLINED): FetchState.FAILED,
    (FetchState.BEGUN, FetchEvent.PUT_OFF): FetchState.AWAY,
    (FetchState.AWAY, FetchEvent.ASKED_AGAIN): FetchState.BEGUN,
    (FetchState.BEGUN, FetchEvent.FOUND_UNFINISHED): FetchState.INTERRUPTED,
}


def after(state: FetchState, event: FetchEvent) -> FetchState:
    """Return the state that follows. Raises NotPossible."""
    return moves.after(TRANSITIONS, state, event, thing="a fetch")
