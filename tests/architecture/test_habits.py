"""Habits of the house: reasons for exceptions, no mocks, no private places, no vendor's address in the code."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator

from tests.tree import Source, sources, texts

_EXCEPTION = re.compile(r"#\s*(noqa|type: ignore|pragma: no cover)")
_REASONED = re.compile(r"#\s*(noqa: [A-Z0-9, ]+?|type: ignore\[[\w-]+(, ?[\w-]+)*\]|pragma: no cover)\s+(- |# )\S+")
_MOCKS = re.compile(r"unittest[.]mock|from unittest import mock|\bMagicMock\b|\bmocker\b|monkeypatch[.]setattr")
_PRIVATE = re.compile(r"/(root|home/[a-z]\w+|Users/\w+|work/main|work/shared|tmp/w)/")
_REGISTRIES = re.compile(r"https?://[\w.-]*(pypi\.org/simple|files\.pythonhosted|registry\.npmjs|artifactory|nexus)")
_ADDRESS = re.compile(r"https?://(?!(127\.0\.0\.1|localhost|\[|\{|\$|[\w.-]*example\.(org|com|net))\b)[\w.-]+")
_SELF = "tests/architecture/"


def comments(source: Source) -> Iterator[tuple[int, str]]:
    """Yield line number and text of each comment."""
    for token in tokenize.generate_tokens(io.StringIO(source.text).readline):
        if token.type == tokenize.COMMENT:
            yield token.start[0], token.string


def test_every_exception_to_a_check_says_why() -> None:
    bare = [
        f"{source.path}:{line} {comment}"
        for source in sources()
        if _EXCEPTION.search(source.text)
        for line, comment in comments(source)
        if _EXCEPTION.search(comment) and not _REASONED.search(comment)
    ]
    assert bare == []


def test_no_test_replaces_our_own_code() -> None:
    assert [each.path for each in sources() if not each.path.startswith(_SELF) and _MOCKS.search(each.text)] == []


def test_no_file_names_a_place_on_somebodys_machine_or_a_package_registry() -> None:
    found = {
        f"{path}: {match[0]}"
        for path, text in texts().items()
        if not path.startswith(_SELF)
        for pattern in (_PRIVATE, _REGISTRIES)
        for match in pattern.finditer(text)
    }
    assert found == set()


def test_no_client_has_a_vendors_address_built_in() -> None:
    """An address is a setting; docstrings and comments may link to documentation."""
    found = [
        f"{source.path}:{line} {text}"
        for source in sources()
        if source.path.startswith(("meshsix/integrations/", "apps/", "meshsix/wiring.py"))
        for line, text in _texts_but_docstrings(source.tree)
        if _ADDRESS.match(text)
    ]
    assert found == []


def _texts_but_docstrings(tree: ast.Module) -> Iterator[tuple[int, str]]:
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, documented) and node.body and isinstance(node.body[0], ast.Expr)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings:
            yield node.lineno, node.value
