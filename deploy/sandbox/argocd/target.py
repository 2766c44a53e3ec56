"""The cluster to which Argo CD applies, spoken to over HTTP as any client does."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx
import yaml

from deploy.sandbox.argocd.kustomize import Object

MANAGER = "argocd-controller"


class ClusterError(Exception):
    """The cluster refused; the message is its own."""


@dataclass(frozen=True, kw_only=True)
class Ref:
    """One object in the cluster."""

    api_version: str
    kind: str
    namespace: str
    name: str

    @property
    def group(self) -> str:
        """Return the API group, empty for the core group."""
        return self.api_version.rpartition("/")[0]


class Target:
    """A cluster as seen with one token."""

    def __init__(self, url: str, token: str) -> None:
        self._http = httpx.AsyncClient(
            base_url=url, headers={"Authorization": f"Bearer {token}"}, timeout=10, trust_env=False
        )
        self._plurals: dict[str, dict[str, str]] = {}

    async def close(self) -> None:
        """Close connections."""
        await self._http.aclose()

    async def _asked(self, method: str, path: str, **words: Any) -> httpx.Response:  # noqa: ANN401 - httpx's own arguments
        try:
            return await self._http.request(method, path, **words)
        except httpx.HTTPError as error:
            raise ClusterError(f"failed to reach the cluster: {error}") from error

    async def _path(self, ref: Ref) -> str:
        base = f"/apis/{ref.api_version}" if ref.group else f"/api/{ref.api_version}"
        if ref.api_version not in self._plurals:
            answer = await self._asked("GET", base)
            listed = answer.json().get("resources", []) if answer.is_success else []
            self._plurals[ref.api_version] = {each["kind"]: each["name"] for each in listed if "/" not in each["name"]}
        plural = self._plurals[ref.api_version].get(ref.kind)
        if plural is None:
            words = f"The Kubernetes API could not find {ref.api_version}/{ref.kind} for requested resource"
            raise ClusterError(f"{words} {ref.namespace}/{ref.name}. Make sure the CRD is installed.")
        place = f"/namespaces/{ref.namespace}" if ref.namespace else ""
        return f"{base}{place}/{plural}/{ref.name}"

    async def apply(self, ref: Ref, content: Object) -> bool:
        """Apply one object by server-side apply and tell whether it is new. Raises ClusterError."""
        answer = await self._asked(
            "PATCH",
            await self._path(ref),
            params={"fieldManager": MANAGER, "force": "true"},
            headers={"Content-Type": "application/apply-patch+yaml"},
            content=yaml.safe_dump(content),
        )
        if not answer.is_success:
            raise ClusterError(answer.json().get("message", answer.text))
        return answer.status_code == httpx.codes.CREATED

    async def get(self, ref: Ref) -> Mapping[str, Any] | None:
        """Return the object as it is, or None."""
        answer = await self._asked("GET", await self._path(ref))
        found: dict[str, Any] | None = answer.json() if answer.is_success else None
        return found

    async def delete(self, ref: Ref) -> None:
        """Delete the object; that it is gone already is fine. Raises ClusterError."""
        answer = await self._asked("DELETE", await self._path(ref))
        if not answer.is_success and answer.status_code != httpx.codes.NOT_FOUND:
            raise ClusterError(answer.json().get("message", answer.text))


def health(content: Mapping[str, Any] | None) -> str:
    """Return an object's health as Argo CD judges it: Healthy, Progressing, Degraded or Missing."""
    if content is None:
        return "Missing"
    if content["kind"] not in ("StatefulSet", "Deployment"):
        return "Healthy"
    status, wanted = content.get("status") or {}, content["spec"].get("replicas", 1)
    seen = status.get("observedGeneration", 0) >= content["metadata"]["generation"]
    return "Healthy" if seen and status.get("readyReplicas", 0) >= wanted else "Progressing"
