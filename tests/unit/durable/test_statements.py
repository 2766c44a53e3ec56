"""The states that stand as words in statements are those of the tables."""

import re

import pytest

from meshsix.durable import statements
from meshsix.durable.states import OPEN_RUNS, RunState, StepState

_WORD = re.compile(r"'([a-z]+)'")
_KNOWN = {*map(str, StepState), *map(str, RunState), "steps", "workflow", "step", "phase", "attempt"}


def test_the_open_runs_are_the_unfinished_ones() -> None:
    assert sorted(_WORD.findall(statements.OPEN)) == sorted(map(str, OPEN_RUNS))


@pytest.mark.parametrize(
    "name", ["CREATE", "TAKE", "TAKE_AND_TELL", "FINISH", "FINISH_ASKING", "END_AND_TAKE", "END_RUN"]
)
def test_each_word_in_a_statement_is_a_known_state(name: str) -> None:
    assert set(_WORD.findall(getattr(statements, name))) <= _KNOWN
