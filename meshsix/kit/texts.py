"""Texts that PostgreSQL can hold: it takes neither NUL nor half of a surrogate pair, and JSON can spell both."""

import re
from collections.abc import Iterator, Mapping, Sequence

from meshsix.kit import redact

_UNFIT = re.compile("[\x00\ud800-\udfff]")


def storable(value: object) -> object:
    """Return a copy of a JSON-like structure with U+FFFD in place of each character that cannot be stored."""
    if isinstance(value, str):
        return _UNFIT.sub("\ufffd", value)
    if isinstance(value, Mapping):
        return {storable(name): storable(item) for name, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        return [storable(item) for item in value]
    return value


def unstorable(value: object, at: str = "") -> Iterator[str]:
    """Yield the JSON pointer, below `at`, of each text with such a character; of a bad name that of its object."""
    if isinstance(value, str):
        if _UNFIT.search(value):
            yield at
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            if _UNFIT.search(str(name)):
                yield at
            else:
                yield from unstorable(inner, f"{at}/{pointed(name)}")
    elif isinstance(value, Sequence) and not isinstance(value, bytes | bytearray):
        for index, inner in enumerate(value):
            yield from unstorable(inner, f"{at}/{index}")


def pointed(name: object) -> str:
    """Return a name as a JSON pointer has it, without what looks like a secret or cannot be stored."""
    return _UNFIT.sub("\ufffd", redact.text(str(name))).replace("~", "~0").replace("/", "~1")
