"""The hooks that may send, kept for two seconds in this process: the door asks for the same few all the time.

A kept row that is no longer right harms nobody. Whose secret was rotated meanwhile: a signature that does not fit makes
the door look again before it refuses. Who is gone meanwhile: the database takes no delivery of theirs.

What strangers make up is not kept, so that nobody without a secret can fill the memory or drive out the good ones.
"""

import threading
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import LiteralString
from uuid import UUID

from meshsix import prepared

KEPT = timedelta(seconds=2)
_MOST = 10_000
_BIGGEST_NUMBER_LENGTH = 18
_COLUMNS: LiteralString = """
SELECT key, project_id, secret_path, COALESCE(GREATEST(secret_version, secret_announced), 0) FROM github_hooks
"""
_BY_KEY: LiteralString = f"{_COLUMNS} WHERE key = %s"
_BY_NUMBER: LiteralString = f"{_COLUMNS} WHERE github_id = %s ORDER BY key LIMIT 1"


@dataclass(frozen=True, kw_only=True, slots=True)
class KnownHook:
    """What the door needs of a hook's row. `version` grows with each rotation of its secret."""

    key: str
    project_id: UUID | None
    secret_path: str
    version: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """How a delivery names its hook: the key in the address, or without one the number that GitHub gave it."""

    key: str = ""
    number: str = ""


def place_named(key: str, number: str) -> Place:
    """Return the place that a call names; a number that could be none of GitHub's is as good as none."""
    return Place(key=key) if key else Place(number=number if _is_number(number) else "")


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """What the database said; None where it knows no such hook. Kept without one only if the platform's own signed."""

    hook: KnownHook | None
    until: datetime


class KnownHooks:
    """Hooks by the way in which a delivery names them."""

    def __init__(self) -> None:
        self._found: dict[Place, Found] = {}
        self._lock = threading.Lock()

    def kept(self, place: Place, *, now: datetime) -> Found | None:
        """Return what was found lately; None where the database has to be asked."""
        found = self._found.get(place)
        return found if found is not None and found.until > now else None

    def look(self, place: Place, *, now: datetime) -> Found:
        """Ask the database and keep the hook that it names; where it knows none, that is for `keep` alone."""
        found = Found(hook=_read(place), until=now + KEPT)
        if found.hook is not None:
            self.keep(place, found, now=now)
        return found

    def keep(self, place: Place, found: Found, *, now: datetime) -> None:
        """Keep what was found, unless there are too many that are still good."""
        with self._lock:
            if len(self._found) >= _MOST:
                self._found = {each: kept for each, kept in self._found.items() if kept.until > now}
            if len(self._found) < _MOST:
                self._found[place] = found

    def forget(self) -> None:
        """Drop all that is kept."""
        with self._lock:
            self._found.clear()


HOOKS = KnownHooks()
"""The hooks that this process keeps."""


def _read(place: Place) -> KnownHook | None:
    if place.key:
        rows = prepared.fetch(_BY_KEY, [place.key])
    elif place.number:
        rows = prepared.fetch(_BY_NUMBER, [int(place.number)])
    else:
        rows = []
    return next((KnownHook(key=row[0], project_id=row[1], secret_path=row[2], version=row[3]) for row in rows), None)


def _is_number(text: str) -> bool:
    """Return whether this is how GitHub writes a hook's number, which fits into a bigint."""
    return text.isascii() and text.isdigit() and len(text) <= _BIGGEST_NUMBER_LENGTH and text[0] != "0"
