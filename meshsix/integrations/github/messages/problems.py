"""What GitHub says is wrong."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

Json = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Problem:
    """What GitHub says is wrong, whatever the shape of its answer.

    `kinds` are GraphQL's error types; `fields` REST's validation errors as sentences.
    """

    message: str = ""
    kinds: Sequence[str] = ()
    fields: Sequence[str] = ()

    @classmethod
    def parse(cls, data: object) -> Self:
        """Read an error body of REST or GraphQL; anything else gives an empty problem."""
        if not isinstance(data, Mapping):
            return cls()
        errors = [item for item in data.get("errors") or () if isinstance(item, Mapping | str)]
        told = [item if isinstance(item, str) else _sentence(item) for item in errors]
        kinds = tuple(_kind(item) for item in errors if isinstance(item, Mapping) and _kind(item))
        return cls(message=str(data.get("message") or ""), kinds=kinds, fields=tuple(text for text in told if text))


def _kind(error: Json) -> str:
    """Return the type of a GraphQL error; some stand in its extensions only."""
    return str(error.get("type") or (error.get("extensions") or {}).get("code") or "")


def _sentence(error: Json) -> str:
    """Return a validation error in words, for example `Hook.url is missing`."""
    if error.get("message"):
        return str(error["message"])
    where = ".".join(str(error[key]) for key in ("resource", "field") if error.get(key))
    return f"{where}: {error.get('code', 'invalid')}" if where else ""
