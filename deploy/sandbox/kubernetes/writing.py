"""Create, replace, patch, apply, delete: what each makes of an object, with validation and field ownership."""

import json
from collections.abc import Mapping
from typing import Any

import jsonpatch
import yaml

from deploy.sandbox.kubernetes import fields, rules, schemas
from deploy.sandbox.kubernetes.kinds import BY_NAME, Kind
from deploy.sandbox.kubernetes.objects import Object, Objects, now_text
from deploy.sandbox.kubernetes.problems import (
    ApiError,
    Cause,
    bad_request,
    changed_meanwhile,
    exists,
    invalid,
    not_found,
)

APPLY = "application/apply-patch+yaml"
SERVER_SIDE = frozenset({"uid", "resourceVersion", "generation", "creationTimestamp", "managedFields"})


def parsed(raw: bytes) -> Object:
    """Read an object from JSON or YAML. Raises ApiError 400."""
    try:
        content = yaml.safe_load(raw) if not raw.lstrip().startswith((b"{", b"[")) else json.loads(raw)
    except (ValueError, yaml.YAMLError) as error:
        raise bad_request(f"the object provided is unrecognized: {error}") from error
    if not isinstance(content, dict):
        raise bad_request("the object provided is unrecognized (must be of type object)")
    return content


class Writer:
    """Everything that changes objects on behalf of a client."""

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    def _prepared(self, kind: Kind, namespace: str, name: str, content: Object) -> Object:
        """Fill in identity from the address. Raises ApiError 400 where the two differ."""
        stated = (content.get("apiVersion", kind.api_version), content.get("kind", kind.name))
        if stated != (kind.api_version, kind.name):
            raise bad_request(f"the API version in the data ({stated[0]}) and kind ({stated[1]}) do not match")
        metadata = dict(content.get("metadata") or {})
        if kind.namespaced and metadata.setdefault("namespace", namespace) != namespace:
            raise bad_request("the namespace of the provided object does not match the namespace sent on the request")
        if not kind.namespaced:
            metadata.pop("namespace", None)
        if name and metadata.setdefault("name", name) != name:
            raise bad_request(
                f"the name of the object ({metadata['name']}) does not match the name on the URL ({name})"
            )
        if not metadata.get("name"):
            raise invalid(kind, "", [Cause("metadata.name", "Required value: name is required", "FieldValueRequired")])
        return {**content, "apiVersion": kind.api_version, "kind": kind.name, "metadata": metadata}

    def _check(self, kind: Kind, content: Object, before: Object | None) -> None:
        name, namespace = content["metadata"]["name"], content["metadata"].get("namespace")
        wrong = schemas.fault(kind, {key: value for key, value in content.items() if key != "status"})
        if wrong is not None and wrong.reason == "FieldValueUnknown":
            raise bad_request(f'strict decoding error: unknown field "{wrong.field.lstrip(".")}"')
        found = [wrong] if wrong is not None else rules.causes(kind, content, before)
        if found:
            raise invalid(kind, name, found)
        if namespace and self._objects.get(BY_NAME["Namespace"], "", namespace) is None:
            raise not_found(BY_NAME["Namespace"], namespace)

    def create(self, kind: Kind, namespace: str, raw: Object, *, manager: str, dry: bool = False) -> Object:
        """Make a new object. Raises ApiError 409 if the name is taken."""
        content = self._prepared(kind, namespace, "", raw)
        for name in SERVER_SIDE:
            content["metadata"].pop(name, None)
        self._check(kind, content, None)
        if self._objects.get(kind, namespace, content["metadata"]["name"]) is not None:
            raise exists(kind, content["metadata"]["name"])
        content["metadata"]["managedFields"] = _managers_after_update(kind, None, content, manager)
        return content if dry else self._objects.create(kind, _with_defaults(kind, content))

    def replace(
        self, kind: Kind, namespace: str, name: str, raw: Object, *, manager: str, dry: bool = False, part: str = ""
    ) -> Object:
        """Put an object, or its status alone, in place of the one that is there. Raises ApiError 404, 409."""
        before = self._present(kind, namespace, name)
        content = self._prepared(kind, namespace, name, raw)
        version = content["metadata"].get("resourceVersion")
        if version and version != before["metadata"]["resourceVersion"]:
            raise changed_meanwhile(kind, name)
        if part == "status":
            content = {**before, "status": content.get("status")}
        else:
            kept = {key: before["metadata"][key] for key in SERVER_SIDE if key in before["metadata"]}
            content = {**content, "metadata": {**content["metadata"], **kept}}
            if "status" in before:
                content["status"] = before["status"]
            self._check(kind, content, before)
            content["metadata"]["managedFields"] = _managers_after_update(kind, before, content, manager)
        return content if dry else self._objects.replace(kind, content)

    def patch(
        self, kind: Kind, namespace: str, name: str, raw: bytes, form: str, *, manager: str, dry: bool, part: str
    ) -> Object:
        """Apply a JSON patch, a merge patch or a strategic merge patch."""
        before = self._present(kind, namespace, name)
        if form == "application/json-patch+json":
            try:
                content = jsonpatch.apply_patch(before, json.loads(raw))
            except (ValueError, jsonpatch.JsonPatchException) as error:
                raise ApiError(422, "Invalid", f"the server rejected our request: {error}") from error
        elif form in ("application/merge-patch+json", "application/strategic-merge-patch+json"):
            content = _merge_patched(before, parsed(raw), schemas.of(kind), strategic="strategic" in form)
        else:
            raise ApiError(415, "UnsupportedMediaType", f"the body of the request was in an unknown format - {form}")
        return self.replace(kind, namespace, name, content, manager=manager, dry=dry, part=part)

    def apply(
        self, kind: Kind, namespace: str, name: str, raw: bytes, *, manager: str, force: bool, dry: bool
    ) -> tuple[Object, bool]:
        """Apply a configuration by server-side apply; return the object and whether it is new. Raises ApiError 409."""
        if not manager:
            cause = Cause("fieldManager", "Required value: is required for apply patch", "FieldValueRequired")
            raise invalid(Kind(group="meta.k8s.io", version="v1", name="PatchOptions", plural="patchoptions",
                               namespaced=False, short=()), "", [cause])  # fmt: skip
        applied = self._prepared(kind, namespace, name, parsed(raw))
        if applied["metadata"].get("managedFields"):
            raise bad_request("metadata.managedFields must be nil")
        applied = {key: value for key, value in applied.items() if key != "status"}
        before = self._objects.get(kind, namespace, name)
        self._declared(kind, applied)
        content = _applied(kind, before, applied, manager, force=force)
        self._check(kind, content, before)
        if dry:
            return content, before is None
        if before is None:
            return self._objects.create(kind, _with_defaults(kind, content)), True
        return self._objects.replace(kind, content), False

    def _declared(self, kind: Kind, applied: Object) -> None:
        wrong = schemas.fault(kind, applied)
        if wrong is not None and wrong.reason == "FieldValueUnknown":
            metadata = applied["metadata"]
            who = f"{metadata.get('namespace', '')}/{metadata['name']}; {kind.api_version}, Kind={kind.name}"
            words = f"failed to create typed patch object ({who}): {wrong.field}: field not declared in schema"
            raise ApiError(500, "InternalError", words)

    def _present(self, kind: Kind, namespace: str, name: str) -> Object:
        found = self._objects.get(kind, namespace, name)
        if found is None:
            raise not_found(kind, name)
        return found


def _with_defaults(kind: Kind, content: Object) -> Object:
    if kind.name == "Namespace":
        return {**content, "spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Active"}}
    if kind.name == "StatefulSet":
        return {**content, "status": {"observedGeneration": 1, "replicas": 0, "availableReplicas": 0}}
    return content


def _managers(content: Object | None) -> dict[tuple[str, str], set[fields.Path]]:
    entries = (content or {}).get("metadata", {}).get("managedFields", [])
    return {(each["manager"], each["operation"]): fields.from_fields(each["fieldsV1"]) for each in entries}


def _entries(
    kind: Kind, managers: Mapping[tuple[str, str], set[fields.Path]], before: Object | None
) -> list[dict[str, Any]]:
    old = {
        (each["manager"], each["operation"]): each
        for each in (before or {}).get("metadata", {}).get("managedFields", [])
    }
    found = []
    for (manager, operation), paths in managers.items():
        tree = fields.to_fields(paths)
        known = old.get((manager, operation))
        time = known["time"] if known and known["fieldsV1"] == tree else now_text()
        if paths:
            found.append({
                "manager": manager, "operation": operation, "apiVersion": kind.api_version, "time": time,
                "fieldsType": "FieldsV1", "fieldsV1": tree,
            })  # fmt: skip
    return found


def _managers_after_update(kind: Kind, before: Object | None, after: Object, manager: str) -> list[dict[str, Any]]:
    schema = schemas.of(kind)
    present = fields.of_object(after, schema)
    changed = {
        path
        for path in present
        if before is None or fields.value_at(before, path, schema) != fields.value_at(after, path, schema)
    }
    managers = {who: (paths & present) - changed for who, paths in _managers(before).items()}
    managers[manager, "Update"] = managers.get((manager, "Update"), set()) | changed
    return _entries(kind, managers, before)


def _applied(kind: Kind, before: Object | None, applied: Object, manager: str, *, force: bool) -> Object:
    schema, me = schemas.of(kind), (manager, "Apply")
    wanted = fields.of_object(applied, schema)
    managers = _managers(before)
    mine_before = managers.pop(me, set())
    live: Object = before or {"apiVersion": kind.api_version, "kind": kind.name, "metadata": {}}
    conflicts = {
        path: who
        for who, paths in managers.items()
        for path in sorted(paths & wanted)
        if fields.value_at(live, path, schema) != fields.value_at(applied, path, schema)
    }
    if conflicts and not force:
        raise _conflict(kind, conflicts)
    managers = {who: paths - set(conflicts) for who, paths in managers.items()}
    others = set().union(*managers.values())
    live = fields.removed(live, mine_before - wanted, wanted | others, schema)
    content: Object = fields.merged(live, applied, schema)
    content["metadata"]["managedFields"] = _entries(kind, {me: wanted, **managers}, before)
    return content


def _conflict(kind: Kind, conflicts: Mapping[fields.Path, tuple[str, str]]) -> ApiError:
    causes = [
        {
            "reason": "FieldManagerConflict",
            "message": f'conflict with "{who[0]}" using {kind.api_version}',
            "field": fields.told(path),
        }
        for path, who in conflicts.items()
    ]
    listed = ", ".join(f"{each['message']}: {each['field']}" for each in causes)
    number = f"{len(causes)} conflict{'s' if len(causes) > 1 else ''}"
    return ApiError(409, "Conflict", f"Apply failed with {number}: {listed}", {"causes": causes})


def _merge_patched(live: Any, patch: Any, schema: schemas.Schema, *, strategic: bool) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(live, dict) and isinstance(patch, dict):
        result = dict(live)
        for name, value in patch.items():
            if value is None:
                result.pop(name, None)
            else:
                inner = schemas.field(schema, name)
                result[name] = _merge_patched(live.get(name), value, inner, strategic=strategic)
        return result
    if strategic and isinstance(live, list) and isinstance(patch, list):
        return fields.merged(live, patch, schema)
    return patch
