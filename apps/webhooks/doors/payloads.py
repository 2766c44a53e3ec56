"""Whether what came in is an object of JSON that everybody can read later. Pure."""

import json

import msgspec

DEEPEST = 400
"""How deep a payload may be nested: whoever reads it later must be able to, with whatever stack is above."""


LONGEST_NUMBER = 4300
"""How many digits a number may have, as Python's own reader of JSON has it.
https://docs.python.org/3/library/stdtypes.html#integer-string-conversion-length-limitation"""
_DIGITS = bytes(ord("0") if byte in b"0123456789" else ord(" ") for byte in range(256))
_TOO_MANY_DIGITS = b"0" * (LONGEST_NUMBER + 1)


class NoObject(Exception):  # noqa: N818 - reads as a word of the domain
    """It is no JSON, no UTF-8, no object, nested too deep, or has a number that nobody can read later."""


class _Head(msgspec.Struct):
    """All that is read of a payload before it is stored; the rest is checked to be JSON and skipped."""

    action: msgspec.Raw = msgspec.Raw(b'""')


_HEAD = msgspec.json.Decoder(_Head)
_TEXT = msgspec.json.Decoder(str)


def check(body: bytes) -> bytes:
    """Return the JSON of the field `action`, an empty text where there is none. Raises NoObject."""
    try:
        body.decode()  # what is skipped is not checked to be UTF-8
        head = _HEAD.decode(body)
        if body.count(b"[") + body.count(b"{") > DEEPEST and _depth(body) > DEEPEST:
            raise NoObject(f"It is nested deeper than {DEEPEST}.")
        if _may_have_a_long_number(body) and _TOO_MANY_DIGITS in body.translate(_DIGITS):
            json.loads(body)  # they may be text, else it is the reader that says so
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise NoObject(str(error)) from error
    return bytes(head.action)


def action(body: bytes, *, most: int) -> str:
    """Return the payload's action, or nothing where it has none that could be one. Raises NoObject."""
    found = check(body)
    try:
        text = _TEXT.decode(found)
    except msgspec.MsgspecError:
        return ""
    return text if text.isprintable() and len(text) <= most else ""


def _may_have_a_long_number(body: bytes) -> bool:
    """Return whether so many digits in a row may be there: they would cover one of these places."""
    return any(byte in b"0123456789" for byte in body[::LONGEST_NUMBER])


def _depth(body: bytes) -> int:
    """Return how deep a payload is nested; more than DEEPEST says no more than that."""
    level, depth = [msgspec.json.decode(body)], 0
    while level and depth <= DEEPEST:
        depth += 1
        level = [
            part
            for each in level
            if isinstance(each, dict | list)
            for part in (each.values() if isinstance(each, dict) else each)
        ]
    return depth
