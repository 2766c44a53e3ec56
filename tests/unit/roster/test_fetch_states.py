"""Fetches: every pair of state and event; and the graph of deep research fits together."""

from itertools import product

import pytest

from apps.agents.roster.research.states import TRANSITIONS, FetchEvent, FetchState, after
from apps.agents.roster.workflow import DEEP_RESEARCH
from meshsix.durable import checks, plan
from meshsix.kit.moves import NotPossible


@pytest.mark.parametrize(("state", "event"), list(product(FetchState, FetchEvent)))
def test_every_pair_has_its_state_or_is_refused_by_name(state: FetchState, event: FetchEvent) -> None:
    if (state, event) in TRANSITIONS:
        assert after(state, event) is TRANSITIONS[state, event]
        return
    with pytest.raises(NotPossible, match=rf"is {state} .* happen: {event}"):
        after(state, event)


def test_nothing_that_ended_is_begun_again_but_what_could_not_be_answered_then() -> None:
    again = {pair: state for pair, state in TRANSITIONS.items() if pair[0] is not FetchState.BEGUN}
    assert again == {(FetchState.AWAY, FetchEvent.ASKED_AGAIN): FetchState.BEGUN}
    assert [pair for pair, state in TRANSITIONS.items() if state is FetchState.BEGUN] == list(again)


def test_the_rounds_follow_one_another() -> None:
    checks.check(DEEP_RESEARCH)
    names = [step.name for phase in DEEP_RESEARCH.phases for step in plan.all_steps(phase.stretch)]
    rounds = [f"{name}_{number}" for number in (1, 2, 3) for name in ("fetch", "read", "assess")]
    assert names == ["begin", "plan", *rounds, "write"]
