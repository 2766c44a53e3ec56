"""One Argo CD, seen with one token, by its REST API. A thin shell: no retries, every failure in our words."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from meshsix.integrations.argocd import failures
from meshsix.integrations.argocd.applications import Applications, Sync
from meshsix.integrations.argocd.messages import Application
from meshsix.integrations.http import Http


class ArgoCD:
    """Argo CD. Every call raises TryLater, Refused or Missing and nothing else."""

    def __init__(self, url: str, *, token: str, timeout: timedelta) -> None:
        headers = {"Authorization": f"Bearer {token}", "Accept": "application/json"}
        self._http = Http(vendor=failures.VENDOR, base_url=url, timeout=timeout, headers=headers)

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def applications(self, *, project: str = "", namespace: str = "") -> Applications:
        """Return the applications of a project of Argo CD and of a namespace; without them, all that we may see."""
        return Applications(self._call, project=project, namespace=namespace)

    def application(self, name: str, *, refresh: bool = False) -> Application:
        """Return an application; `refresh` makes Argo CD look at the repository first. Raises Missing."""
        return self.applications().get(name, refresh=refresh)

    def sync(self, name: str, *, revision: str, mark: str) -> Application:
        """Start to bring the commit `revision` to the cluster; `mark` is kept with the operation.

        Raises TryLater, which counts no attempt, while another operation is in progress. Nothing is pruned: the
        application's own policy decides about that.
        """
        return self.applications().sync(name, Sync(revision=revision, mark=mark))

    def may_sync(self, name: str) -> bool:
        """Return whether our token may sync the application. Raises Missing."""
        project = self.application(name).wanted.project or "default"
        answer = self._call("GET", f"/api/v1/account/can-i/applications/sync/{project}/{name}")
        return answer.get("value") == "yes"

    def version(self) -> str:
        """Return the version of the server, like `v3.2.0`."""
        return str(self._call("GET", "/api/version").get("Version", ""))

    def _call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        response = self._http.send(method, path, params=query, json=body)
        if not response.is_success:
            raise failures.failure(response)
        answer = self._http.content(response)
        if not isinstance(answer, dict):
            raise failures.unreadable(path)
        return answer
