"""One launcher a data directory: a lock that the system itself releases, so that a stale one cannot exist."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy.local.children import note
from deploy.local.errors import CannotStart
from deploy.local.servers.place import Place

PID_FILE = "launcher"


@contextmanager
def owning(place: Place) -> Iterator[None]:
    """Own the data directory for the length of the block. Raises CannotStart when another launcher does."""
    path = place.root / "lock"
    with path.open("a", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise CannotStart(
                f"The platform already runs from {place.root}.",
                hint="Look with `make status`, stop it with `make down`, or set MESHSIX_DATA to another directory.",
            ) from None
        note(place.pid_file(PID_FILE), os.getpid())
        try:
            yield
        finally:
            place.pid_file(PID_FILE).unlink(missing_ok=True)


def pid_files(place: Place) -> list[Path]:
    """Return the pid files of the children, not the launcher's own."""
    return sorted(path for path in place.pids.glob("*.json") if path.stem != PID_FILE)
