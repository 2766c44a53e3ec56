"""Why the stack cannot start, in words for the person at the terminal."""

from pathlib import Path

_LAST_LINES = 15


class CannotStart(Exception):  # noqa: N818 - reads as a sentence where it is raised
    """Something on this machine stands in the way; the hint says what to do about it."""

    def __init__(self, problem: str, *, hint: str) -> None:
        super().__init__(f"{problem}\n{hint}")
        self.problem = problem
        self.hint = hint


def last_lines(log: Path) -> str:
    """Return the end of a log, indented, or a word that there is none."""
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()[-_LAST_LINES:]
    except OSError:
        lines = []
    return "\n".join(f"    {line}" for line in lines) or "    (nothing was logged)"
