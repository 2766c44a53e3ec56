"""The memory of a sandbox: JSON documents by kind and key in one SQLite file. What was written survives kill -9."""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


class Records:
    """Documents of several kinds, each with a key that is unique within its kind, in the order in which they came.

    Each write is a transaction of its own; `with records.together():` makes one of several.
    """

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.execute(
            "CREATE TABLE IF NOT EXISTS record (number INTEGER PRIMARY KEY AUTOINCREMENT,"
            " kind TEXT NOT NULL, key TEXT NOT NULL, content TEXT NOT NULL, UNIQUE (kind, key))"
        )

    def get(self, kind: str, key: str) -> dict[str, Any] | None:
        """Return the document, or None."""
        row = self._db.execute("SELECT content FROM record WHERE kind = ? AND key = ?", (kind, key)).fetchone()
        return None if row is None else self._read(row[0])

    def put(self, kind: str, key: str, content: dict[str, Any]) -> None:
        """Write the document, whether it was there or not; its place in the order stays."""
        self._db.execute(
            "INSERT INTO record (kind, key, content) VALUES (?, ?, ?)"
            " ON CONFLICT (kind, key) DO UPDATE SET content = excluded.content",
            (kind, key, json.dumps(content)),
        )

    def delete(self, kind: str, key: str) -> bool:
        """Remove the document and tell whether it was there."""
        return self._db.execute("DELETE FROM record WHERE kind = ? AND key = ?", (kind, key)).rowcount > 0

    def items(self, kind: str) -> list[tuple[str, dict[str, Any]]]:
        """Return all documents of the kind with their keys, oldest first."""
        rows = self._db.execute("SELECT key, content FROM record WHERE kind = ? ORDER BY number", (kind,)).fetchall()
        return [(key, self._read(content)) for key, content in rows]

    def values(self, kind: str) -> list[dict[str, Any]]:
        """Return all documents of the kind, oldest first."""
        return [content for _, content in self.items(kind)]

    def clear(self) -> None:
        """Forget everything."""
        self._db.execute("DELETE FROM record")

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    @contextmanager
    def together(self) -> Iterator[None]:
        """Make the writes of the block one transaction."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    @staticmethod
    def _read(content: str) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(content)
        return document
