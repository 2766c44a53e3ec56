"""What people ask of the platform in comments: `/mesh start`, `/mesh answer Use the second one`, `/answer Yes`. Pure.

A comment is one command at most: its first line that begins with one, outside of quotes and code. Whether its author
may ask is decided elsewhere (handlers/comments.py).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from apps.projects.canonical import JsonValue


class Verb(StrEnum):
    """What can be asked."""

    START = "start"
    STOP = "stop"
    RETRY = "retry"
    APPROVE = "approve"
    STATUS = "status"
    ANSWER = "answer"


@dataclass(frozen=True, kw_only=True)
class Command:
    """What is asked. `text` is the answer; `question` names which question (`Q3`), empty where it does not say."""

    verb: Verb
    text: str = ""
    question: str = ""

    def as_json(self) -> dict[str, JsonValue]:
        """Return the command as it stands in the event's facts."""
        return {"verb": self.verb.value, "text": self.text, "question": self.question}


_COMMAND = re.compile(r"/mesh[ \t]+(?P<verb>[a-z]+)(?![\w/-])[ \t]*(?P<rest>.*)", re.IGNORECASE)
_ANSWER = re.compile(r"/answer(?![\w/-])[ \t]*(?P<rest>.*)", re.IGNORECASE)
_QUESTION = re.compile(r"(?P<question>Q[1-9]\d{0,5})\b[ \t:]*(?P<text>.*)", re.IGNORECASE | re.DOTALL)
_FENCE = re.compile(r" {0,3}(```|~~~)")
_CODE_INDENT = 4


def parse(body: str) -> Command | None:
    """Return the command of a comment, None where it has none, or one that is unknown or lacks its text."""
    lines = body.splitlines()
    for number, line in _plain(lines):
        if found := _COMMAND.fullmatch(line):
            return _command(found["verb"], found["rest"], lines[number + 1 :])
        if found := _ANSWER.fullmatch(line):
            return _command(Verb.ANSWER, found["rest"], lines[number + 1 :])
    return None


def _plain(lines: list[str]) -> Iterator[tuple[int, str]]:
    """Yield the lines that are text of the comment's author: neither quoted nor code."""
    fence = ""
    for number, line in enumerate(lines):
        mark = _FENCE.match(line)
        if mark is not None and fence in {"", mark[1]}:
            fence = "" if fence else mark[1]
        elif not fence and len(line) - len(line.lstrip()) < _CODE_INDENT:
            yield number, line.strip()


def _command(verb: str, rest: str, following: list[str]) -> Command | None:
    if verb.lower() not in set(Verb):
        return None
    if verb.lower() != Verb.ANSWER:
        return Command(verb=Verb(verb.lower()))
    text = "\n".join([rest, *following]).strip()
    named = _QUESTION.fullmatch(text)
    question, text = (named["question"].upper(), named["text"].strip()) if named else ("", text)
    return Command(verb=Verb.ANSWER, text=text, question=question) if text else None
