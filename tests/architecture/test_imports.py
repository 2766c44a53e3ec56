"""No circle of imports, no import inside a function. Layers are checked by import-linter in `make check`."""

import ast
import re
from graphlib import CycleError, TopologicalSorter

import grimp
import pytest

from tests.tree import sources

PACKAGES = ("meshsix", "apps", "deploy")


def test_no_module_imports_itself_by_any_way_even_for_types_only() -> None:
    graph = grimp.build_graph(*PACKAGES, cache_dir=None, exclude_type_checking_imports=False)
    needs = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    try:
        TopologicalSorter(needs).prepare()
    except CycleError as error:
        pytest.fail(f"circle: {' -> '.join(reversed(error.args[1]))}")


def test_no_import_stands_inside_a_function() -> None:
    inside = [
        f"{source.path}:{node.lineno}"
        for source in sources()
        for function in ast.walk(source.tree)
        if isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef)
        for node in ast.walk(function)
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    assert inside == []


def test_sandbox_and_platform_do_not_know_each_other() -> None:
    forbidden = {
        "deploy/sandbox/": re.compile(r"^\s*(from|import) (meshsix|apps|deploy\.local)\b", re.MULTILINE),
        "meshsix/": re.compile(r"^\s*(from|import) deploy\b", re.MULTILINE),
        "apps/": re.compile(r"^\s*(from|import) deploy\b", re.MULTILINE),
    }
    found = [
        source.path
        for source in sources()
        for folder, words in forbidden.items()
        if source.path.startswith(folder) and words.search(source.text)
    ]
    assert found == []
