"""Inputs and outputs of steps: which types a step takes and gives, and how their values go to JSON and back."""

import dataclasses
import re
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

from meshsix.durable.definition import Answer, Step, StepFacts

ASK, ANSWER, THIS = "ask", "answer", "this"
_NUL = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")
"""NUL as JSON spells it, and not the six characters that a text may hold: their backslash is doubled."""
RESERVED = frozenset({ASK, ANSWER, THIS})


@dataclass(frozen=True, kw_only=True)
class Signature:
    """What a step takes and gives.

    `takes` is the type of its first argument; `fields` its fields and their types, empty where it takes the run's
    input itself. `gives` is the type of its output, NoneType where it has none.
    """

    takes: Any
    fields: Mapping[str, Any]
    gives: Any


@cache
def signature(does: Callable[[Any, Any], Any], ask: type) -> Signature:
    """Read the annotations of a step's function. Raises TypeError where they are missing."""
    hints = typing.get_type_hints(does)
    names = list(hints)
    if "return" not in hints or len(names) < 2:  # noqa: PLR2004 - the input and the return type at least
        raise TypeError(f"{_title(does)} must annotate its input and what it returns.")
    takes = hints[names[0]]
    fields = _field_types(takes) if takes is not ask and isinstance(takes, type) else {}
    return Signature(takes=takes, fields=fields, gives=hints["return"])


def optional(kind: object) -> tuple[Any, bool]:
    """Return `X, True` for `X | None`, and `kind, False` for all else."""
    if typing.get_origin(kind) in {types.UnionType, typing.Union}:
        members = [member for member in typing.get_args(kind) if member is not types.NoneType]
        if len(members) == 1 and len(typing.get_args(kind)) > 1:
            return members[0], True
    return kind, False


@cache
def adapter(kind: Any) -> TypeAdapter[Any]:  # noqa: ANN401 - any type that a step may name
    """Return the pydantic adapter of a type, made once a process."""
    return TypeAdapter(kind)


def encode(kind: object, value: object) -> str | None:
    """Return `value`, an instance of `kind`, as JSON text, None for None. Raises TypeError for anything else.

    NUL, which PostgreSQL does not take, is replaced: what a step did is not lost for it.
    """
    plain, may_be_none = optional(kind)
    if value is None and (may_be_none or plain is types.NoneType):
        return None
    if not isinstance(value, plain):
        raise TypeError(f"{plain.__name__} was promised, not {type(value).__name__}.")
    return _NUL.sub(r"\1\\ufffd", adapter(plain).dump_json(value, warnings="error").decode())


class BadData(Exception):  # noqa: N818 - reads as a word of the domain
    """Stored JSON does not fit the type that should be made of it."""


def decode(kind: object, text: str) -> object:
    """Return the instance of `kind` that the JSON `text` stands for; fields that it does not know are left out.

    Raises BadData; its message names the fields and never their values.
    """
    try:
        return typing.cast("object", adapter(kind).validate_json(text))
    except ValidationError as error:
        places = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors())
        raise BadData(f"Cannot make {getattr(kind, '__name__', kind)} of what is stored: {places}") from None


class NothingToGive(Exception):  # noqa: N818 - reads as a word of the domain
    """A step needs the output of a step that was skipped or has none."""

    def __init__(self, step: str, field: str) -> None:
        super().__init__(f"{step} needs the output of {field}, which has none in this run.")


@dataclass(frozen=True, kw_only=True)
class Given:
    """All that a step's input is made of. `ask` and `outputs` are JSON texts; None where a step has no output."""

    ask: str
    outputs: Mapping[str, str | None]
    answer: Answer | None
    this: StepFacts


def make_input(step: Step, ask: type, given: Given) -> object:
    """Return the input of a step. Raises NothingToGive, BadData."""
    wants = signature(step.does, ask)
    if not wants.fields:
        return decode(ask, given.ask)
    reserved = {ANSWER: given.answer, THIS: given.this}
    values: dict[str, object] = {}
    for name, kind in wants.fields.items():
        if name in reserved:
            values[name] = reserved[name]
        elif name == ASK:
            values[name] = decode(ask, given.ask)
        else:
            values[name] = _output(step.name, name, kind, given.outputs.get(name))
    return wants.takes(**values)


def outputs_wanted(step: Step, ask: type) -> list[str]:
    """Return the names of the earlier steps whose outputs the step takes."""
    return [name for name in signature(step.does, ask).fields if name not in RESERVED]


def _output(step: str, field: str, kind: object, text: str | None) -> object:
    plain, may_be_none = optional(kind)
    if text is not None:
        return decode(plain, text)
    if may_be_none:
        return None
    raise NothingToGive(step, field)


def _field_types(kind: type) -> dict[str, Any]:
    if not dataclasses.is_dataclass(kind):
        return {}
    hints = typing.get_type_hints(kind)
    return {field.name: hints[field.name] for field in dataclasses.fields(kind)}


def _title(does: Callable[[Any, Any], Any]) -> str:
    return f"{does.__module__}.{does.__qualname__}"
