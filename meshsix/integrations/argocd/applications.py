"""The applications of one Argo CD, in one of its projects and namespaces or wherever our token sees them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from meshsix.integrations.argocd import messages
from meshsix.integrations.argocd.messages import Application, Managed, Resource, Wanted

MARK = "mesh-six"
_ROOT = "/api/v1/applications"
# Argo CD's own name of the cluster in which it runs.
_OWN_CLUSTER = "in-cluster"

Call = Callable[..., dict[str, Any]]


@dataclass(frozen=True, kw_only=True)
class Sync:
    """What a sync is to do. An empty `revision` is what the application follows; `mark` is kept with the operation.

    `prune` deletes what is no longer wanted, `force` deletes and makes anew what cannot be changed, `dry_run` changes
    nothing in the cluster.
    """

    revision: str
    mark: str
    prune: bool = False
    force: bool = False
    dry_run: bool = False


class Applications:
    """Applications. Every call raises TryLater, Refused or Missing and nothing else.

    One that does not exist, or that we may not see, is Missing where a project is named, else mostly Refused with
    status 403: Argo CD does not tell strangers which names are taken.
    """

    def __init__(self, call: Call, *, project: str = "", namespace: str = "") -> None:
        scope = {"project": project, "appNamespace": namespace}
        self._call, self._scope = call, {name: value for name, value in scope.items() if value}

    def get(self, name: str, *, refresh: bool = False) -> Application:
        """Return an application; `refresh` makes Argo CD look at the repository first."""
        query = {**self._scope, **({"refresh": "normal"} if refresh else {})}
        return self._read(self._call("GET", f"{_ROOT}/{name}", query=query))

    def every(self) -> tuple[Application, ...]:
        """Return all applications that we may see, by name."""
        query = {"projects" if name == "project" else name: value for name, value in self._scope.items()}
        found = messages.applications(self._call("GET", _ROOT, query=query), mark=MARK)
        return tuple(sorted(found, key=lambda each: (each.name, each.namespace)))

    def names(self) -> tuple[str, ...]:
        """Return the names of all applications that we may see, without the rest of what they are."""
        found = self._call("GET", _ROOT, query={**self._scope, "fields": "items.metadata.name"})
        return tuple(each["metadata"]["name"] for each in found.get("items") or ())

    def sync(self, name: str, wanted: Sync) -> Application:
        """Start a sync. Raises TryLater, which counts no attempt, while another operation is in progress."""
        body = {
            **self._scope,
            "revision": wanted.revision,
            "prune": wanted.prune,
            "dryRun": wanted.dry_run,
            "infos": [{"name": MARK, "value": wanted.mark}],
            **({"strategy": {"apply": {"force": True}}} if wanted.force else {}),
        }
        return self._read(self._call("POST", f"{_ROOT}/{name}/sync", body=body))

    def roll_back(self, name: str, *, history_id: int) -> Application:
        """Start to bring back an entry of the history; nothing is pruned. Such an operation carries no mark."""
        body = {**self._scope, "id": history_id, "prune": False, "dryRun": False}
        return self._read(self._call("POST", f"{_ROOT}/{name}/rollback", body=body))

    def create(self, name: str, wanted: Wanted) -> Application:
        """Make an application that syncs only where it is asked to. An equal one that is there is returned."""
        return self._read(self._call("POST", _ROOT, body=_definition(name, wanted, self._scope)))

    def delete(self, name: str) -> None:
        """Delete an application and leave its objects in the cluster."""
        self._call("DELETE", f"{_ROOT}/{name}", query={**self._scope, "cascade": "false"})

    def managed(self, name: str) -> tuple[Managed, ...]:
        """Return the objects of an application as they are, and as the revision that it follows wants them."""
        return messages.managed(self._call("GET", f"{_ROOT}/{name}/managed-resources", query=self._scope))

    def nodes(self, name: str) -> tuple[Resource, ...]:
        """Return the objects of an application and what grew of them, with their health."""
        return messages.nodes(self._call("GET", f"{_ROOT}/{name}/resource-tree", query=self._scope))

    @staticmethod
    def _read(answer: Mapping[str, Any]) -> Application:
        return messages.application(answer, mark=MARK)


def _definition(name: str, wanted: Wanted, scope: Mapping[str, str]) -> dict[str, Any]:
    namespace = {"namespace": scope["appNamespace"]} if "appNamespace" in scope else {}
    cluster = {"server": wanted.server} if wanted.server else {"name": _OWN_CLUSTER}
    return {
        "metadata": {"name": name, **namespace},
        "spec": {
            "project": wanted.project,
            "source": {"repoURL": wanted.repo_url, "path": wanted.path, "targetRevision": wanted.revision},
            "destination": {**cluster, "namespace": wanted.namespace},
        },
    }
