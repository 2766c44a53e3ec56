"""Ids that sort by their time of creation."""

import os
import uuid
from datetime import timedelta

from meshsix.kit import clock

_MICROSECOND = timedelta(microseconds=1)


def new_id() -> uuid.UUID:
    """Return a UUID version 7 (RFC 9562): 48 bits of milliseconds, 12 of their fraction (method 3), 62 random bits."""
    microseconds = (clock.now() - clock.EPOCH) // _MICROSECOND
    milliseconds, rest = divmod(microseconds, 1000)
    fraction = rest * 4096 // 1000
    chance = int.from_bytes(os.urandom(8), "big") >> 2
    return uuid.UUID(int=milliseconds << 80 | 0x7 << 76 | fraction << 64 | 0x2 << 62 | chance)
