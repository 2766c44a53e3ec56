"""The tree as the architecture tests read it: every file of the repository, each Python file parsed once."""

import ast
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

BASE = Path(__file__).resolve().parents[1]


@dataclass(frozen=True, kw_only=True)
class Source:
    """One Python file."""

    path: str
    text: str
    tree: ast.Module


@cache
def files() -> tuple[str, ...]:
    """Return the paths of all files that belong to the repository, committed or about to be."""
    words = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(words, cwd=BASE, capture_output=True, text=True, check=True).stdout.splitlines()
    return tuple(sorted(path for path in listed if (BASE / path).is_file()))


@cache
def sources() -> tuple[Source, ...]:
    """Return every Python file, but for migrations, which Django writes."""
    paths = [path for path in files() if path.endswith(".py") and "/migrations/" not in path]
    texts = {path: (BASE / path).read_text(encoding="utf-8") for path in paths}
    return tuple(Source(path=path, text=text, tree=_parsed(text)) for path, text in texts.items())


def _parsed(text: str) -> ast.Module:
    """Return the tree of a file.

    Python 3.11 may count wrong while another thread parses too, as it does to write a traceback; then once more.
    https://github.com/python/cpython/issues/106905
    """
    try:
        return ast.parse(text)
    except SystemError:
        return ast.parse(text)


def texts() -> dict[str, str]:
    """Return the content of every file that is text."""
    found = {}
    for path in files():
        content = (BASE / path).read_bytes()
        if b"\0" not in content[:8192]:
            found[path] = content.decode("utf-8", errors="replace")
    return found
