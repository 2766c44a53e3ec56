"""How long an agent is left alone after an attempt that failed."""

from datetime import timedelta

import pytest

from apps.agents.registry.services.ending import pause_after

NEARLY_ONE = 1 - 2**-53


@pytest.mark.parametrize(("attempt", "seconds"), [(1, 2), (2, 4), (3, 8), (5, 32), (6, 60), (7, 60), (1000, 60)])
def test_the_limit_doubles_up_to_the_cap_and_the_pause_is_anything_below_it(attempt: int, seconds: float) -> None:
    pauses = [pause_after(attempt, None, asked_for=None, chance=chance) for chance in (0, 0.25, 0.5, NEARLY_ONE)]
    wanted = [timedelta(seconds=seconds * share) for share in (0, 0.25, 0.5, 1)]
    assert pauses == wanted


@pytest.mark.parametrize(
    ("backoff", "attempt", "seconds"),
    [
        ({"first_seconds": 10.0, "most_seconds": 25.0}, 1, 10),
        ({"first_seconds": 10.0, "most_seconds": 25.0}, 2, 20),
        ({"first_seconds": 10.0, "most_seconds": 25.0}, 3, 25),
        ({"first_seconds": 10.0}, 4, 60),
        ({"most_seconds": 3.0}, 2, 3),
    ],
)
def test_a_task_may_have_limits_of_its_own(backoff: dict[str, float], attempt: int, seconds: float) -> None:
    assert pause_after(attempt, backoff, asked_for=None, chance=0.5) == timedelta(seconds=seconds / 2)


def test_what_the_agent_asks_for_is_the_least() -> None:
    asked_for = timedelta(seconds=3)
    assert pause_after(2, None, asked_for=asked_for, chance=0.5) == asked_for
    assert pause_after(2, None, asked_for=asked_for, chance=0.9) == timedelta(seconds=3.6)
