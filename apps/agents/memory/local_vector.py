"""A vector of a text without any model or network: hashed words, word pairs and letter triples. Pure.

Texts that share words, or parts of words, lie near each other; that is all it knows.
"""

import hashlib
import itertools
import math
import re
import unicodedata
from collections.abc import Iterator

DIMENSION = 256

_WORD = re.compile(r"\w+")
_WORD_WEIGHT, _PAIR_WEIGHT, _TRIPLE_WEIGHT = 1.0, 0.5, 0.25


def of(text: str) -> tuple[float, ...]:
    """Return the unit vector of a text; one without words and signs points along the first axis."""
    numbers = [0.0] * DIMENSION
    for feature, weight in _features(text):
        digest = hashlib.blake2b(feature.encode(), digest_size=8).digest()
        sign = 1.0 if digest[7] & 1 else -1.0
        numbers[int.from_bytes(digest[:4]) % DIMENSION] += sign * weight
    length = math.sqrt(sum(number * number for number in numbers))
    if not length:
        return (1.0, *([0.0] * (DIMENSION - 1)))
    return tuple(number / length for number in numbers)


def _features(text: str) -> Iterator[tuple[str, float]]:
    plain = unicodedata.normalize("NFKC", text).casefold()
    words = _WORD.findall(plain)
    if not words and plain.strip():
        yield f"s:{plain.strip()}", _WORD_WEIGHT
    for word in words:
        yield f"w:{word}", _WORD_WEIGHT
        padded = f" {word} "
        for start in range(len(padded) - 2):
            yield f"t:{padded[start : start + 3]}", _TRIPLE_WEIGHT
    for first, second in itertools.pairwise(words):
        yield f"p:{first} {second}", _PAIR_WEIGHT
