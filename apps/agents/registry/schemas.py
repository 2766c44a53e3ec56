"""JSON Schemas (2020-12) of what capabilities take and give: derived from dataclasses, or sent by agents outside."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

from jsonschema import Draft202012Validator
from jsonschema.exceptions import SchemaError, ValidationError
from referencing import Registry
from referencing.exceptions import Unresolvable

from meshsix.durable import coding

Schema = Mapping[str, Any]

LARGEST_BYTES = 64 * 1024
_MOST_FAULTS = 20
_NOTHING_ELSEWHERE: Registry[Any] = Registry()


class BadSchema(ValueError):  # noqa: N818 - reads as a word of the domain
    """A schema that cannot be used; the message says why."""


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What is wrong with one field of a value; `pointer` is a JSON pointer. The value itself is never repeated."""

    pointer: str
    code: str
    detail: str


_ENDLESS = Fault(pointer="", code="schema", detail="The schema leads back to itself without end, or is too deep.")


def derive(kind: type, *, output: bool = False) -> dict[str, Any]:
    """Return the schema of a dataclass; unknown fields are refused at every depth."""
    mode: Literal["serialization", "validation"] = "serialization" if output else "validation"
    schema: dict[str, Any] = coding.adapter(kind).json_schema(mode=mode)
    _close(schema)
    return schema


def _close(node: object) -> None:
    """Refuse unknown fields wherever a dataclass stands."""
    if isinstance(node, dict):
        if node.get("type") == "object" and "properties" in node:
            node.setdefault("additionalProperties", False)
        for inner in node.values():
            _close(inner)
    elif isinstance(node, list):
        for inner in node:
            _close(inner)


def canonical(schema: Schema) -> str:
    """Return the schema as text; equal schemas have equal texts."""
    return json.dumps(schema, sort_keys=True, separators=(",", ":"), ensure_ascii=False)


def digest(schema: Schema) -> str:
    """Return the SHA-256 by which a schema is stored."""
    return hashlib.sha256(canonical(schema).encode()).hexdigest()


def check(schema: Schema) -> None:
    """Raise BadSchema unless this is a schema of moderate size and depth that refers to nothing outside of itself.

    One that leads back to itself at once is found by a try; deeper ones are found by the values (see `faults`).
    """
    try:
        _check(schema)
    except RecursionError as error:
        raise BadSchema(_ENDLESS.detail) from error
    if _ENDLESS in faults(schema, {}):
        raise BadSchema(_ENDLESS.detail)


def _check(schema: Schema) -> None:
    text = canonical(schema)
    if len(text.encode()) > LARGEST_BYTES:
        raise BadSchema(f"A schema may have {LARGEST_BYTES // 1024} KiB at most.")
    foreign = sorted(target for target in _references(schema) if not target.startswith("#"))
    if foreign:
        raise BadSchema(f"A schema may refer to its own parts alone, not to {foreign[0][:100]!r}.")
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        raise BadSchema(f"{_pointer(error) or 'The schema'}: {error.message[:300]}") from error


def _references(node: object) -> Iterator[str]:
    if isinstance(node, Mapping):
        for name, inner in node.items():
            if name in {"$ref", "$dynamicRef"} and isinstance(inner, str):
                yield inner
            yield from _references(inner)
    elif isinstance(node, list | tuple):
        for inner in node:
            yield from _references(inner)


def faults(schema: Schema, value: object) -> tuple[Fault, ...]:
    """Return what is wrong with a value, in the order of its fields; nothing where it fits.

    A schema that never comes to an end refuses every value with which it does so.
    """
    try:
        found = sorted(_validator(canonical(schema)).iter_errors(value), key=lambda error: list(map(str, error.path)))
    except Unresolvable:
        return (Fault(pointer="", code="schema", detail="The schema refers to a part that it does not have."),)
    except RecursionError:
        return (_ENDLESS,)
    return tuple(_fault(error) for error in found[:_MOST_FAULTS])


@lru_cache(maxsize=500)
def _validator(text: str) -> Draft202012Validator:
    return Draft202012Validator(json.loads(text), registry=_NOTHING_ELSEWHERE)


def _fault(error: ValidationError) -> Fault:
    return Fault(pointer=_pointer(error), code=str(error.validator), detail=_sentence(error))


def _sentence(error: ValidationError) -> str:
    """Return what the field should be, without the value that was sent: it may be a secret."""
    wanted = json.dumps(error.validator_value, default=str)[:200]
    match error.validator:
        case "required" | "additionalProperties":
            return error.message[:300]
        case "type":
            return f"must be of type {wanted}"
        case "enum" | "const":
            return f"must be one of {wanted}"
        case "anyOf" | "oneOf":
            return "fits none of the allowed forms"
        case _:
            return f"must keep {error.validator} {wanted}"


def _pointer(error: ValidationError | SchemaError) -> str:
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in error.absolute_path)
