"""An example of a JSON Schema: what a sandbox model answers where a schema is asked for and no rule says more."""

import json
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

_DEEPEST = 12


def filled(schema: Mapping[str, Any], words: str, cited: str = "") -> Any:  # noqa: ANN401 - any JSON value may be an example
    """Return a value that fits the schema.

    `words` stand wherever a free text is wanted, `cited` where a list of ids is (`..._ids`), as long as there is one.
    """
    return _example(schema, schema, Texts(words, cited), depth=0)


class Texts(NamedTuple):
    """What stands in texts, and in ids of something that is cited."""

    words: str
    cited: str


def _example(schema: Mapping[str, Any], root: Mapping[str, Any], texts: Texts, *, depth: int) -> Any:  # noqa: ANN401 - as above
    if depth > _DEEPEST:
        return None
    if "$ref" in schema:
        return _example(_referred(schema["$ref"], root), root, texts, depth=depth + 1)
    for fixed in ("const", "default"):
        if fixed in schema:
            return schema[fixed]
    if schema.get("enum"):
        return schema["enum"][0]
    for choice in ("anyOf", "oneOf", "allOf"):
        if schema.get(choice):
            return _example(schema[choice][0], root, texts, depth=depth + 1)
    return _of_kind(schema, root, texts, depth=depth)


def _of_kind(schema: Mapping[str, Any], root: Mapping[str, Any], texts: Texts, *, depth: int) -> Any:  # noqa: ANN401 - as above
    kind = schema.get("type", "object" if "properties" in schema else "string")
    match kind[0] if isinstance(kind, list) else kind:
        case "object":
            wanted = schema.get("required", list(schema.get("properties", {})))
            parts = schema.get("properties", {})
            given = {name: texts._replace(words=texts.cited) if _cites(name, texts) else texts for name in wanted}
            return {name: _example(parts.get(name, {}), root, given[name], depth=depth + 1) for name in wanted}
        case "array":
            one = _example(schema.get("items", {}), root, texts, depth=depth + 1)
            return [one] * max(1, schema.get("minItems", 1)) if schema.get("maxItems", 1) else []
        case "integer":
            return int(schema.get("minimum", 1))
        case "number":
            return float(schema.get("minimum", min(0.5, schema.get("maximum", 0.5))))
        case "boolean" | "null" as plain:
            return True if plain == "boolean" else None
    return texts.words[: schema.get("maxLength", len(texts.words))].ljust(schema.get("minLength", 0), ".")


def _cites(name: str, texts: Texts) -> bool:
    return name.endswith("_ids") and bool(texts.cited)


def _referred(reference: str, root: Mapping[str, Any]) -> Mapping[str, Any]:
    found: Any = root
    for part in reference.removeprefix("#/").split("/"):
        found = found[part]
    return found if isinstance(found, Mapping) else {}


def schema_in(text: str) -> dict[str, Any] | None:
    """Return the first JSON Schema of an object that stands in a prompt, None where there is none."""
    return next((each for each in _objects(text) if "properties" in each), None)


def _objects(text: str) -> Iterator[dict[str, Any]]:
    decoder, at = json.JSONDecoder(), text.find("{")
    while at >= 0:
        try:
            value, end = decoder.raw_decode(text, at)
        except ValueError:
            end = at + 1
        else:
            if isinstance(value, dict):
                yield value
        at = text.find("{", end)


def strict_problem(schema: Mapping[str, Any], at: str = "()") -> str | None:
    """Return what a strict schema lacks, as OpenAI words it; None where it is strict."""
    if schema.get("type") == "object" or "properties" in schema:
        if schema.get("additionalProperties") is not False:
            return f"In context={at}, 'additionalProperties' is required to be supplied and to be false."
        if set(schema.get("required", [])) != set(schema.get("properties", {})):
            return f"In context={at}, 'required' is required to be an array including every key in properties."
    inner = [*schema.get("properties", {}).values(), *schema.get("$defs", {}).values(), *schema.get("anyOf", [])]
    inner += [schema["items"]] if isinstance(schema.get("items"), dict) else []
    return next((found for each in inner if (found := strict_problem(each, at))), None)
