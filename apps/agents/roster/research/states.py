"""The life of a fetch, as plain values. No database, no clock."""

from enum import StrEnum


class FetchState(StrEnum):
    """Where a fetch stands."""

    BEGUN = "begun"
    """Written before the call; it is on its way, or whoever made it died."""
    FETCHED = "fetched"
    """Its documents are stored."""
    FAILED = "failed"
    """It could not be read; the note says why."""
    INTERRUPTED = "interrupted"
    """Found unfinished: it may have been answered, and is not made a second time."""


class FetchEvent(StrEnum):
    """What happens to a fetch."""

    BROUGHT = "brought"
    """The fetcher brought documents, or found none."""
    DECLINED = "declined"
    """The fetcher could not read it."""
    FOUND_UNFINISHED = "found-unfinished"
    """Whoever goes on after a kill finds it on its way."""


TRANSITIONS: dict[tuple[FetchState, FetchEvent], FetchState] = {
    (FetchState.BEGUN, FetchEvent.BROUGHT): FetchState.FETCHED,
    (FetchState.BEGUN, FetchEvent.DECLINED): FetchState.FAILED,
    (FetchState.BEGUN, FetchEvent.FOUND_UNFINISHED): FetchState.INTERRUPTED,
}


class NotPossible(Exception):  # noqa: N818 - reads as a word of the domain
    """The event cannot happen to a fetch in this state; both are named."""

    def __init__(self, state: FetchState, event: FetchEvent) -> None:
        super().__init__(f"A fetch that is {state} cannot be {event}.")
        self.state = state
        self.event = event


def after(state: FetchState, event: FetchEvent) -> FetchState:
    """Return the state that follows. Raises NotPossible."""
    try:
        return TRANSITIONS[state, event]
    except KeyError:
        raise NotPossible(state, event) from None
