"""What a launcher does about parts that die."""

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from deploy.local.children import Child
from deploy.local.errors import CannotStart
from deploy.local.options import Options
from deploy.local.stack import Stack
from deploy.local.watch import keep_running

_STARTS = 6
"""The first one, and one for each death that is allowed."""


def part(stack: Stack, name: str, script: str) -> None:
    """Start a part of the stack that runs this script."""
    place = stack.place
    made = Child(name=name, command=["sh", "-c", script], log=place.log(name), pid_file=place.pid_file(name))
    stack.children[name] = made
    made.start()


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    made = Stack(Options(data=tmp_path / "data", environ={}))
    made.place.make()
    yield made
    for child in made.children.values():
        child.kill()


def test_agents_that_cannot_start_are_given_up_and_all_else_goes_on(stack: Stack, tmp_path: Path) -> None:
    starts = tmp_path / "starts"
    starts.touch()
    part(stack, "beat-1", f"while [ $(wc -l < {starts}) -lt {_STARTS} ]; do sleep 0.1; done; sleep 0.5; exit 4")
    part(stack, "agents", f"echo started >> {starts}; exit 3")
    told = io.StringIO()
    with pytest.raises(CannotStart, match="beat-1 keeps dying"):
        keep_running(stack, Console(file=told, width=500))
    assert len(starts.read_text().splitlines()) == _STARTS
    assert told.getvalue().count("agents ended with code 3; starting it again") == _STARTS - 1
    assert told.getvalue().count("agents keeps dying; going on without it") == 1
