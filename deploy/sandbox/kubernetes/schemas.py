"""Kubernetes' published schemas: is an object valid, and how do its lists merge? No state, no HTTP."""

from collections.abc import Mapping
from functools import cache
from typing import Any

import kubernetes_validate
from kubernetes_validate.utils import schema_contents

from deploy.sandbox.kubernetes.kinds import Kind
from deploy.sandbox.kubernetes.problems import Cause

VERSION = "1.37"
_DEFINITIONS = f"kubernetes-json-schema/v{VERSION}.0-local-strict/_definitions.json"
Schema = Mapping[str, Any]
ANY: Schema = {}


@cache
def _definitions() -> Mapping[str, Any]:
    definitions: Mapping[str, Any] = schema_contents(_DEFINITIONS, VERSION)["$defs"]
    return definitions


@cache
def _of_kinds() -> Mapping[tuple[str, str, str], Schema]:
    return {
        (each["group"], each["version"], each["kind"]): definition
        for definition in _definitions().values()
        for each in definition.get("x-kubernetes-group-version-kind", ())
    }


def of(kind: Kind) -> Schema:
    """Return the schema of a kind; an empty one if Kubernetes has none."""
    return _of_kinds().get((kind.group, kind.version, kind.name), ANY)


def resolved(schema: Schema) -> Schema:
    """Follow references."""
    while True:
        reference = schema.get("$ref") or next((each["$ref"] for each in schema.get("allOf", ()) if "$ref" in each), "")
        if not reference:
            return schema
        outer = {key: value for key, value in schema.items() if key not in ("$ref", "allOf")}
        schema = {**_definitions()[reference.rpartition("/")[2]], **outer}


def field(schema: Schema, name: str) -> Schema:
    """Return the schema of a field, or of a map's values."""
    schema = resolved(schema)
    found = schema.get("properties", {}).get(name)
    if found is None:
        found = schema.get("additionalProperties") or ANY
    return found if isinstance(found, Mapping) else ANY


def element(schema: Schema) -> Schema:
    """Return the schema of a list's elements."""
    return resolved(schema).get("items") or ANY


def is_atomic_map(schema: Schema) -> bool:
    """Tell whether a map is owned as a whole."""
    return resolved(schema).get("x-kubernetes-map-type") == "atomic"


def list_keys(schema: Schema) -> tuple[str, ...]:
    """Return the fields that tell the elements of a list apart; none for a list that is owned as a whole."""
    schema = resolved(schema)
    return tuple(schema["x-kubernetes-list-map-keys"]) if schema.get("x-kubernetes-list-type") == "map" else ()


def is_set(schema: Schema) -> bool:
    """Tell whether a list is a set of plain values."""
    return resolved(schema).get("x-kubernetes-list-type") == "set"


def default_of(schema: Schema, name: str) -> object:
    """Return the default of a key field: the published schemas leave out that a port's protocol is TCP."""
    known = {"protocol": "TCP"}
    return field(element(schema), name).get("default", known.get(name))


def fault(kind: Kind, content: Mapping[str, Any]) -> Cause | None:
    """Return the first field that the schema does not know or allow, or None."""
    if not kind.has_schema:
        return None
    try:
        kubernetes_validate.validate(dict(content), VERSION, strict=True)
    except kubernetes_validate.ValidationError as error:
        path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error.absolute_path)
        unknown = "Additional properties are not allowed" in error.message
        if unknown:
            name = error.message.split("'")[1]
            return Cause(f"{path}.{name}", "field not declared in schema", "FieldValueUnknown")
        return Cause(path.lstrip(".") or "<root>", error.message)
    return None
