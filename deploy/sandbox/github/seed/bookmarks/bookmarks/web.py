"""The WSGI application: a list, a form to add, a button to remove."""

from collections.abc import Callable, Iterable
from typing import Any
from urllib.parse import parse_qs

from bookmarks import pages
from bookmarks.store import Store

Application = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def application(store: Store) -> Application:
    """Return the application that shows and changes `store`."""

    def answer(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        method, path = environ["REQUEST_METHOD"], environ["PATH_INFO"]
        if method == "GET" and path == "/":
            words = _fields(environ.get("QUERY_STRING", "")).get("q", "")
            return _page(start_response, "200 OK", pages.index(store.all(words), words))
        if method == "POST" and path == "/":
            given = _fields(_body(environ))
            try:
                store.add(given.get("url", ""), given.get("title", ""))
            except ValueError as error:
                return _page(start_response, "400 Bad Request", str(error))
            return _home(start_response)
        if method == "POST" and path.startswith("/remove/") and path[8:].isdigit():
            store.remove(int(path[8:]))
            return _home(start_response)
        return _page(start_response, "404 Not Found", "Not found")

    return answer


def _fields(text: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(text).items()}


def _body(environ: dict[str, Any]) -> str:
    return environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0)).decode()


def _page(start_response: Callable[..., Any], status: str, text: str) -> Iterable[bytes]:
    start_response(status, [("Content-Type", "text/html; charset=utf-8")])
    return [text.encode()]


def _home(start_response: Callable[..., Any]) -> Iterable[bytes]:
    start_response("303 See Other", [("Location", "/")])
    return [b""]
