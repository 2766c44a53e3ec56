import io
import unittest
from typing import Any
from urllib.parse import urlencode

from bookmarks.store import Store
from bookmarks.web import application


class WebTest(unittest.TestCase):
    def setUp(self) -> None:
        self.store = Store(":memory:")
        self.application = application(self.store)

    def ask(self, method: str, path: str, query: str = "", **fields: str) -> tuple[str, str]:
        body = urlencode(fields).encode()
        answers: list[str] = []
        environ: dict[str, Any] = {
            "REQUEST_METHOD": method,
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "CONTENT_LENGTH": str(len(body)),
            "wsgi.input": io.BytesIO(body),
        }
        parts = self.application(environ, lambda status, headers: answers.append(status))
        return answers[0], b"".join(parts).decode()

    def test_added_bookmark_is_shown(self) -> None:
        self.assertEqual(self.ask("POST", "/", url="https://example.org", title="Example")[0], "303 See Other")
        self.assertIn('<a href="https://example.org">Example</a>', self.ask("GET", "/")[1])

    def test_titles_are_escaped(self) -> None:
        self.ask("POST", "/", url="https://example.org", title="<script>")
        self.assertNotIn("<script>", self.ask("GET", "/")[1])

    def test_bad_address_is_refused(self) -> None:
        self.assertEqual(self.ask("POST", "/", url="example.org")[0], "400 Bad Request")

    def test_search_shows_what_fits(self) -> None:
        self.store.add("https://example.org/a", "Apples")
        self.store.add("https://example.org/b", "Pears")
        page = self.ask("GET", "/", "q=pear")[1]
        self.assertIn("Pears", page)
        self.assertNotIn("Apples", page)

    def test_removing_leads_back_to_the_list(self) -> None:
        kept = self.store.add("https://example.org", "Example")
        self.assertEqual(self.ask("POST", f"/remove/{kept.id}")[0], "303 See Other")
        self.assertEqual(self.store.all(), [])

    def test_unknown_path_is_not_found(self) -> None:
        self.assertEqual(self.ask("GET", "/nowhere")[0], "404 Not Found")
