"""Reads JSON with comments and puts a member into it, leaving every other character as it is. Pure.

The format is that of devcontainer.json, with comments and trailing commas: https://containers.dev/implementors/spec/
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_TOKEN = re.compile(
    r"""(?P<space>[\s\ufeff]+|//[^\n]*|/\*.*?\*/)|(?P<string>"(?:[^"\\\n]|\\.)*")"""
    r"""|(?P<mark>[{}\[\]:,])|(?P<word>[^\s{}\[\]:,"/]+)""",
    re.DOTALL,
)
_COMMENT_BEHIND = re.compile(r"[ \t]*(?://[^\r\n]*|/\*[^\r\n]*?\*/[ \t]*(?=\r?\n))")
_INDENT = "  "


class Unreadable(ValueError):  # noqa: N818 - reads as a word of the domain
    """The text is no JSON with comments, or not of the shape that is asked for."""


@dataclass(frozen=True, kw_only=True)
class _Token:
    text: str
    start: int
    end: int


@dataclass(frozen=True, kw_only=True)
class _Object:
    """An object in the text: the places of its braces and of its members' first and last tokens."""

    open: _Token
    close: _Token
    first: _Token | None
    last: _Token | None


def parse(text: str) -> dict[str, Any]:
    """Return the object that the text holds. Raises Unreadable."""
    kept: list[str] = []
    for token in _tokens(text):
        if token.text in {"}", "]"} and kept and kept[-1] == ",":
            kept.pop()
        kept.append(token.text)
    try:
        found = json.loads(" ".join(kept))
    except (ValueError, RecursionError) as error:
        raise Unreadable(str(error)) from error
    if not isinstance(found, dict):
        raise Unreadable("it is no object")
    return found


def with_member(text: str, outer: str, name: str) -> str:
    """Return the text with `"name": {}` in the object that is the member `outer`, which is made where it is absent.

    Raises Unreadable where the text cannot be read or `outer` is something else than an object.
    """
    data = parse(text)
    if name in _mapping(data.get(outer, {})):
        return text
    tokens = list(_tokens(text))
    if outer not in data:
        return with_member(_inserted(text, _object(tokens, 0), f"{json.dumps(outer)}: {{}}"), outer, name)
    return _inserted(text, _object(tokens, _value_of(tokens, outer)), f"{json.dumps(name)}: {{}}")


def _mapping(value: object) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        raise Unreadable("a member that should be an object is none")
    return value


def _tokens(text: str) -> Iterator[_Token]:
    """Give all tokens but spaces and comments."""
    at = 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None:
            raise Unreadable(f"nothing of JSON at character {at}")
        if found.lastgroup != "space":
            yield _Token(text=found.group(), start=found.start(), end=found.end())
        at = found.end()


def _value_of(tokens: list[_Token], name: str) -> int:
    """Return the place of the value of the outermost object's member `name`; the last one counts, as in JSON."""
    depth, found = 0, 0
    for place, token in enumerate(tokens):
        if token.text in {"{", "["}:
            depth += 1
        elif token.text in {"}", "]"}:
            depth -= 1
        elif depth == 1 and token.text[0] == '"' and tokens[place + 1].text == ":" and json.loads(token.text) == name:
            found = place + 2
    return found


def _object(tokens: list[_Token], start: int) -> _Object:
    """Return the object whose brace stands at `start`."""
    depth = 0
    for place in range(start, len(tokens)):
        depth += {"{": 1, "[": 1, "}": -1, "]": -1}.get(tokens[place].text, 0)
        if depth == 0:
            inner = tokens[start + 1 : place]
            return _Object(
                open=tokens[start],
                close=tokens[place],
                first=inner[0] if inner else None,
                last=inner[-1] if inner else None,
            )
    raise Unreadable("an object without its end")


def _inserted(text: str, place: _Object, member: str) -> str:
    """Return the text with `member` at the end of the object, written as its other members are."""
    newline = "\r\n" if "\r\n" in text else "\n"
    if place.last is None or place.first is None:
        outside = _indent(text, place.open.start)
        before = text[: place.close.start].rstrip()
        return f"{before}{newline}{outside}{_INDENT}{member}{newline}{outside}{text[place.close.start :]}"
    end = place.last.end
    comma, trailing = ("", ",") if place.last.text == "," else (",", "")
    comment = _comment_behind(text, end)
    on_lines = "\n" in text[place.open.end : place.close.start]
    gap = f"{newline}{_indent(text, place.first.start)}" if on_lines else " "
    return f"{text[:end]}{comma}{comment}{gap}{member}{trailing}{text[end + len(comment) :]}"


def _comment_behind(text: str, at: int) -> str:
    """Return the comment that ends the line on which a member ends, so that it stays with its member; else nothing."""
    found = _COMMENT_BEHIND.match(text, at)
    return found.group() if found else ""


def _indent(text: str, at: int) -> str:
    """Return the white space at the beginning of the line on which the character `at` stands."""
    line = text[text.rfind("\n", 0, at) + 1 : at]
    return line[: len(line) - len(line.lstrip())]
