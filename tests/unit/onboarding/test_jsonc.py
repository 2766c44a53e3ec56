"""A member is put into JSON with comments, and every other character stays."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.onboarding import jsonc

NAME = "registry.example.org/mesh-six/mesh-six-tools:1"

CASES = {
    "empty": ("{}", '{\n  "features": {\n    "F": {}\n  }\n}'),
    "a comment only": ("{\n  // nothing yet\n}\n", '{\n  // nothing yet\n  "features": {\n    "F": {}\n  }\n}\n'),
    "other members": ('{\n    "image": "x"\n}', '{\n    "image": "x",\n    "features": {\n      "F": {}\n    }\n}'),
    "other features": (
        '{\n  "features": {\n    "a:1": {}, // one\n    "b:2": { "v": 1 } // two\n    // three\n  }\n}',
        '{\n  "features": {\n    "a:1": {}, // one\n    "b:2": { "v": 1 }, // two\n    "F": {}\n    // three\n  }\n}',
    ),
    "a trailing comma": (
        '{\n\t"features": {\n\t\t"a:1": {}, /* kept */\n\t},\n}',
        '{\n\t"features": {\n\t\t"a:1": {}, /* kept */\n\t\t"F": {},\n\t},\n}',
    ),
    "one line": ('{ "features": { "a": {} } }', '{ "features": { "a": {}, "F": {} } }'),
    "lines of Windows": (
        '{\r\n  "image": "x"\r\n}',
        '{\r\n  "image": "x",\r\n  "features": {\r\n    "F": {}\r\n  }\r\n}',
    ),
    "the word elsewhere": (
        '{ "a": { "features": 1 }, "b": ["features"], "features": { "a": {} } }',
        '{ "a": { "features": 1 }, "b": ["features"], "features": { "a": {}, "F": {} } }',
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_the_member_is_added_and_all_else_stays(case: str) -> None:
    before, after = CASES[case]
    assert jsonc.with_member(before, "features", "F") == after


def test_what_is_there_already_changes_nothing() -> None:
    text = '{"features": {"F": {"version": "1"}}}  // end'
    assert jsonc.with_member(text, "features", "F") == text


@pytest.mark.parametrize(
    "text",
    [
        *("", "[]", "3", "{", '{"a": }', '{"features": null}', '{"features": []}', '{"a": "\n"}', "{} }", "/* open"),
        '{"a": ' + "[" * 100_000 + "]" * 100_000 + "}",
    ],
    ids=lambda text: text[:20],
)
def test_what_cannot_be_read_is_said(text: str) -> None:
    with pytest.raises(jsonc.Unreadable):
        jsonc.with_member(text, "features", "F")


_VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(
    data=st.dictionaries(st.text(), _VALUES, max_size=4),
    features=st.none() | st.dictionaries(st.text(), _VALUES, max_size=3),
    indent=st.sampled_from([None, 0, 2, "\t"]),
    comment=st.sampled_from(["", "// a, b: {", "/* } */"]),
)
def test_any_document_reads_the_same_but_for_the_new_member(
    data: dict[str, Any], features: dict[str, Any] | None, indent: int | str | None, comment: str
) -> None:
    whole = {**data, "features": features} if features is not None else data
    if features is None and "features" in whole:
        return
    text = json.dumps(whole, indent=indent) + comment
    changed = jsonc.parse(jsonc.with_member(text, "features", NAME))
    assert changed == {**whole, "features": {NAME: {}, **(features or {})}}
