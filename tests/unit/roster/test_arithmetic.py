"""Sums of people: exact where they are whole, refused where they are no sums."""

import pytest

from apps.agents.llm.tools import ToolFailed
from apps.agents.roster import arithmetic
from apps.agents.roster.services.simple_agent import calculate, current_time
from meshsix.kit import clock


@pytest.mark.parametrize(
    ("expression", "result"),
    [
        ("2+2", "4"),
        ("0.1 + 0.2", "0.3"),
        ("1/3", "0.333333333333333"),
        ("(2 + 3) * 4.5", "22.5"),
        ("2 ** 100", str(2**100)),
        ("2 ** -2", "0.25"),
        ("-7 // 2", "-4"),
        ("7 % 4", "3"),
        ("1e5", "100000"),
        ("1_000 * 2", "2000"),
        ("-" * 199 + "1", "-1"),
        ("+5", "5"),
    ],
)
def test_a_sum_is_reckoned_exactly(expression: str, result: str) -> None:
    assert arithmetic.reckon(expression) == result


@pytest.mark.parametrize(
    ("expression", "why"),
    [
        ("9**9**9", "too large"),
        ("1e9999", "too large"),
        ("*".join(["10**400"] * 5), "too large"),
        ("1/0", "zero"),
        ("0 ** -1", "zero"),
        ("2 ** 0.5", "whole"),
        ("__import__('os')", "only numbers"),
        ("(1).real", "only numbers"),
        ("True + 1", "only numbers"),
        ("'a' * 9", "only numbers"),
        ("1j", "only numbers"),
        ("0x10", "decimal"),
        ("2 * (3", "write numbers"),
        ("", "write numbers"),
        ("1\x00", "write numbers"),
        ("1" * 201, "at most 200"),
    ],
)
def test_what_is_no_sum_is_told_to_the_model(expression: str, why: str) -> None:
    with pytest.raises(ToolFailed, match=why):
        calculate(expression)


def test_the_time_is_told_in_a_zone() -> None:
    now = clock.now()
    assert f"{now.year}" in current_time()
    assert current_time("Asia/Tokyo").endswith("(UTC+0900)")


@pytest.mark.parametrize("zone", ["Mars", "../etc/passwd", "", "Europe"])
def test_an_unknown_zone_is_told_to_the_model(zone: str) -> None:
    with pytest.raises(ToolFailed, match="IANA"):
        current_time(zone)
