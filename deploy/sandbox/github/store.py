"""Records in memory, written through to one SQLite file; safe against kill -9 at any instant.

All calls come from one thread. Changes become durable with `commit`; `rollback` forgets those since the last commit.
"""

import json
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter

from deploy.sandbox.github.records import Record

R = TypeVar("R", bound=Record)
FIRST_ID = 1_001


class Store:
    """The records of one sandbox, by type and id."""

    def __init__(self, path: Path, kinds: tuple[type[Record], ...]) -> None:
        self._kinds = {kind.__name__: kind for kind in kinds}
        self._adapters = {kind: TypeAdapter(kind) for kind in kinds}
        self._all: dict[type[Record], dict[int, Record]] = {}
        self._next = FIRST_ID
        self._dirty = False
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.execute(
            "CREATE TABLE IF NOT EXISTS records"
            " (kind TEXT, id INTEGER, body TEXT, PRIMARY KEY (kind, id)) WITHOUT ROWID"
        )
        self._load()

    def _load(self) -> None:
        self._all = {kind: {} for kind in self._kinds.values()}
        self._next = max(FIRST_ID, int(self._db.execute("PRAGMA user_version").fetchone()[0]))
        for name, number, body in self._db.execute("SELECT kind, id, body FROM records ORDER BY id"):
            kind = self._kinds[name]
            self._all[kind][number] = self._adapters[kind].validate_json(body)

    def add(self, record: R) -> R:
        """Keep a new record and give it its id, which no other record ever had."""
        record.id = self._next
        self._next += 1
        self._all[type(record)][record.id] = record
        self.save(record)
        self._db.execute(f"PRAGMA user_version = {self._next}")
        return record

    def save(self, record: Record) -> None:
        """Write a changed record."""
        self._begin()
        row = (type(record).__name__, record.id, json.dumps(asdict(record)))
        self._db.execute("INSERT OR REPLACE INTO records VALUES (?, ?, ?)", row)

    def remove(self, record: Record) -> None:
        """Forget a record."""
        self._begin()
        self._all[type(record)].pop(record.id, None)
        self._db.execute("DELETE FROM records WHERE kind = ? AND id = ?", (type(record).__name__, record.id))

    def get(self, kind: type[R], number: int | None) -> R | None:
        """Return the record with this id, or None."""
        found = self._all[kind].get(number) if number is not None else None
        return found if isinstance(found, kind) else None

    def all(self, kind: type[R], where: Callable[[R], bool] = lambda _: True) -> Iterator[R]:
        """Return the records of a type that meet the condition, oldest first."""
        for record in tuple(self._all[kind].values()):
            if isinstance(record, kind) and where(record):
                yield record

    def first(self, kind: type[R], where: Callable[[R], bool]) -> R | None:
        """Return the oldest record that meets the condition, or None."""
        return next(self.all(kind, where), None)

    def commit(self) -> None:
        """Make all changes since the last commit durable, together."""
        if self._dirty:
            self._db.execute("COMMIT")
            self._dirty = False

    def rollback(self) -> None:
        """Forget all changes since the last commit."""
        if self._dirty:
            self._db.execute("ROLLBACK")
            self._dirty = False
            self._load()

    def clear(self) -> None:
        """Forget everything but the ids that were given."""
        self._begin()
        self._db.execute("DELETE FROM records")
        self._all = {kind: {} for kind in self._kinds.values()}

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def _begin(self) -> None:
        if not self._dirty:
            self._db.execute("BEGIN IMMEDIATE")
            self._dirty = True
