"""Objects of any kind in one namespace: read as they are, listed, and applied by server-side apply. A thin shell.

https://kubernetes.io/docs/reference/using-api/server-side-apply/
"""

from collections.abc import Mapping
from typing import Any, Protocol

from meshsix.integrations.kubernetes import workloads
from meshsix.integrations.kubernetes.kinds import Kind
from meshsix.integrations.kubernetes.messages import Right
from meshsix.integrations.kubernetes.workloads import Item, ObjectEvent

APPLY = "application/apply-patch+yaml"
"""JSON is YAML."""
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
        body: Mapping[str, Any] | None = None,
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

    def apply(self, kind: Kind, manifest: Mapping[str, Any], *, manager: str, dry_run: bool = False) -> Item:
        """Apply a manifest as `manager`; return the object as it is, or with `dry_run` as it would be.

        What another manager owns is left to it: raises Conflict, whose message names the fields.
        """
        name = str(manifest["metadata"]["name"])
        query = [("fieldManager", manager), ("force", "false"), *([("dryRun", "All")] if dry_run else [])]
        path, right = kind.path(self.namespace, name), self._right("patch", kind)
        return workloads.item(self._ask("PATCH", path, right=right, query=query, body=manifest, form=APPLY))

    def events(self, *, kind: str = "", name: str = "") -> tuple[ObjectEvent, ...]:
        """Return what was written down about objects of a kind and name, or about all; newest first, at most 500."""
        fields = [f"involvedObject.{key}={value}" for key, value in (("kind", kind), ("name", name)) if value]
        query = [("limit", _MOST_LISTED), *([("fieldSelector", ",".join(fields))] if fields else [])]
        right = Right(verb="list", resource="events", namespace=self.namespace)
        answer = self._ask("GET", f"/api/v1/namespaces/{self.namespace}/events", right=right, query=query)
        return workloads.object_events(answer)

    def _right(self, verb: str, kind: Kind) -> Right:
        return Right(verb=verb, resource=kind.plural, group=kind.group, namespace=self.namespace)
