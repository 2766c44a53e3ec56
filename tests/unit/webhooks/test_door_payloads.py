"""What the door makes of a body before it is stored: an object of JSON that everybody can read later, or nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from apps.webhooks.doors.payloads import LONGEST_NUMBER, NoObject, check


def _body(*, before: int, digits: int) -> bytes:
    return b'{"a": "' + b"x" * before + b'", "b": ' + b"7" * digits + b"}"


@given(before=st.integers(0, 3 * LONGEST_NUMBER))
def test_the_longest_number_is_read_and_a_longer_one_refused_wherever_it_stands(before: int) -> None:
    assert check(_body(before=before, digits=LONGEST_NUMBER)) == b'""'
    with pytest.raises(NoObject):
        check(_body(before=before, digits=LONGEST_NUMBER + 1))
