"""Counting and cutting by tokens."""

from hypothesis import given
from hypothesis import strategies as st

from meshsix.kit import tokens


def test_four_characters_are_a_token_and_a_begun_one_counts() -> None:
    assert [tokens.count("x" * length) for length in (0, 1, 4, 5)] == [0, 1, 1, 2]


@given(st.text(), st.integers(min_value=0, max_value=50))
def test_what_is_cut_fits_and_says_so(text: str, most: int) -> None:
    found = tokens.cut(text, most)
    assert tokens.count(found) <= most
    begun = found.endswith(tokens.CUT) and text.startswith(found[: -len(tokens.CUT)])
    assert begun or found in {text, ""}
    assert (tokens.count(text) > most) == (found != text)
