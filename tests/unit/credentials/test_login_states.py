"""The life of a sign-in: every pair of state and event, and what people paste."""

import pytest

from apps.projects.credentials.logins import BadCode, parse_paste
from apps.projects.credentials.states import (
    MEANING,
    OPEN,
    TRANSITIONS,
    LoginEvent,
    LoginState,
    NotPossible,
    after,
)


@pytest.mark.parametrize("state", list(LoginState))
@pytest.mark.parametrize("event", list(LoginEvent))
def test_every_pair_is_in_the_table_or_is_refused_by_name(state: LoginState, event: LoginEvent) -> None:
    if (state, event) in TRANSITIONS:
        assert after(state, event) is TRANSITIONS[state, event]
        return
    with pytest.raises(NotPossible) as refused:
        after(state, event)
    assert (refused.value.state, refused.value.event) == (state, event)


def test_what_is_over_stays_over_and_every_state_has_a_sentence() -> None:
    assert {state for state, _ in TRANSITIONS} == set(OPEN)
    assert set(MEANING) == set(LoginState)
    assert set(TRANSITIONS.values()) | {LoginState.WAITING} == set(LoginState)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("codecode#statestate", ("codecode", "statestate")),
        ("  codecode#statestate\n", ("codecode", "statestate")),
        ("https://x.example.org/cb?code=codecode&state=statestate", ("codecode", "statestate")),
    ],
)
def test_code_and_state_are_read(text: str, expected: tuple[str, str]) -> None:
    assert parse_paste(text) == expected


@pytest.mark.parametrize(
    "text", ["", "#", "codecode", "codecode#", "#statestate", "code code#statestate", "a#b", "x" * 5000 + "#statestate"]
)
def test_what_cannot_be_right_is_told(text: str) -> None:
    with pytest.raises(BadCode, match="whole code"):
        parse_paste(text)
