"""Serves the application on this machine: python -m bookmarks [PORT] [DATABASE]."""

import sys
from wsgiref.simple_server import make_server

from bookmarks.store import Store
from bookmarks.web import application


def main() -> None:
    """Serve until Ctrl-C."""
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 8080
    store = Store(sys.argv[2] if len(sys.argv) > 2 else "bookmarks.sqlite3")
    with make_server("127.0.0.1", port, application(store)) as server:
        print(f"http://127.0.0.1:{port}")
        server.serve_forever()


if __name__ == "__main__":
    main()
