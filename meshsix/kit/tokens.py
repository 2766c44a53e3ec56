"""How many tokens a text has, by the rule of thumb that all budgets use: four characters are one token."""

import math

CHARACTERS = 4
CUT = "\n[cut]"
"""What stands at the end of a text that was cut."""


def count(text: str) -> int:
    """Return the tokens of a text: its characters by four, rounded up."""
    return math.ceil(len(text) / CHARACTERS)


def cut(text: str, most: int) -> str:
    """Return the text if it has at most `most` tokens, else its beginning and a mark; empty where that does not fit."""
    if count(text) <= most:
        return text
    room = most * CHARACTERS - len(CUT)
    return text[:room] + CUT if room >= 0 else ""
