"""README.md's table of settings and the variables that the code reads are the same set."""

import ast
import re
from collections.abc import Iterator

from tests.tree import BASE, sources

_READERS = {"text", "number", "whole", "seconds", "flag", "words", "pairs", "url", "secret"}
_NAME = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)+|[A-Z]{4,}")
_ROW = re.compile(r"^\|([^|]*)\|", re.MULTILINE)
_NOT_OURS = {"HOME", "PATH", "DJANGO_SETTINGS_MODULE", "DEBIAN_FRONTEND", "KUBERNETES_SERVICE_HOST"}


def read_by_the_code() -> set[str]:
    """Return every variable that the platform or the launcher reads."""
    found: set[str] = set()
    for source in sources():
        if source.path.startswith(("meshsix/", "apps/", "deploy/local/")) or source.path == "manage.py":
            found |= set(_names(source.tree))
    return found - _NOT_OURS


def _names(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args):
            continue
        owner = ast.unparse(node.func.value)
        is_read = (owner == "env" and node.func.attr in _READERS) or (
            owner.endswith("environ") and node.func.attr == "get"
        )
        first = node.args[0]
        if is_read and isinstance(first, ast.Constant) and isinstance(first.value, str):
            yield first.value.removesuffix("_FILE") if owner != "env" else first.value
        yield from _port_settings(node)


def _port_settings(call: ast.Call) -> Iterator[str]:
    """The launcher's ports are read by name: `kept.port("web", setting="MESHSIX_WEB_PORT")`."""
    for keyword in call.keywords:
        if keyword.arg == "setting" and isinstance(keyword.value, ast.Constant):
            yield str(keyword.value.value)


def told_in_readme() -> set[str]:
    """Return every variable in the first column of README.md's tables of settings."""
    text = (BASE / "README.md").read_text(encoding="utf-8")
    tables = (part.partition("\n\n")[0] for part in text.split("\n| setting |")[1:])
    cells = (match[1].strip(" `") for table in tables for match in _ROW.finditer(table))
    return {cell for cell in cells if _NAME.fullmatch(cell)} - _NOT_OURS


def test_every_setting_stands_in_the_table() -> None:
    assert read_by_the_code() - told_in_readme() == set()


def test_every_row_of_the_table_is_a_setting() -> None:
    assert told_in_readme() - read_by_the_code() == set()
