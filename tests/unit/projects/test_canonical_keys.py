"""A canonical event's key is the same for one thing, and another for another thing."""

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from apps.projects.canonical import Kind, key_of

PROJECT = UUID("01234567-89ab-7def-8123-456789abcdef")


def test_a_key_names_kind_project_and_what_happened() -> None:
    made = key_of(Kind.CARD_MOVED, PROJECT, "PVTI_1", "opt", "2026-01-01T00:00:00Z")
    assert made == f"card-moved:{PROJECT}:PVTI_1:opt:2026-01-01T00%3A00%3A00Z"


@given(one=st.lists(st.text(max_size=300), max_size=4), other=st.lists(st.text(max_size=300), max_size=4))
def test_different_parts_make_different_keys_that_fit_the_column(one: list[str], other: list[str]) -> None:
    first, second = key_of(Kind.PUSHED, PROJECT, *one), key_of(Kind.PUSHED, PROJECT, *other)
    assert (first == second) == (one == other)
    assert len(first) <= 200
