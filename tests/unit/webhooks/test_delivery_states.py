"""The life of a delivery, over all pairs of state and event."""

import pytest

from apps.webhooks.states import OPEN, SETTLED, TRANSITIONS, DeliveryEvent, DeliveryState, WrongState, after

ENDS = {
    DeliveryEvent.DID: DeliveryState.HANDLED,
    DeliveryEvent.IGNORED: DeliveryState.IGNORED,
    DeliveryEvent.KNEW: DeliveryState.DUPLICATE,
    DeliveryEvent.RAISED: DeliveryState.FAILED,
    DeliveryEvent.GAVE_UP: DeliveryState.DEAD,
}


def expected(state: DeliveryState, event: DeliveryEvent) -> DeliveryState | None:
    """Say in words what the table says in rows: only what is open ends, only what has been tried is replayed."""
    if event is DeliveryEvent.REPLAYED:
        return None if state is DeliveryState.RECEIVED else DeliveryState.RECEIVED
    if state not in OPEN:
        return None
    return state if event is DeliveryEvent.WAITS else ENDS[event]


@pytest.mark.parametrize("event", DeliveryEvent)
@pytest.mark.parametrize("state", DeliveryState)
def test_every_pair_has_one_next_state_or_is_refused(state: DeliveryState, event: DeliveryEvent) -> None:
    wanted = expected(state, event)
    if wanted is None:
        with pytest.raises(WrongState, match=f"{state}.*{event}"):
            after(state, event)
    else:
        assert after(state, event) is wanted


def test_every_state_is_open_or_settled_and_can_be_reached() -> None:
    assert set(OPEN) | set(SETTLED) == set(DeliveryState)
    assert set(TRANSITIONS.values()) == set(DeliveryState)
