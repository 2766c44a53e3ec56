"""What a sync would change, as a diff, and the hash by which a plan is known again. Pure."""

import difflib
import hashlib
import json
from collections.abc import Iterator, Sequence
from typing import Any

from meshsix.integrations.argocd import Managed

# What the cluster writes by itself, so that it says nothing of what somebody wants.
_OF_THE_CLUSTER = ("managedFields", "resourceVersion", "uid", "generation", "creationTimestamp")


def diff(objects: Sequence[Managed]) -> str:
    """Return what would change in these objects as a unified diff of their JSON, empty where nothing would."""
    return "\n".join(line for each in sorted(objects, key=_name) for line in _changes(each))


def plan_hash(application: str, revision: str, changes: str) -> str:
    """Return the SHA-256 of a plan: another revision, or another state of the cluster, is another plan."""
    text = json.dumps([application, revision, changes])
    return hashlib.sha256(text.encode()).hexdigest()


def _name(each: Managed) -> str:
    return f"{each.group}/{each.kind}/{each.namespace}/{each.name}"


def _changes(each: Managed) -> Iterator[str]:
    live, predicted = _lines(each.live), _lines(each.predicted)
    return difflib.unified_diff(live, predicted, f"live/{_name(each)}", f"wanted/{_name(each)}", lineterm="")


def _lines(text: str) -> list[str]:
    """Return an object line by line, in an order of its own, without what the cluster writes."""
    if not text:
        return []
    content: dict[str, Any] = json.loads(text)
    content.pop("status", None)
    metadata = content.get("metadata") or {}
    content["metadata"] = {name: value for name, value in metadata.items() if name not in _OF_THE_CLUSTER}
    return json.dumps(content, indent=2, sort_keys=True).splitlines()
