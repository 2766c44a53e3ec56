"""What a sandbox is given when it starts: its part of the configuration, a directory, and where the others listen."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_ADDRESS = re.compile(r"\$\{(\w+)\}")


class ConfigError(ValueError):
    """The configuration cannot be used; the message says which part and why."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """One sandbox's surroundings.

    `addresses` has the base address of every sandbox of the process by name, its own too; all are known before the
    first one starts, so sandboxes may refer to each other.
    """

    name: str
    config: Mapping[str, Any]
    data: Path
    addresses: Mapping[str, str]

    @property
    def url(self) -> str:
        """Return this sandbox's own base address, for instance http://127.0.0.1:41234."""
        return self.addresses[self.name]

    def text(self, key: str, default: str | None = None) -> str:
        """Return a text of the configuration. Raises ConfigError if it is required and absent."""
        value = self.config.get(key, default)
        if not isinstance(value, str):
            raise ConfigError(f"{self.name}: {key!r} must be a text, not {value!r}")
        return value

    def number(self, key: str, default: float) -> float:
        """Return a number of the configuration, mostly seconds."""
        value = self.config.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise ConfigError(f"{self.name}: {key!r} must be a number, not {value!r}")
        return float(value)

    def texts(self, key: str, default: tuple[str, ...] = ()) -> tuple[str, ...]:
        """Return a list of texts of the configuration."""
        value = self.config.get(key, default)
        if not isinstance(value, list | tuple) or not all(isinstance(each, str) for each in value):
            raise ConfigError(f"{self.name}: {key!r} must be a list of texts, not {value!r}")
        return tuple(value)

    def table(self, key: str) -> Mapping[str, Any]:
        """Return an object of the configuration, empty if absent."""
        value = self.config.get(key, {})
        if not isinstance(value, Mapping):
            raise ConfigError(f"{self.name}: {key!r} must be an object, not {value!r}")
        return value


def with_addresses(value: object, addresses: Mapping[str, str]) -> Any:  # noqa: ANN401 - any JSON in, the same out
    """Return JSON with every `${name}` in its texts replaced by that sandbox's base address."""
    if isinstance(value, str):
        return _ADDRESS.sub(lambda found: addresses.get(found[1], found[0]), value)
    if isinstance(value, Mapping):
        return {key: with_addresses(each, addresses) for key, each in value.items()}
    if isinstance(value, list):
        return [with_addresses(each, addresses) for each in value]
    return value
