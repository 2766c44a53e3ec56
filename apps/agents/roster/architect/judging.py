"""When an answer counts as sure, and when a lesson may be told to everybody. Pure."""

import re
from collections.abc import Collection
from dataclasses import dataclass

from apps.agents.roster.architect.words import Reply

MOST_OF_A_GUESS = 0.5
"""How confident a best guess may be at most."""

_SLASHED = re.compile(r"[/\\]")
_DOTTED = re.compile(r"(?<![\w.])(?!(?:e\.g|i\.e)\b)(?!\d+\.\d+(?![\w.]))[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)+")
_LOCAL = re.compile(r"\blocalhost\b|\b[A-Za-z0-9-]+:\d{2,5}\b", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Judged:
    """An answer as far as it may be believed. `based_on` has only what was shown."""

    text: str
    confident: bool
    confidence: float
    based_on: tuple[str, ...]


def judged(reply: Reply, shown: Collection[str]) -> Judged:
    """Believe a model's confidence only where it names something that it was shown, else take it for a best guess."""
    known = set(shown)
    based_on = tuple(each for each in dict.fromkeys(reply.based_on) if each in known)
    confident = reply.confident and bool(based_on) and bool(reply.answer.strip())
    confidence = reply.confidence if confident else min(reply.confidence, MOST_OF_A_GUESS)
    return Judged(text=reply.answer, confident=confident, confidence=confidence, based_on=based_on)


def unreadable(text: str) -> Judged:
    """Return what an answer is worth that fits no schema: its raw text is a guess of which nothing is known."""
    return Judged(text=text, confident=False, confidence=0.0, based_on=())


def is_nameless(text: str, names: Collection[str]) -> bool:
    """Return whether a text names no owner, repository, path or host, so that everybody may read it.

    `names` are those of owners and repositories. Anything with a slash, a dot inside of a word or a port counts as a
    path or a host: a lesson that is kept from the others by mistake costs less than a name that is told.
    """
    if _SLASHED.search(text) or _DOTTED.search(text) or _LOCAL.search(text):
        return False
    said = text.lower()
    return not any(re.search(rf"(?<![\w-]){re.escape(name.lower())}(?![\w-])", said) for name in names if name)
