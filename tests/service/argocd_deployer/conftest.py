"""argocd-deployer in the test's own process, with the sandboxes of GitHub, Kubernetes and Argo CD."""

import base64
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
import pytest
import yaml
from pytest_django import Settings

from apps.agents.registry import definitions
from apps.agents.registry.here import HERE
from apps.agents.registry.models import Check, Task
from apps.agents.registry.services import approvals, submission
from apps.agents.registry.words import Request
from meshsix import wiring
from meshsix.durable import registry
from meshsix.durable.models import StepRow
from meshsix.kit import clock
from tests.cluster_bench import NAMESPACE, PLATFORM, Bench, close, point_settings
from tests.sandboxes import Sandbox
from tests.service.cluster.conftest import process
from tests.service.registry.conftest import ANNA, BERT, Office
from tests.service.sandbox.process import Process

__all__ = ["process"]

SECONDS = 120
ENDED = ("completed", "failed", "timeout", "cancelled")
_BASE = f"/repos/{PLATFORM}/contents/k8s/base"


@dataclass(frozen=True)
class Deployer:
    """Asks argocd-deployer, and does at the vendors what others would do."""

    bench: Bench
    office: Office

    def submit(self, capability: str, *, attempts: int = 1, seconds: int = 900, **payload: object) -> Task:
        """Ask for a task; return it as it was routed."""
        wanted = Request(
            capability=capability, payload=payload, max_attempts=attempts, timeout_seconds=seconds, priority=5
        )
        return submission.submit(wanted, actor=ANNA).task

    def ask(self, capability: str, **words: Any) -> Task:  # noqa: ANN401 - as submit takes them
        """Ask for a task, let somebody else approve it where it must be, and return it once it has ended."""
        task = self.submit(capability, **words)
        if task.status == "awaiting_approval":
            task = approvals.approve(task.task_id, agent=task.proposed_agent, actor=BERT)
        return self.ended(task)

    def ended(self, task: Task) -> Task:
        """Work on the task, as a worker would, until it has ended."""
        deadline = time.monotonic() + SECONDS
        while self.office.work(task).status not in ENDED:
            assert time.monotonic() < deadline, f"still {task.status}: {self.waits(task)} {task.wait_reason}"
            if task.status == "pending":
                self.office.again(task)
            time.sleep(0.02)
        return task

    def waits(self, task: Task) -> list[str]:
        """Return why the steps of the task's attempt wait."""
        assert task.run_id is not None
        return list(StepRow.objects.filter(run_id=task.run_id).values_list("error_detail", flat=True))

    def commit(self, **data: str) -> str:
        """Let the platform repository hold a ConfigMap `web` with this data; return the commit."""
        content = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "web"}, "data": data}
        self.put("web.yaml", content)
        kustomization = {"namespace": NAMESPACE, "resources": ["namespace.yaml", "web.yaml"]}
        return self.put("kustomization.yaml", kustomization)

    def put(self, name: str, content: object) -> str:
        """Write a file of the folder that the applications follow; return the commit."""
        known = [each for each in self.bench.rest("GET", _BASE) if each["name"] == name]
        body = {
            "message": f"Change {name}",
            "content": base64.b64encode(yaml.safe_dump(content).encode()).decode(),
            **({"sha": known[0]["sha"]} if known else {}),
        }
        answer = self.bench.rest("PUT", f"{_BASE}/{name}", body)
        return str(answer["commit"]["sha"])

    def live(self) -> Any:  # noqa: ANN401 - JSON
        """Return the data of the ConfigMap in the cluster."""
        return self.bench.kube("GET", f"/api/v1/namespaces/{NAMESPACE}/configmaps/web")["data"]

    def next_operation(self, name: str = "mesh-six", **what: object) -> None:
        """Say how the next operation of an application ends, or how it fares."""
        httpx.post(f"{self.bench.argocd.url}/_sandbox/applications/{name}", json=what, timeout=60).raise_for_status()

    def changes(self) -> list[str]:
        """Return the last words of the calls that changed something at Argo CD."""
        return [each.rpartition("/")[2] for each in self.bench.argocd.changes()]


@pytest.fixture
def bench(process: Process, settings: Settings) -> Iterator[Bench]:
    """Argo CD and the cluster as they are at the beginning; the repository keeps its past, each test commits anew."""
    point_settings(settings, process.urls)
    parts = {name: Sandbox(url) for name, url in process.urls.items()}
    for name in ("kubernetes", "argocd"):
        parts[name].reset()
    wiring.clients.cache_clear()
    clients = wiring.clients()
    yield Bench(**parts, clients=clients)
    close(clients)
    wiring.clients.cache_clear()


@pytest.fixture
def deployer(db: None, bench: Bench, settings: Settings) -> Iterator[Deployer]:  # noqa: ARG001 - it opens the database
    """The agent, registered and well; `mesh-six` and `automated` may be touched, and what is called `web-...`."""
    settings.ARGOCD_ALLOWED_APPLICATIONS = ["mesh-six", "automated", "test-service", "web-*"]
    settings.SYNC_POLL_INTERVAL = timedelta(milliseconds=100)
    registry.forget()
    definitions.deployed.cache_clear()
    HERE.instance_id = "here"
    office = Office()
    office.register("argocd-deployer")
    Check.objects.update(ok=True, checked_at=clock.now())
    yield Deployer(bench, office)
    HERE.instance_id = ""
