"""architect-agent in the test's own process, with LiteLLM, Kubernetes, Prometheus and GitHub from the sandbox."""

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import httpx
import pytest
from pytest_django import Settings

from apps.agents.registry import definitions
from apps.agents.registry.here import HERE
from apps.agents.registry.models import Task
from apps.agents.registry.services import checks
from apps.agents.roster.architect.issues import Issue
from apps.agents.roster.architect.models import Entry
from apps.projects.models import Project
from deploy.local.servers import OpenBao
from meshsix import wiring
from meshsix.durable import registry
from meshsix.kit import names
from tests.agents_platform import litellm, litellm_server
from tests.models_sandbox import MASTER_KEY, ModelsSandbox
from tests.sandboxes import Sandbox
from tests.service.registry.conftest import Office
from tests.service.sandbox.process import Process, running

__all__ = ["litellm", "litellm_server"]

NAMESPACE = "mesh-six-envs"
PROJECT = "octo-org/bookmarks"
ISSUE = Issue.parse(f"{PROJECT}#7")
SERIES = [
    {"metric": {"__name__": "up", "job": "web", "instance": "web:8000"}, "value": 1},
    {"metric": {"__name__": "up", "job": "queue"}, "value": 0},
    {
        "metric": {
            "__name__": "container_cpu_usage_seconds_total",
            "namespace": NAMESPACE,
            "pod": "web-0",
            "container": "web",
        },
        "per_second": 0.25,
    },
    {
        "metric": {
            "__name__": "container_memory_working_set_bytes",
            "namespace": NAMESPACE,
            "pod": "web-0",
            "container": "web",
        },
        "value": 1048576,
    },
]
CONFIG = {
    "github": {"tokens": [{"token": "planted-github-token", "login": "octo-user"}]},
    "kubernetes": {"token": "planted-cluster-token", "namespaces": [NAMESPACE]},
    "prometheus": {"token": "planted-prometheus-token", "series": SERIES},
}


@pytest.fixture(scope="session")
def vendors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    with running(tmp_path_factory.mktemp("vendors"), CONFIG) as process:
        yield process


@dataclass(frozen=True, kw_only=True)
class Studio:
    """The architect's office, and the vendors around it."""

    office: Office
    litellm: ModelsSandbox
    github: Sandbox
    kubernetes: Sandbox
    prometheus: Sandbox

    def ask(self, capability: str, **payload: object) -> Task:
        """Ask and let the agent work; with an issue, as work on its project."""
        more: dict[str, Any] = {"project": PROJECT} if "issue" in payload else {}
        given = {"text": None, "modes": None, **payload}
        return self.office.work(self.office.submit(capability, payload=given, **more))

    def result(self, task: Task) -> dict[str, Any]:
        assert task.status == "completed", task.error
        assert task.result is not None
        return dict(task.result)

    def pod(self, name: str, image: str) -> None:
        """Let a pod stand in the cluster whose container is being made for ever, so that no process runs for it."""
        fault = httpx.post(
            f"{self.kubernetes.url}/_sandbox/pods/{name}", json={"fault": "slow", "seconds": 3600}, timeout=60
        )
        fault.raise_for_status()
        body = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}}
        spec = {"containers": [{"name": "main", "image": image}]}
        headers = {"Authorization": "Bearer planted-cluster-token"}
        path = f"/api/v1/namespaces/{NAMESPACE}/pods"
        made = httpx.post(f"{self.kubernetes.url}{path}", json={**body, "spec": spec}, headers=headers, timeout=60)
        made.raise_for_status()

    def wants_tools(self, *wishes: Mapping[str, object]) -> None:
        """Let the model wish for these tools once, then tell what the last one said."""
        self.litellm.says(
            {"when": {"speaker": "user", "tool": "past_decisions"}, "times": 1, "answer": {"tool_calls": wishes}}
        )

    def offered(self, number: int = 0) -> set[str]:
        """Return the tools of the model's request `number`."""
        return {each["function"]["name"] for each in self.litellm.asked()[number].get("tools", [])}

    def told_by_tools(self) -> str:
        """Return all that tools told the model."""
        said = [each["content"] for ask in self.litellm.asked() for each in ask["messages"] if each["role"] == "tool"]
        return "\n".join(said)

    def log(self) -> list[str]:
        """Return the types of the issue's entries; their numbers have no gap."""
        rows = list(Entry.objects.filter(actor_id=ISSUE.actor_id).order_by("number"))
        assert [row.number for row in rows] == list(range(1, len(rows) + 1))
        return [row.event_type for row in rows]


@pytest.fixture
def studio(
    transactional_db: None,  # noqa: ARG001 - tools have database connections of their own
    litellm: ModelsSandbox,
    vendors: Process,
    vault_environment: OpenBao,  # noqa: ARG001 - keys lie there
    settings: Settings,
) -> Iterator[Studio]:
    """architect-agent, registered and well; octo-org/bookmarks is onboarded."""
    settings.LITELLM_URL, settings.LITELLM_ADMIN_KEY = litellm.url, MASTER_KEY
    settings.LLM_MODELS = {**settings.LLM_MODELS, "fast": "claude-haiku", "embed": ""}
    settings.GITHUB_API_URL = settings.GITHUB_WEB_URL = vendors.urls["github"]
    settings.GITHUB_TOKEN, settings.GITHUB_WRITE_INTERVAL = "planted-github-token", timedelta()
    settings.KUBERNETES_API_URL, settings.KUBERNETES_TOKEN = vendors.urls["kubernetes"], "planted-cluster-token"
    settings.PROMETHEUS_URL, settings.PROMETHEUS_TOKEN = vendors.urls["prometheus"], "planted-prometheus-token"
    settings.AGENT_CHECK_TIMEOUT = timedelta(seconds=60)
    for cache in (wiring.clients.cache_clear, registry.forget, definitions.deployed.cache_clear):
        cache()
    parts = {name: Sandbox(url) for name, url in vendors.urls.items()}
    for part in parts.values():
        part.reset()
    wiring.clients().vault.remove("mesh-six/litellm/_platform")
    onboard(litellm)
    HERE.instance_id = "here"
    made = Office()
    made.register("architect-agent")
    checks.refresh(wiring.clients())
    yield Studio(office=made, litellm=litellm, **parts)
    HERE.instance_id = ""
    close()


def onboard(litellm: ModelsSandbox, project: str = PROJECT) -> Project:
    """Put a project into the registry, with a model key of its own."""
    owner, _, name = project.partition("/")
    auth = f"env-{uuid.uuid4().hex[:12]}"
    key = litellm.key(team_id=auth, max_budget=50.0)
    wiring.clients().vault.write(names.litellm_key_path(auth), {"key": key}, cas=0)
    return Project.objects.create(
        service_name=name,
        owner=owner,
        name=name,
        repo_url=f"https://github.example.com/{project}",
        default_branch="main",
        execution_mode="local",
        env_name=auth,
        auth_project_id=auth,
        settings={"models": {"default": "claude-haiku"}},
    )


def close() -> None:
    """Close the connections of this test."""
    made = wiring.clients()
    for name in ("litellm", "models", "cluster", "prometheus"):
        client = made.__dict__.get(name)
        if client is not None:
            client.close()
    wiring.clients.cache_clear()
