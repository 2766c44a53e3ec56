"""How much a benchmark does: as usual, or so little that it only shows that it works (`make bench ARGS=--small`)."""

import os

_SMALL = "BENCH_SMALL"


def make_small() -> None:
    """Let every benchmark that is started from here on be small."""
    os.environ[_SMALL] = "1"


def size(usual: int, *, small: int) -> int:
    """Return how many of something a benchmark takes."""
    return small if os.environ.get(_SMALL) else usual
