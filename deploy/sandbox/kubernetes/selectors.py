"""labelSelector and fieldSelector, read and applied. Pure."""

import re
from collections.abc import Callable, Mapping
from typing import Any

from deploy.sandbox.kubernetes.problems import bad_request

Test = Callable[[Mapping[str, Any]], bool]
_SET = re.compile(r"(?P<key>[\w./-]+)\s+(?P<word>in|notin)\s+\((?P<values>[^)]*)\)")
_PAIR = re.compile(r"(?P<key>[\w./-]+)\s*(?P<sign>==|!=|=)\s*(?P<value>[\w./-]*)")
_KEY = re.compile(r"(?P<absent>!?)\s*(?P<key>[\w./-]+)")
_PARTS = re.compile(r",(?![^(]*\))")


def labels(text: str) -> list[Test]:
    """Return one test for each requirement of a label selector. Raises ApiError 400."""
    return [_label(part.strip()) for part in _PARTS.split(text) if part.strip()]


def _label(part: str) -> Test:
    if found := _SET.fullmatch(part):
        key, wanted = found["key"], {value.strip() for value in found["values"].split(",")}
        inside = found["word"] == "in"
        return lambda content: (_labels_of(content).get(key) in wanted) is inside
    if found := _PAIR.fullmatch(part):
        key, value, equal = found["key"], found["value"], found["sign"] != "!="
        return lambda content: (_labels_of(content).get(key) == value) is equal
    if found := _KEY.fullmatch(part):
        key, present = found["key"], not found["absent"]
        return lambda content: (key in _labels_of(content)) is present
    raise bad_request(f"unable to parse requirement: {part}")


def _labels_of(content: Mapping[str, Any]) -> Mapping[str, str]:
    return content["metadata"].get("labels") or {}


def fields(text: str) -> list[Test]:
    """Return one test for each requirement of a field selector. Raises ApiError 400."""
    return [_field(part.strip()) for part in text.split(",") if part.strip()]


def _field(part: str) -> Test:
    found = _PAIR.fullmatch(part)
    if found is None:
        raise bad_request(f"invalid selector: '{part}'; can't understand '{part}'")
    path, value, equal = found["key"].split("."), found["value"], found["sign"] != "!="
    return lambda content: (str(_at(content, path)) == value) is equal


def _at(content: Any, path: list[str]) -> object:  # noqa: ANN401 - any JSON
    for name in path:
        content = content.get(name, "") if isinstance(content, Mapping) else ""
    return content
