"""Server-side apply as pure functions: who owns which field, and what an applied configuration makes of an object.

A path is a tuple of elements as managedFields write them: `f:spec`, `k:{"name":"web"}`, `v:"a"`.
https://kubernetes.io/docs/reference/using-api/server-side-apply/
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from deploy.sandbox.kubernetes import schemas
from deploy.sandbox.kubernetes.schemas import Schema

Path = tuple[str, ...]
SYSTEM = frozenset(
    {"name", "namespace", "uid", "resourceVersion", "generation", "creationTimestamp", "managedFields", "selfLink"}
)


def _key(item: Mapping[str, Any], schema: Schema, names: Iterable[str]) -> str:
    found = {name: item.get(name, schemas.default_of(schema, name)) for name in sorted(names)}
    present = {name: value for name, value in found.items() if value is not None}
    return "k:" + json.dumps(present, separators=(",", ":"))


def owned(content: Any, schema: Schema) -> set[Path]:  # noqa: ANN401 - any JSON
    """Return the paths of everything that a configuration says."""
    found: set[Path] = set()
    if isinstance(content, Mapping) and content and not schemas.is_atomic_map(schema):
        for name, value in content.items():
            inner = owned(value, schemas.field(schema, name))
            found |= {(f"f:{name}", *path) for path in inner}
        return found
    if isinstance(content, list) and content:
        names = schemas.list_keys(schema)
        if names:
            for item in content:
                key = _key(item, schema, names)
                found |= {(key, *path) for path in owned(item, schemas.element(schema))} | {(key, ".")}
            return found
        if schemas.is_set(schema):
            return {("v:" + json.dumps(value),) for value in content}
    return {()}


def of_object(content: Mapping[str, Any], schema: Schema) -> set[Path]:
    """Return what a manager owns that says this of an object: neither its identity nor what the server keeps."""
    plain = {name: value for name, value in content.items() if name not in ("apiVersion", "kind", "status")}
    plain["metadata"] = {name: value for name, value in content.get("metadata", {}).items() if name not in SYSTEM}
    if not plain["metadata"]:
        del plain["metadata"]
    return owned(plain, schema) if plain else set()


def merged(live: Any, applied: Any, schema: Schema) -> Any:  # noqa: ANN401 - any JSON
    """Return what is there with the applied configuration laid over it."""
    if isinstance(live, Mapping) and isinstance(applied, Mapping) and not schemas.is_atomic_map(schema):
        result = dict(live)
        for name, value in applied.items():
            inner = schemas.field(schema, name)
            result[name] = merged(live[name], value, inner) if name in live else value
        return result
    if isinstance(live, list) and isinstance(applied, list):
        names = schemas.list_keys(schema)
        if names:
            return _merged_list(live, applied, schema, names)
        if schemas.is_set(schema):
            return [*live, *(value for value in applied if value not in live)]
    return applied


def _merged_list(live: list[Any], applied: list[Any], schema: Schema, names: tuple[str, ...]) -> list[Any]:
    wanted = {_key(item, schema, names): item for item in applied}
    present = {_key(item, schema, names): item for item in live}
    kept = [
        merged(item, wanted[key], schemas.element(schema)) if key in wanted else item for key, item in present.items()
    ]
    return kept + [item for key, item in wanted.items() if key not in present]


def value_at(content: Any, path: Path, schema: Schema) -> Any:  # noqa: ANN401 - any JSON
    """Return what is at the path, or None."""
    for part in path:
        if part == ".":
            return True
        if part.startswith("f:"):
            name = part[2:]
            if not isinstance(content, Mapping) or name not in content:
                return None
            content, schema = content[name], schemas.field(schema, name)
        elif part.startswith("v:"):
            return True if isinstance(content, list) and json.loads(part[2:]) in content else None
        else:
            item = _find(content, part, schema)
            if item is None:
                return None
            content, schema = item, schemas.element(schema)
    return content


def _find(content: Any, part: str, schema: Schema) -> Any:  # noqa: ANN401 - any JSON
    names = schemas.list_keys(schema)
    items = content if isinstance(content, list) else []
    return next((item for item in items if _key(item, schema, names) == part), None)


def removed(content: dict[str, Any], paths: Iterable[Path], keep: set[Path], schema: Schema) -> dict[str, Any]:
    """Return the object without these paths, but for what `keep` (the paths of all managers) still needs."""
    result: dict[str, Any] = json.loads(json.dumps(content))
    for path in sorted(paths, key=len, reverse=True):
        target = path[:-1] if path[-1:] == (".",) else path
        if target and not any(other[: len(target)] == target for other in keep):
            _remove(result, target, schema)
    return result


def _remove(content: Any, path: Path, schema: Schema) -> None:  # noqa: ANN401 - any JSON
    part, rest = path[0], path[1:]
    if part.startswith("f:"):
        name = part[2:]
        if not isinstance(content, dict) or name not in content:
            return
        if rest:
            _remove(content[name], rest, schemas.field(schema, name))
        if not rest or content[name] in ({}, []):
            del content[name]
    elif part.startswith("v:"):
        if isinstance(content, list) and json.loads(part[2:]) in content:
            content.remove(json.loads(part[2:]))
    else:
        item = _find(content, part, schema)
        if item is not None and rest:
            _remove(item, rest, schemas.element(schema))
        elif item is not None:
            content.remove(item)


def to_fields(paths: Iterable[Path]) -> dict[str, Any]:
    """Return paths as `fieldsV1`."""
    tree: dict[str, Any] = {}
    for path in sorted(paths):
        place = tree
        for part in path:
            place = place.setdefault(part, {})
    return tree


def from_fields(tree: Mapping[str, Any]) -> set[Path]:
    """Return the paths of `fieldsV1`."""
    found: set[Path] = set()
    for part, inner in tree.items():
        found |= {(part, *path) for path in from_fields(inner)} if inner else {(part,)}
    return found


def told(path: Path) -> str:
    """Return a path as conflicts name it: `.spec.replicas`, `.spec.containers[name="web"].image`."""
    words = ""
    for part in path:
        if part.startswith("f:"):
            words += f".{part[2:]}"
        elif part.startswith("k:"):
            words += "[" + ",".join(f"{k}={json.dumps(v)}" for k, v in json.loads(part[2:]).items()) + "]"
    return words
