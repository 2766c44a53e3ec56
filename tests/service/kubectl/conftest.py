"""kubectl-deployer in the test's own process, with the sandbox's cluster and no model."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
import pytest
from pytest_django import Settings

from apps.agents.registry import definitions
from apps.agents.registry.here import HERE
from apps.agents.registry.models import Task
from apps.agents.registry.services import approvals, checks
from meshsix import wiring
from meshsix.durable import registry
from tests.sandboxes import Sandbox
from tests.service.registry.conftest import BERT, Office
from tests.service.sandbox.process import Process, eventually, running

NAMESPACE = "team-a"
TOKEN, WEAK_TOKEN = "planted-cluster-token", "planted-weak-token"
ACCOUNT_TOKENS = {name: f"planted-token-of-{name}" for name in ("architect-agent", "kubectl-deployer")}
CONFIG = {
    "kubernetes": {
        "token": TOKEN,
        "namespaces": [NAMESPACE],
        "users": {
            WEAK_TOKEN: "system:serviceaccount:mesh-six:deployer",
            **{token: f"system:serviceaccount:mesh-six:{name}" for name, token in ACCOUNT_TOKENS.items()},
        },
    }
}


@pytest.fixture(scope="session")
def cluster_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    with running(tmp_path_factory.mktemp("kubectl"), CONFIG) as process:
        yield process


@dataclass(frozen=True, kw_only=True)
class Yard:
    """kubectl-deployer's office and its cluster."""

    office: Office
    kubernetes: Sandbox

    def ask(self, capability: str = "deploy-service", *, timeout_seconds: int | None = None, **payload: Any) -> Task:  # noqa: ANN401 - a payload
        given = {"text": None, "modes": None, **payload}
        return self.office.submit(
            capability,
            payload=given,
            timeout_seconds=timeout_seconds,
            max_attempts=1,
            allowed_agents=("kubectl-deployer",),
        )

    def approved(self, task: Task) -> Task:
        """Approve the task as somebody else than its requester."""
        assert task.status == "awaiting_approval", task.error
        return approvals.approve(task.task_id, agent=task.proposed_agent, actor=BERT)

    def worked(self, task: Task) -> Task:
        """Let the agent work until the task has ended."""

        def ended() -> bool:
            self.office.work(task)
            time.sleep(0.1)  # the machine is for the cluster's processes too
            return task.completed_at is not None

        eventually(ended, seconds=120, what="the end of the task")
        return task

    def deployed(self, *manifests: dict[str, Any], **more: Any) -> Task:  # noqa: ANN401 - a payload
        """Deploy with approval; return the task as it ended."""
        asked = {"service": "web", "namespace": NAMESPACE, **more}
        return self.worked(self.approved(self.ask(manifests=list(manifests), **asked)))

    def looked(self, **payload: Any) -> Task:  # noqa: ANN401 - a payload
        """Look; return the task as it ended."""
        return self.worked(self.ask("inspect-cluster", **{"namespace": NAMESPACE, **payload}))

    def kube(self, method: str, path: str, body: object = None, *, form: str = "application/json") -> Any:  # noqa: ANN401 - the API server's answer
        """Do something in the cluster as its administrator, beside the platform."""
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": form}
        answer = httpx.request(method, f"{self.kubernetes.url}{path}", json=body, headers=headers, timeout=60)
        answer.raise_for_status()
        return answer.json()

    def revision_is(self, revision: str) -> None:
        """Wait until the cluster's controller counts this revision of the Deployment `web`."""
        path = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/web"

        def reached() -> bool:
            notes = self.kube("GET", path)["metadata"].get("annotations", {})
            return bool(notes.get("deployment.kubernetes.io/revision") == revision)

        eventually(reached, what=f"revision {revision}")

    def named(self, plural: str, group: str = "apps/v1") -> list[str]:
        """Return the names of all objects of a kind."""
        root = f"/apis/{group}" if "/" in group else f"/api/{group}"
        found = self.kube("GET", f"{root}/namespaces/{NAMESPACE}/{plural}")["items"]
        return [each["metadata"]["name"] for each in found]


def web(*, image: str = "web:1", fault: str = "", replicas: int = 1, **spec: Any) -> dict[str, Any]:  # noqa: ANN401 - fields of a Deployment
    """Return a small Deployment."""
    notes = {"annotations": {"sandbox.mesh-six/fault": fault}} if fault else {}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": "web"}},
            "template": {
                "metadata": {"labels": {"app": "web"}, **notes},
                "spec": {"containers": [{"name": "web", "image": image}]},
            },
            **spec,
        },
    }


def config(name: str = "web", **data: str) -> dict[str, Any]:
    """Return a ConfigMap."""
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


@pytest.fixture
def yard(db: None, cluster_process: Process, settings: Settings) -> Iterator[Yard]:  # noqa: ARG001 - it opens the database
    """kubectl-deployer, registered and well, before an empty cluster."""
    settings.KUBERNETES_API_URL, settings.KUBERNETES_TOKEN = cluster_process.urls["kubernetes"], TOKEN
    settings.KUBERNETES_NAMESPACE, settings.KUBE_NAMESPACES = NAMESPACE, [NAMESPACE]
    settings.KUBERNETES_TIMEOUT = settings.AGENT_CHECK_TIMEOUT = timedelta(seconds=60)
    for cache in (wiring.clients.cache_clear, registry.forget, definitions.deployed.cache_clear):
        cache()
    sandbox = Sandbox(cluster_process.urls["kubernetes"])
    sandbox.reset()
    sandbox.no_faults()
    HERE.instance_id = "here"
    office = Office()
    office.register("kubectl-deployer")
    checks.refresh(wiring.clients())
    sandbox.forget_requests()
    yield Yard(office=office, kubernetes=sandbox)
    HERE.instance_id = ""
    close()


def close() -> None:
    """Close the connections of this test."""
    client = wiring.clients().__dict__.get("cluster")
    if client is not None:
        client.close()
    wiring.clients.cache_clear()
