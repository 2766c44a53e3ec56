"""How objects are shown: in the status, in an operation's result, as managed resources, as nodes of the tree. Pure."""

import copy
import json
from collections.abc import Mapping
from typing import Any

from deploy.sandbox.argocd.kustomize import Object
from deploy.sandbox.argocd.target import Ref

HIDDEN = "++++++++"
WORST = ("Missing", "Degraded", "Progressing", "Healthy")


def ref(resource: Mapping[str, Any]) -> Ref:
    """Return the object that a resource of an application's status is."""
    version = f"{resource['group']}/{resource['version']}" if resource["group"] else resource["version"]
    return Ref(api_version=version, kind=resource["kind"], namespace=resource["namespace"], name=resource["name"])


def managed(of: Ref, live: Mapping[str, Any] | None, wanted: Mapping[str, Any] | None) -> Object:
    """Return a managed resource; an object that is not there is the text `null`."""
    found, target = _hidden(live), _hidden(wanted)
    predicted = _merged(found, target) if found and target else target
    return {
        "group": of.group,
        "kind": of.kind,
        "namespace": of.namespace,
        "name": of.name,
        "targetState": json.dumps(target),
        "liveState": json.dumps(found),
        "normalizedLiveState": json.dumps(found),
        "predictedLiveState": json.dumps(predicted),
    }


def node(resource: Mapping[str, Any]) -> Object:
    """Return the node of the tree for a resource of an application's status."""
    return {name: resource[name] for name in ("group", "version", "kind", "namespace", "name", "health")}


def _hidden(content: Mapping[str, Any] | None) -> Object | None:
    """Return an object without what a secret holds."""
    if content is None:
        return None
    shown = copy.deepcopy(dict(content))
    if shown.get("kind") == "Secret":
        for part in ("data", "stringData"):
            shown[part] = dict.fromkeys(shown.get(part) or (), HIDDEN)
    return shown


def _merged(live: Mapping[str, Any], wanted: Mapping[str, Any]) -> Object:
    """Return what applying would make of an object: all that is wanted, and what else is there."""
    merged = dict(live)
    for name, value in wanted.items():
        old = merged.get(name)
        merged[name] = _merged(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return merged


def ref_of(content: Mapping[str, Any], namespace: str) -> Ref:
    """Return the object that a manifest describes."""
    return Ref(
        api_version=content["apiVersion"], kind=content["kind"], namespace=namespace, name=content["metadata"]["name"]
    )


def resource(ref: Ref, status: str, healthy: str) -> Object:
    """Return an object as an application's status tells of it."""
    return {
        "group": ref.group,
        "version": ref.api_version.rpartition("/")[2],
        "kind": ref.kind,
        "namespace": ref.namespace,
        "name": ref.name,
        "status": status,
        "health": {"status": healthy},
    }


def result(ref: Ref, status: str, message: str) -> Object:
    """Return what an operation did with an object."""
    words = resource(ref, status, "")
    del words["health"]
    phase = "Failed" if status == "SyncFailed" else "Succeeded"
    return {**words, "message": message, "hookPhase": phase, "syncPhase": "Sync"}


def worst(resources: list[Object]) -> str:
    """Return the health of an application of these objects."""
    found = [each["health"]["status"] for each in resources]
    return min(found, key=lambda each: WORST.index(each) if each in WORST else 0, default="Healthy")


def says(live: Any, wanted: Any) -> bool:  # noqa: ANN401 - any JSON
    """Tell whether an object says at least what is wanted."""
    if isinstance(wanted, Mapping):
        return isinstance(live, Mapping) and all(
            name in live and says(live[name], value) for name, value in wanted.items() if value is not None
        )
    if isinstance(wanted, list):
        return (
            isinstance(live, list)
            and len(live) == len(wanted)
            and all(says(a, b) for a, b in zip(live, wanted, strict=True))
        )
    return bool(live == wanted)
