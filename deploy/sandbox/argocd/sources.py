"""Which applications there are: those of the configuration, those that were created, and none that was deleted."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from deploy.sandbox.argocd.repository import Repository
from deploy.sandbox.records import Records

PROJECT = "mesh-six"


class RpcError(Exception):
    """A refusal with its gRPC code, as the gateway answers it."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.body = {"error": message, "code": code, "message": message}


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where an application's manifests are, and what may happen by itself."""

    repository: Repository
    path: str
    revision: str
    namespace: str
    automated: bool
    prune: bool
    project: str = PROJECT


class Sources:
    """Applications by name; `made` makes a source of what the configuration would say of it."""

    def __init__(
        self,
        records: Records,
        configured: Mapping[str, Mapping[str, Any]],
        made: Callable[[str, Mapping[str, Any]], Source],
    ) -> None:
        self._records = records
        self._made = made
        self._configured = {name: made(name, asked) for name, asked in configured.items()}
        self._sources: dict[str, Source] = {}
        self.read()

    def read(self) -> None:
        """Look again at what is kept."""
        deleted = {name for name, _ in self._records.items("deleted")}
        known = {name: source for name, source in self._configured.items() if name not in deleted}
        self._sources = known | {name: self._made(name, asked) for name, asked in self._records.items("created")}

    def names(self) -> list[str]:
        """Return the names of all applications."""
        return list(self._sources)

    def get(self, name: str) -> Source:
        """Return where the manifests of an application are. Raises RpcError 404."""
        if name not in self._sources:
            raise RpcError(404, 5, f'applications.argoproj.io "{name}" not found')
        return self._sources[name]

    def create(self, definition: Mapping[str, Any]) -> str:
        """Keep an application and return its name. Raises RpcError where another one has that name."""
        name, spec = str(definition["metadata"]["name"]), definition["spec"]
        source, destination = spec["source"], spec["destination"]
        asked = {
            "repo_url": source["repoURL"],
            "path": source.get("path", "."),
            "revision": source.get("targetRevision") or "HEAD",
            "namespace": destination.get("namespace", "default"),
            "project": spec.get("project", "default"),
        }
        if name in self._sources and self._records.get("created", name) != asked:
            raise RpcError(400, 3, "existing application spec is different, use upsert flag to force update")
        self._records.delete("deleted", name)
        self._records.put("created", name, asked)
        self.read()
        return name

    def delete(self, name: str) -> None:
        """Forget an application. Raises RpcError 404."""
        self.get(name)
        self._records.delete("created", name)
        if name in self._configured:
            self._records.put("deleted", name, {})
        self.read()
