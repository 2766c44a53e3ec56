"""Ports on loopback: free ones, and whether a wanted one is free."""

import socket

from deploy.local.errors import CannotStart

LOOPBACK = "127.0.0.1"


def free_port() -> int:
    """Return a port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


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
