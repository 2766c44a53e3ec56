"""Answers by schema: the JSON Schema of a type, the strict form of it, and the value in what a model said. Pure.

Strict form: https://platform.openai.com/docs/guides/structured-outputs#supported-schemas
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import TypeAdapter, ValidationError

Value = TypeVar("Value")

_FENCED = re.compile(r"\s*```[a-zA-Z]*\s*\n(.*?)\n?\s*```\s*", re.DOTALL)
_LEFT_OUT = frozenset({"default", "title", "examples", "minLength", "maxLength", "discriminator", "uniqueItems"})
_NAMELESS = re.compile(r"[^A-Za-z0-9_-]+")


class NotFitting(ValueError):  # noqa: N818 - reads as a word of the domain
    """What was said is no such value; `problems` has one `path: what is wrong` each, for the model to mend."""

    def __init__(self, problems: tuple[str, ...]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


@dataclass(frozen=True, kw_only=True)
class Shape(Generic[Value]):
    """What an answer must be. `strict` is None where the type cannot be told in the strict form (free mappings)."""

    name: str
    schema: Mapping[str, object]
    strict: Mapping[str, object] | None
    adapter: TypeAdapter[Value]

    def read(self, text: str) -> Value:
        """Return the value that `text` says, also within a fence. Raises NotFitting."""
        fenced = _FENCED.fullmatch(text)
        try:
            return self.adapter.validate_json(fenced[1] if fenced else text)
        except ValidationError as error:
            raise NotFitting(_problems(error)) from None

    def told(self) -> str:
        """Return the schema as words for a prompt."""
        schema = json.dumps(self.schema, ensure_ascii=False)
        return f"Answer with one JSON object and nothing else. It must fit this JSON Schema:\n{schema}"


_made: dict[object, Shape[Any]] = {}


def shape(kind: type[Value]) -> Shape[Value]:
    """Return the shape of a type, made once a process."""
    if kind not in _made:
        _made[kind] = _shape(kind)
    found: Shape[Value] = _made[kind]
    return found


def _shape(kind: type[Value]) -> Shape[Value]:
    adapter: TypeAdapter[Value] = TypeAdapter(kind)
    schema = adapter.json_schema()
    name = _NAMELESS.sub("_", getattr(kind, "__name__", "Answer"))[:64]
    return Shape(name=name, schema=schema, strict=strict(schema), adapter=adapter)


def _problems(error: ValidationError) -> tuple[str, ...]:
    faults = error.errors(include_url=False, include_input=False, include_context=False)
    return tuple(f"{'.'.join(map(str, fault['loc'])) or 'answer'}: {fault['msg']}" for fault in faults)


def strict(schema: Mapping[str, object]) -> dict[str, object] | None:
    """Return the schema in the strict form, in which every object is closed and every field required; None: it cannot.

    Keywords that the strict form does not know are left out: the value is checked by the type itself in any case.
    """
    if schema.get("type") != "object" or not _can_be_strict(schema):
        return None
    made = _strict(schema)
    return made if isinstance(made, dict) else None


def _can_be_strict(node: object) -> bool:
    """Return whether no part is a free mapping, a tuple of different kinds or a value of any kind."""
    if isinstance(node, list):
        return all(map(_can_be_strict, node))
    if not isinstance(node, Mapping):
        return True
    free = node.get("type") == "object" and "properties" not in node
    if free or node.get("additionalProperties") not in {None, False} or "prefixItems" in node or node == {}:
        return False
    inner = {**node, **_named(node, "properties"), **_named(node, "$defs")}
    return all(_can_be_strict(value) for key, value in inner.items() if key not in {"properties", "$defs", "default"})


def _named(node: Mapping[str, Any], word: str) -> dict[str, object]:
    """Return the schemas below `properties` or `$defs`, whose keys are names and no keywords."""
    return {f"{word} {name}": value for name, value in node.get(word, {}).items()}


def _strict(node: object) -> object:
    if isinstance(node, list):
        return [_strict(each) for each in node]
    if not isinstance(node, Mapping):
        return node
    made: dict[str, object] = {}
    for key, value in node.items():
        if key in {"properties", "$defs"} and isinstance(value, Mapping):
            made[key] = {name: _strict(each) for name, each in value.items()}
        elif key not in _LEFT_OUT:
            made["anyOf" if key == "oneOf" else key] = _strict(value)
    if isinstance(made.get("properties"), dict):
        made["required"] = list(_named_only(made["properties"]))
        made["additionalProperties"] = False
    return made


def _named_only(properties: object) -> dict[str, object]:
    return properties if isinstance(properties, dict) else {}
