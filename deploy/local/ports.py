"""Ports on loopback: free ones, and whether a wanted one is free."""

import os
import secrets
import socket
from collections import deque

from deploy.local.errors import CannotStart

LOOPBACK = "127.0.0.1"
_DRAWN_FROM = range(20000, 30000)
"""Whoever asks the system for any port gets one above these: from 32768 on Linux, from 49152 on macOS."""
_TRIES = 1000
_MARKS_AT_MOST = 64
_marks: deque[int] = deque()
"""File descriptors of the marks on the ports that this process has drawn."""


def free_port() -> int:
    """Return a port that nobody listens on. Nobody else gets it before a server has been started on it."""
    for _ in range(_TRIES):
        port = secrets.choice(_DRAWN_FROM)
        if _mark(port) and is_free(port):
            return port
    raise CannotStart(
        f"No port from {_DRAWN_FROM.start} to {_DRAWN_FROM.stop - 1} could be used on {LOOPBACK}.",
        hint="Stop programs that listen there.",
    )


def _mark(port: int) -> bool:
    """Take the UDP port of that number, as a sign to others who draw. Return False if they have it."""
    mark = socket.socket(type=socket.SOCK_DGRAM)
    try:
        mark.bind((LOOPBACK, port))
    except OSError:
        mark.close()
        return False
    _marks.append(mark.detach())
    if len(_marks) > _MARKS_AT_MOST:
        os.close(_marks.popleft())
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
