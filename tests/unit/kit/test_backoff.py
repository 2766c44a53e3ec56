"""Pauses between attempts."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshsix.kit.backoff import Backoff

BACKOFF = Backoff(attempts=6, first=timedelta(seconds=2), most=timedelta(minutes=2))


@pytest.mark.parametrize(("attempt", "seconds"), [(1, 2), (2, 4), (3, 8), (4, 16), (5, 32)])
def test_each_pause_is_twice_as_long(attempt: int, seconds: int) -> None:
    assert BACKOFF.pause(attempt, chance=0) == timedelta(seconds=seconds / 2)
    longest = BACKOFF.pause(attempt, chance=0.999999)
    assert longest is not None
    assert timedelta(seconds=seconds * 0.99) < longest <= timedelta(seconds=seconds)


@pytest.mark.parametrize("attempt", [6, 7, 1000])
def test_the_last_attempt_is_the_last(attempt: int) -> None:
    assert BACKOFF.pause(attempt, chance=0.5) is None


@given(
    st.integers(1, 10**9), st.floats(0, 1, exclude_max=True), st.integers(1, 10**6), st.integers(1, 10**6)
)  # fmt: skip
def test_a_pause_is_never_nothing_and_never_above_the_cap(attempt: int, chance: float, first: int, most: int) -> None:
    backoff = Backoff(attempts=10**9 + 1, first=timedelta(seconds=first), most=timedelta(seconds=most))
    pause = backoff.pause(attempt, chance=chance)
    assert pause is not None
    assert timedelta() < pause <= backoff.most
