"""What goes wrong with deliveries on purpose, by the names of repositories, organizations and apps. No I/O."""

from collections.abc import Mapping, Sequence
from enum import StrEnum


class Kind(StrEnum):
    """What may go wrong with every delivery to the hooks of a name."""

    LOST = "lost"
    TWICE = "twice"
    HELD = "held"
    BADLY_SIGNED = "badly_signed"


class Trouble:
    """Which names have which trouble, until somebody says otherwise or the process ends."""

    def __init__(self) -> None:
        self._names: dict[Kind, frozenset[str]] = dict.fromkeys(Kind, frozenset())

    def set(self, wanted: Mapping[str, Sequence[str]]) -> None:
        """Replace the names of each kind that is given. Raises ValueError for a kind that there is not."""
        self._names |= {Kind(kind): frozenset(names) for kind, names in wanted.items()}

    def has(self, kind: Kind, name: str) -> bool:
        """Tell whether this kind of trouble waits for the deliveries of a name."""
        return name in self._names[kind]

    def shown(self) -> dict[str, list[str]]:
        """Return the names by kind."""
        return {kind.value: sorted(names) for kind, names in self._names.items()}
