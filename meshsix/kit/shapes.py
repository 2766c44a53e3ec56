"""The shape of JSON from outside: not too deep to be walked through, and with numbers that JSON has."""

import math
from collections.abc import Iterator, Mapping

from meshsix.kit import texts

DEEPEST = 100
"""How many objects and lists may stand within each other."""


def faults(value: object, at: str = "") -> Iterator[tuple[str, str]]:
    """Yield the JSON pointer, below `at`, and the words of each fault; nothing is looked at below DEEPEST."""
    rest: list[tuple[object, str, int]] = [(value, at, 0)]
    while rest:
        each, pointer, depth = rest.pop()
        if depth > DEEPEST:
            yield at, f"must not be nested deeper than {DEEPEST}"
            return
        if isinstance(each, float) and not math.isfinite(each):
            yield pointer, "must be a number that JSON can hold"
        elif isinstance(each, Mapping):
            rest += [(inner, f"{pointer}/{texts.pointed(name)}", depth + 1) for name, inner in each.items()]
        elif isinstance(each, list | tuple):
            rest += [(inner, f"{pointer}/{index}", depth + 1) for index, inner in enumerate(each)]
