"""The only clock of the platform. Everything that asks for the time asks here, so tests can move it.

`MESHSIX_CLOCK_OFFSET_SECONDS` moves the clock of a whole process; `moved` moves it inside one.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
"""From when on Unix counts time."""
_offset = timedelta(seconds=float(os.environ.get("MESHSIX_CLOCK_OFFSET_SECONDS", "0")))


def now() -> datetime:
    """Return the present moment as an aware datetime in UTC."""
    return datetime.now(UTC) + _offset


@contextmanager
def moved(by: timedelta) -> Iterator[None]:
    """Move the clock of this process by `by` for the length of the block."""
    global _offset  # noqa: PLW0603 - the clock is the one thing that tests must be able to move
    before = _offset
    _offset = before + by
    try:
        yield
    finally:
        _offset = before
