"""Reads fields out of a payload that may hold anything: a field is what it should be, or the payload is malformed."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Self

_MOST_TEXT = 65_536
_MOST_ITEMS = 200
_MOST_ID = 2**63 - 1
_MOST_NUMBER = 2**31 - 1
_UNFIT = re.compile("[\x00\ud800-\udfff]")


class Malformed(Exception):  # noqa: N818 - reads as a word of the domain
    """A field is not what GitHub documents; the message names it by its path."""


def clean(text: str, *, most: int = _MOST_TEXT) -> str:
    """Return the text as PostgreSQL can hold it (no NUL, no half of a surrogate pair), cut to `most` characters."""
    return _UNFIT.sub("\ufffd", text)[:most]


def speakable(value: object) -> object:
    """Return a copy of what was read that can be written as JSON again: no half of a pair, nothing without an end."""
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, Mapping):
        return {speakable(key): speakable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [speakable(item) for item in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


@dataclass(frozen=True, kw_only=True)
class Fields:
    """An object of a payload. `at` is its path, for messages."""

    data: Mapping[str, Any] = field(repr=False)
    at: str = ""

    def has(self, name: str) -> bool:
        """Return whether the field is there and not null."""
        return self.data.get(name) is not None

    def inner(self, name: str) -> Self:
        """Return an object within. Raises Malformed where there is none."""
        found = self.data.get(name)
        if not isinstance(found, Mapping):
            raise Malformed(f"{self._path(name)} is no object")
        return type(self)(data=found, at=self._path(name))

    def maybe(self, name: str) -> Self:
        """Return an object within, an empty one where there is none."""
        found = self.data.get(name)
        return type(self)(data=found if isinstance(found, Mapping) else {}, at=self._path(name))

    def text(self, name: str, *, most: int = _MOST_TEXT) -> str:
        """Return a text that must be there and not be empty. Raises Malformed."""
        found = self.data.get(name)
        if not isinstance(found, str) or not found:
            raise Malformed(f"{self._path(name)} is no text")
        return clean(found, most=most)

    def words(self, name: str, *, most: int = _MOST_TEXT) -> str:
        """Return a text, empty where it is missing, null or no text."""
        found = self.data.get(name)
        return clean(found, most=most) if isinstance(found, str) else ""

    def identity(self, name: str) -> int:
        """Return one of GitHub's ids. Raises Malformed."""
        return self._whole(name, _MOST_ID)

    def number(self, name: str) -> int:
        """Return the number of an issue or a pull request. Raises Malformed."""
        return self._whole(name, _MOST_NUMBER)

    def flag(self, name: str) -> bool:
        """Return whether the field is true; anything else is not."""
        return self.data.get(name) is True

    def moment(self, *names: str) -> datetime | None:
        """Return the first of the times that is there: ISO 8601 or seconds since 1970; None where none is."""
        return next((read for read in (_moment(self.data.get(name)) for name in names) if read is not None), None)

    def names_in(self, name: str, key: str) -> tuple[str, ...]:
        """Return the text under `key` of each object in a list; what is none is left out, and a missing list empty."""
        found = self.data.get(name)
        if not isinstance(found, Sequence) or isinstance(found, str):
            return ()
        inner = [item.get(key) for item in found[:_MOST_ITEMS] if isinstance(item, Mapping)]
        return tuple(clean(text, most=300) for text in inner if isinstance(text, str) and text)

    def _whole(self, name: str, most: int) -> int:
        found = self.data.get(name)
        if not isinstance(found, int) or isinstance(found, bool) or not 0 < found <= most:
            raise Malformed(f"{self._path(name)} is no number from 1 to {most}")
        return found

    def _path(self, name: str) -> str:
        return f"{self.at}.{name}" if self.at else name


def _moment(found: object) -> datetime | None:
    try:
        if isinstance(found, str):
            read = datetime.fromisoformat(found)
            return (read if read.tzinfo else read.replace(tzinfo=UTC)).astimezone(UTC)
        if isinstance(found, int | float) and not isinstance(found, bool):
            return datetime.fromtimestamp(found, UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return None
