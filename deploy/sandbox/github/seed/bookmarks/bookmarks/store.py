"""Bookmarks in SQLite."""

import sqlite3
from dataclasses import dataclass

SCHEMA = """
CREATE TABLE IF NOT EXISTS bookmarks (
    id INTEGER PRIMARY KEY,
    url TEXT NOT NULL UNIQUE,
    title TEXT NOT NULL,
    added_at TEXT NOT NULL DEFAULT (datetime('now'))
)
"""


@dataclass(frozen=True)
class Bookmark:
    """A page to come back to."""

    id: int
    url: str
    title: str
    added_at: str


class Store:
    """All bookmarks. `path` is a file, or ":memory:"."""

    def __init__(self, path: str) -> None:
        self._db = sqlite3.connect(path)
        self._db.executescript(SCHEMA)

    def add(self, url: str, title: str) -> Bookmark:
        """Keep a page. A page that is kept already gets the new title."""
        if not url.startswith(("http://", "https://")):
            raise ValueError("an address begins with http:// or https://")
        with self._db:
            self._db.execute(
                "INSERT INTO bookmarks (url, title) VALUES (?, ?) ON CONFLICT (url) DO UPDATE SET title = excluded.title",
                (url, title.strip() or url),
            )
        return next(each for each in self.all() if each.url == url)

    def remove(self, number: int) -> bool:
        """Forget a page. False: there was none."""
        with self._db:
            return self._db.execute("DELETE FROM bookmarks WHERE id = ?", (number,)).rowcount > 0

    def all(self, words: str = "") -> list[Bookmark]:
        """Return the bookmarks whose title or address contains the words, newest first."""
        rows = self._db.execute(
            "SELECT id, url, title, added_at FROM bookmarks WHERE instr(lower(title || ' ' || url), ?) ORDER BY id DESC",
            (words.lower(),),
        )
        return [Bookmark(*row) for row in rows]
