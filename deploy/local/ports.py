"""Ports on loopback: free ones, and whether a wanted one is free."""

import os
import secrets
import socket
from collections.abc import Sequence

from deploy.local.errors import CannotStart

LOOPBACK = "127.0.0.1"
_DRAWN_FROM = range(20000, 30000)
"""Whoever asks the system for any port gets, as it usually is set, one above these: from 32768 on Linux, from 49152 on
macOS."""
_TRIES = 1000
_MARKS_AT_MOST = 64
_marks: dict[int, int] = {}
"""The ports that this process has marked, the newest ones last, with the file descriptors of the marks."""


def free_port(among: Sequence[int] = _DRAWN_FROM) -> int:
    """Return a port that nobody listens on, and that nobody else who draws here gets while it is marked."""
    for _ in range(_TRIES):
        port = secrets.choice(among)
        if port not in _marks and claim(port):
            return port
    raise CannotStart(
        f"No port from {min(among)} to {max(among)} could be used on {LOOPBACK}.",
        hint="Stop programs that listen there.",
    )


def claim(port: int) -> bool:
    """Mark a port that nobody listens on; return False where somebody does, or another process has marked it.

    The mark is the UDP port of that number: others who draw see it, and a server may listen.
    """
    if not is_free(port):
        return False
    if port not in _marks and not _mark(port):
        return False
    return is_free(port)  # the server of whoever had marked it may listen since


def _mark(port: int) -> bool:
    mark = socket.socket(type=socket.SOCK_DGRAM)
    try:
        mark.bind((LOOPBACK, port))
    except OSError:
        mark.close()
        return False
    _marks[port] = mark.detach()
    if len(_marks) > _MARKS_AT_MOST:
        os.close(_marks.pop(next(iter(_marks))))
    return True


def is_free(port: int) -> bool:
    """Return whether a server could listen on this port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except OSError:
            return False
        return True


def demand_free(port: int, *, setting: str) -> int:
    """Return the port if it is free. Raises CannotStart that names the port and the setting it came from."""
    if not is_free(port):
        raise CannotStart(
            f"Port {port} is taken by another program.",
            hint=f"Stop that program, or set {setting} to another port (unset: a free one is chosen).",
        )
    return port
