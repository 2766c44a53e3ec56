"""What cannot be stored is found by its place, and replaced."""

import pytest

from meshsix.kit import texts


@pytest.mark.parametrize(
    ("value", "pointers"),
    [
        ("sound \U0001f600 \\u0000", []),
        ("a\0b", [""]),
        ({"deep": [1, {"a/b": "\ud800"}], "other": "x"}, ["/deep/1/a~1b"]),
        ({"bad\0name": "x"}, [""]),
    ],
)
def test_what_cannot_be_stored_is_found_and_replaced(value: object, pointers: list[str]) -> None:
    assert list(texts.unstorable(value)) == pointers
    mended = texts.storable(value)
    assert list(texts.unstorable(mended)) == []
    assert (mended == value) is (not pointers)
