"""A deadline for a whole exchange by httpx, whose own timeouts bound each wait alone: who drips would have no end."""

import contextlib
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpcore

_OPENED = (".connect_tcp.complete", ".start_tls.complete")


@contextmanager
def within(seconds: float) -> Iterator[Mapping[str, Any]]:
    """Yield `extensions` for a request of httpx that ends with a TransportError once so much time is over.

    Its connection is shut then, also while it only reads headers; so it must be this request's alone.
    https://www.encode.io/httpcore/extensions/#trace
    """
    opened: list[httpcore.NetworkStream] = []
    over = threading.Event()

    def shut() -> None:
        over.set()
        for stream in opened:
            _shut(stream)

    def trace(event: str, facts: Mapping[str, Any]) -> None:
        if event.endswith(_OPENED):
            opened.append(facts["return_value"])
            if over.is_set():
                _shut(opened[-1])

    timer = threading.Timer(max(seconds, 0.0), shut)
    timer.daemon = True
    timer.start()
    try:
        yield {"trace": trace}
    finally:
        timer.cancel()


def _shut(stream: httpcore.NetworkStream) -> None:
    """Let who reads from it find the end. TLS is left alone: another thread is in it."""
    found = stream.get_extra_info("socket")
    if isinstance(found, socket.socket):
        with contextlib.suppress(OSError):
            socket.socket.shutdown(found, socket.SHUT_RDWR)
