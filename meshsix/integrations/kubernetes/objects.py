"""Objects of any kind in one namespace: read as they are, listed, and applied by server-side apply. A thin shell.

https://kubernetes.io/docs/reference/using-api/server-side-apply/
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from meshsix.integrations.kubernetes import workloads
from meshsix.integrations.kubernetes.kinds import Kind
from meshsix.integrations.kubernetes.messages import Right
from meshsix.integrations.kubernetes.workloads import Item, ObjectEvent

APPLY = "application/apply-patch+yaml"
"""JSON is YAML."""
MERGE_PATCH = "application/merge-patch+json"
JSON_PATCH = "application/json-patch+json"
Body = Mapping[str, Any] | Sequence[Mapping[str, Any]]
_MOST_LISTED = "500"


class Ask(Protocol):
    """How a request is sent; see Kubernetes.ask."""

    def __call__(
        self,
        method: str,
        path: str,
        *,
        right: Right,
        query: list[tuple[str, str]] | None = None,
        body: Body | None = None,
        form: str = "application/json",
    ) -> dict[str, Any]:
        """Send one request and return the object that is its answer."""


class Objects:
    """The objects of one namespace. Every call raises TryLater, Refused or Missing and nothing else."""

    def __init__(self, ask: Ask, namespace: str) -> None:
        self._ask = ask
        self.namespace = namespace

    def get(self, kind: Kind, name: str) -> Item:
        """Return one object. Raises Missing."""
        return workloads.item(self._ask("GET", kind.path(self.namespace, name), right=self._right("get", kind)))

    def every(self, kind: Kind, *, labels: str = "") -> tuple[Item, ...]:
        """Return the objects of a kind, by a label selector such as `app=web,tier!=db` if one is given; at most 500."""
        query = [("limit", _MOST_LISTED), *([("labelSelector", labels)] if labels else [])]
        answer = self._ask("GET", kind.path(self.namespace), right=self._right("list", kind), query=query)
        return workloads.items(answer, kind)

    def apply(
        self, kind: Kind, manifest: Mapping[str, Any], *, manager: str, dry_run: bool = False, force: bool = False
    ) -> Item:
        """Apply a manifest as `manager`; return the object as it is, or with `dry_run` as it would be.

        What another manager owns is left to it without `force`: raises Conflict, whose message names the fields.
        """
        name, forced = str(manifest["metadata"]["name"]), "true" if force else "false"
        query = [("fieldManager", manager), ("force", forced), *([("dryRun", "All")] if dry_run else [])]
        path, right = kind.path(self.namespace, name), self._right("patch", kind)
        return workloads.item(self._ask("PATCH", path, right=right, query=query, body=manifest, form=APPLY))

    def merge(self, kind: Kind, name: str, body: Mapping[str, Any], *, manager: str, dry_run: bool = False) -> Item:
        """Change some fields by a merge patch; return the object as it is, or with `dry_run` as it would be."""
        query = [("fieldManager", manager), *([("dryRun", "All")] if dry_run else [])]
        path, right = kind.path(self.namespace, name), self._right("patch", kind)
        return workloads.item(self._ask("PATCH", path, right=right, query=query, body=body, form=MERGE_PATCH))

    def delete(self, kind: Kind, found: Item, *, dry_run: bool = False) -> None:
        """Delete the very object that was found, with what belongs to it. Raises Conflict if another has its name."""
        query = [("propagationPolicy", "Background"), *([("dryRun", "All")] if dry_run else [])]
        body = {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": {"uid": found.uid}}
        path, right = kind.path(self.namespace, found.name), self._right("delete", kind)
        self._ask("DELETE", path, right=right, query=query, body=body)

    def replace_template(self, kind: Kind, found: Item, template: Mapping[str, Any], *, manager: str) -> Item:
        """Give a workload another template. Raises Conflict where the object is not any more as it was found."""
        version = found.content["metadata"]["resourceVersion"]
        body = [
            {"op": "replace", "path": "/metadata/resourceVersion", "value": version},
            {"op": "replace", "path": "/spec/template", "value": template},
        ]
        path, query = kind.path(self.namespace, found.name), [("fieldManager", manager)]
        answer = self._ask("PATCH", path, right=self._right("patch", kind), query=query, body=body, form=JSON_PATCH)
        return workloads.item(answer)

    def events(self, *, kind: str = "", name: str = "") -> tuple[ObjectEvent, ...]:
        """Return what was written down about objects of a kind and name, or about all; newest first, at most 500."""
        fields = [f"involvedObject.{key}={value}" for key, value in (("kind", kind), ("name", name)) if value]
        query = [("limit", _MOST_LISTED), *([("fieldSelector", ",".join(fields))] if fields else [])]
        right = Right(verb="list", resource="events", namespace=self.namespace)
        answer = self._ask("GET", f"/api/v1/namespaces/{self.namespace}/events", right=right, query=query)
        return workloads.object_events(answer)

    def _right(self, verb: str, kind: Kind) -> Right:
        return Right(verb=verb, resource=kind.plural, group=kind.group, namespace=self.namespace)
