"""A platform's door for runners, which refuses the first hello and takes the next."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Platform(ThreadingHTTPServer):
    """A platform that refuses the first hello and takes the next."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Door)
        self.hellos: list[tuple[str, dict[str, str]]] = []
        self.accepted = threading.Event()


class Door(BaseHTTPRequestHandler):
    """Takes POST /api/runner/hello."""

    server: Platform

    def do_POST(self) -> None:
        content = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.hellos.append((self.headers["Authorization"], content))
        late = self.path == "/api/runner/hello" and len(self.server.hellos) > 1
        self.send_response(200 if late else 503)
        self.end_headers()
        if late:
            self.server.accepted.set()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name that the base class gives it
        pass


@contextmanager
def platform() -> Iterator[Platform]:
    with Platform() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()
