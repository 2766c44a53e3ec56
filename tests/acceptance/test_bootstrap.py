"""The first command of a new user: the environment, made with whatever is there."""

import subprocess
import sys
from pathlib import Path

from tests.servers import plain_environment
from tests.tree import BASE

_OLD_PYTHON = """
import runpy, sys
sys.version_info = (3, 9, 1)
sys.argv = ["bootstrap.py", "requirements-local.txt"]
runpy.run_path("deploy/local/bootstrap.py", run_name="__main__")
"""


def test_an_old_python_is_told_which_one_is_needed(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _OLD_PYTHON],
        cwd=BASE,
        env=plain_environment() | {"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "needs Python 3.11 or newer" in done.stderr
    assert "apt-get install python3.11" in done.stderr


def test_a_missing_tool_is_named_with_the_command_that_installs_it(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "deploy.local.tools", "chromium", "tmux"],
        cwd=BASE,
        env=plain_environment() | {"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "sudo apt-get install chromium tmux" in done.stderr


def test_every_word_of_the_makefile_is_there() -> None:
    text = (BASE / "Makefile").read_text(encoding="utf-8")
    for word in ("demo", "up", "down", "test", "check", "lint", "bench", "chaos", "pins"):
        assert f"\n{word}:" in text
    assert "index-url" not in (BASE / "requirements-dev.txt").read_text(encoding="utf-8")
