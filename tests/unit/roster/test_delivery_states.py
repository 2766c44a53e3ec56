"""Deliveries: every pair of state and event, and what is done with one that is found unfinished."""

from itertools import product

import pytest

from apps.agents.roster.notices.states import (
    TRANSITIONS,
    ChannelName,
    DeliveryEvent,
    DeliveryState,
    Severity,
    after,
    on_finding,
)
from meshsix.kit.moves import NotPossible


@pytest.mark.parametrize(("state", "event"), list(product(DeliveryState, DeliveryEvent)))
def test_every_pair_has_its_state_or_is_refused_by_name(state: DeliveryState, event: DeliveryEvent) -> None:
    if (state, event) in TRANSITIONS:
        assert after(state, event) is TRANSITIONS[state, event]
        return
    with pytest.raises(NotPossible, match=rf"is {state} .* happen: {event}"):
        after(state, event)


def test_what_was_sent_stays_sent() -> None:
    assert not [event for state, event in TRANSITIONS if state in {DeliveryState.SENT, DeliveryState.UNKNOWN}]


@pytest.mark.parametrize(
    ("channel", "severity", "repeated", "meant"),
    [
        (ChannelName.NTFY, Severity.INFO, False, DeliveryEvent.LOOK),
        (ChannelName.NTFY, Severity.CRITICAL, True, DeliveryEvent.LOOK),
        (ChannelName.CONSOLE, Severity.INFO, False, DeliveryEvent.LOOK),
        (ChannelName.SLACK, Severity.ERROR, False, DeliveryEvent.GIVE_UP),
        (ChannelName.SLACK, Severity.CRITICAL, False, DeliveryEvent.REPEAT),
        (ChannelName.DISCORD, Severity.CRITICAL, True, DeliveryEvent.GIVE_UP),
    ],
)
def test_only_what_is_critical_is_sent_to_a_chat_again_and_only_once(
    channel: ChannelName, severity: Severity, *, repeated: bool, meant: DeliveryEvent
) -> None:
    event = on_finding(channel, severity, repeated=repeated)
    assert event is meant
    after(DeliveryState.SENDING, event)
