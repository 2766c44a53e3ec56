"""The lives of a gap and of an alert: every pair of state and event."""

from itertools import product

import pytest

from apps.webhooks.repair.catalog import ALERTS
from apps.webhooks.repair.states import (
    ALERT_TRANSITIONS,
    GAP_TRANSITIONS,
    OPEN_ALERTS,
    OPEN_GAPS,
    AlertEvent,
    AlertKind,
    AlertState,
    GapEvent,
    GapState,
    NotPossible,
    after,
    sources,
    target,
)


@pytest.mark.parametrize(("state", "event"), list(product(GapState, GapEvent)))
def test_a_gap_moves_as_its_table_says_and_refuses_all_else(state: GapState, event: GapEvent) -> None:
    if (state, event) in GAP_TRANSITIONS:
        assert after(GAP_TRANSITIONS, state, event) is GAP_TRANSITIONS[state, event]
        return
    with pytest.raises(NotPossible, match=f"{state} takes no {event}"):
        after(GAP_TRANSITIONS, state, event)


@pytest.mark.parametrize(("state", "event"), list(product(AlertState, AlertEvent)))
def test_an_alert_moves_as_its_table_says_and_refuses_all_else(state: AlertState, event: AlertEvent) -> None:
    if (state, event) in ALERT_TRANSITIONS:
        assert after(ALERT_TRANSITIONS, state, event) is ALERT_TRANSITIONS[state, event]
        return
    with pytest.raises(NotPossible) as refused:
        after(ALERT_TRANSITIONS, state, event)
    assert (refused.value.state, refused.value.event) == (state, event)


def test_each_event_leads_to_one_state_so_that_one_update_can_do_it() -> None:
    for gap in GapEvent:
        assert {GAP_TRANSITIONS[s, gap] for s in sources(GAP_TRANSITIONS, gap)} == {target(GAP_TRANSITIONS, gap)}
    for alert in AlertEvent:
        leads_to = {ALERT_TRANSITIONS[s, alert] for s in sources(ALERT_TRANSITIONS, alert)}
        assert leads_to == {target(ALERT_TRANSITIONS, alert)}


def test_what_is_found_or_cleared_stays_so() -> None:
    assert not [state for state, _ in GAP_TRANSITIONS if state is GapState.FOUND]
    assert not [state for state, _ in ALERT_TRANSITIONS if state is AlertState.CLEARED]


def test_whatever_is_open_can_end_and_be_ended_well() -> None:
    assert set(OPEN_GAPS) <= set(sources(GAP_TRANSITIONS, GapEvent.ARRIVE))
    assert set(OPEN_GAPS) == set(sources(GAP_TRANSITIONS, GapEvent.GIVE_UP))
    assert set(OPEN_ALERTS) == set(sources(ALERT_TRANSITIONS, AlertEvent.CLEAR))


def test_every_trouble_has_words_that_say_what_to_do() -> None:
    assert set(ALERTS) == set(AlertKind)
    assert all(words.means and words.hint for words in ALERTS.values())
