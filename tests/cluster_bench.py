"""The sandboxes of GitHub, Kubernetes and Argo CD as one process, and the platform's clients of them."""

import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from pytest_django import Settings

from apps.onboarding.serializers import ask_from
from apps.onboarding.words import (
    Access,
    Ask,
    KustomizationUpdated,
    KustomizationWanted,
    ManifestsWanted,
    PodWanted,
    Registered,
    SyncWanted,
)
from apps.projects.models import Environment
from apps.projects.services import Registration, register
from meshsix.durable.definition import StepFacts
from meshsix.integrations.kubernetes import Kubernetes
from meshsix.kit import clock, names
from meshsix.wiring import Clients
from tests.sandboxes import Sandbox
from tests.service.sandbox.process import Process, running

GITHUB_TOKEN = "sandbox-github-token"
CLUSTER_TOKEN = "sandbox-cluster-token"
WEAK_TOKEN = "sandbox-weak-token"
ARGOCD_TOKEN = "sandbox-argocd-token"
NAMESPACE = "mesh-six-envs"
TIMEOUT_SECONDS = 60
PLATFORM = "octo-org/platform"
CONFIG = {
    "github": {"tokens": [{"token": GITHUB_TOKEN, "login": "octo-user"}]},
    "kubernetes": {
        "token": CLUSTER_TOKEN,
        "namespaces": [NAMESPACE],
        "users": {WEAK_TOKEN: "system:serviceaccount:mesh-six:onboarding"},
    },
    "argocd": {
        "token": ARGOCD_TOKEN,
        "kubernetes_token": CLUSTER_TOKEN,
        "git_token": GITHUB_TOKEN,
        "applications": {
            name: {
                "repo_url": "${github}/octo-org/platform.git",
                "path": "k8s/base",
                "revision": "main",
                "namespace": NAMESPACE,
                "automated": name == "automated",
            }
            for name in ("mesh-six", "automated")
        },
    },
}


@dataclass(frozen=True, kw_only=True)
class Bench:
    """Three vendors, their clients, and the words that steps are asked with."""

    github: Sandbox
    kubernetes: Sandbox
    argocd: Sandbox
    clients: Clients

    @property
    def cluster(self) -> Kubernetes:
        """Return the client of the cluster."""
        assert self.clients.cluster is not None
        return self.clients.cluster

    def rest(self, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401 - GitHub's answer
        """Do something at GitHub as the owner, beside the platform."""
        answer = httpx.request(
            method,
            f"{self.github.url}{path}",
            json=body,
            headers={"Authorization": f"token {GITHUB_TOKEN}"},
            timeout=TIMEOUT_SECONDS,
        )
        answer.raise_for_status()
        return answer.json() if answer.content else None

    def kube(self, method: str, path: str, body: object = None, *, form: str = "application/json") -> Any:  # noqa: ANN401 - the API server's answer
        """Do something in the cluster as its administrator, beside the platform."""
        headers = {"Authorization": f"Bearer {CLUSTER_TOKEN}", "Content-Type": form}
        answer = httpx.request(
            method, f"{self.kubernetes.url}{path}", json=body, headers=headers, timeout=TIMEOUT_SECONDS
        )
        answer.raise_for_status()
        return answer.json()

    def commits(self, path: str = "") -> list[str]:
        """Return the messages of the platform repository's commits, newest first."""
        found = self.rest("GET", f"/repos/{PLATFORM}/commits?path={path}&per_page=100")
        return [each["commit"]["message"] for each in found]

    def file(self, path: str) -> str:
        """Return a file of the platform repository."""
        answer = httpx.get(
            f"{self.github.url}/repos/{PLATFORM}/contents/{path}",
            headers={"Authorization": f"token {GITHUB_TOKEN}", "Accept": "application/vnd.github.raw+json"},
            timeout=TIMEOUT_SECONDS,
        )
        answer.raise_for_status()
        return answer.text

    def changes(self) -> list[str]:
        """Return what changed anything at any vendor since the logs were emptied."""
        return [each for vendor in (self.github, self.kubernetes, self.argocd) for each in vendor.changes()]

    def forget_requests(self) -> None:
        """Empty the logs of all vendors."""
        for vendor in (self.github, self.kubernetes, self.argocd):
            vendor.forget_requests()


def ask(full_name: str = "octo-org/bookmarks", **more: object) -> Ask:
    """Return what somebody asks for."""
    owner, _, name = full_name.partition("/")
    return ask_from({"repo_owner": owner, "repo_name": name, "execution_mode": "envbuilder", **more})


def access(asked: Ask) -> Access:
    """Return what the first step has found out."""
    return Access(
        owner=asked.repo_owner,
        name=asked.repo_name,
        owner_is_organization=True,
        owner_node_id="O_1",
        repository_id=1,
        repository_node_id="R_1",
        default_branch="main",
        private=False,
        html_url="https://github.example.org/x",
        clone_url="https://github.example.org/x.git",
        credential_kind="classic",
        login="octo-user",
    )


def registered(asked: Ask) -> Registered:
    """Return what the registry has stored."""
    env_name = names.env_name(asked.repository)
    return Registered(project_id="p", env_name=env_name, credential_project_id=env_name, created=True)


def in_registry(asked: Ask) -> Environment:
    """Store the project; return its environment."""
    project, _ = register(
        Registration(
            repository=asked.repository,
            display_name=asked.display_name,
            repo_url="https://github.example.org/x",
            default_branch="main",
            execution_mode=asked.execution_mode,
            trigger_method="webhook",
            board_id="B",
            board_number=1,
        )
    )
    return Environment.objects.get(project=project)


def facts(*, step: str = "x", since: datetime | None = None, run_id: uuid.UUID | None = None) -> StepFacts:
    """Return the run and attempt in which a step is called; `since` is when it was called first."""
    now = clock.now()
    return StepFacts(
        run_id=run_id or uuid.uuid4(),
        step=step,
        attempt=1,
        first_started_at=since or now,
        deadline=now + timedelta(seconds=60),
    )


def manifests_wanted(asked: Ask) -> ManifestsWanted:
    """Return the input of generate_kube_manifests."""
    return ManifestsWanted(ask=asked, validate_repo=access(asked), register_in_database=registered(asked))


def kustomization_wanted(asked: Ask) -> KustomizationWanted:
    """Return the input of update_kustomization."""
    return KustomizationWanted(ask=asked, register_in_database=registered(asked), generate_kube_manifests=None)


def sync_wanted(asked: Ask, commit_sha: str, this: StepFacts | None = None) -> SyncWanted:
    """Return the input of trigger_sync for a commit."""
    updated = KustomizationUpdated(path="x", commit_sha=commit_sha, url="x", changed=True)
    return SyncWanted(ask=asked, update_kustomization=updated, this=this or facts(step="trigger_sync"))


def pod_wanted(asked: Ask, this: StepFacts | None = None) -> PodWanted:
    """Return the input of verify_pod_health."""
    return PodWanted(
        ask=asked,
        validate_repo=access(asked),
        register_in_database=registered(asked),
        trigger_sync=None,
        this=this or facts(step="verify_pod_health"),
    )


def long_ago(this: StepFacts) -> StepFacts:
    """Return the facts of a step whose deadline has passed."""
    return replace(this, first_started_at=this.first_started_at - timedelta(hours=1))


@contextmanager
def vendors(directory: Path, config: Mapping[str, Any] = CONFIG) -> Iterator[Process]:
    """Serve the three vendors for the length of the block."""
    with running(directory, config) as process:
        yield process


def point_settings(settings: Settings, urls: Mapping[str, str]) -> None:
    """Let the platform's settings name these vendors."""
    settings.GITHUB_API_URL = urls["github"]
    settings.GITHUB_TOKEN = GITHUB_TOKEN
    settings.GITHUB_WRITE_INTERVAL = timedelta()
    settings.KUBERNETES_API_URL = urls["kubernetes"]
    settings.KUBERNETES_TOKEN = CLUSTER_TOKEN
    settings.KUBERNETES_NAMESPACE = NAMESPACE
    settings.ARGOCD_URL = urls["argocd"]
    settings.ARGOCD_TOKEN = ARGOCD_TOKEN
    settings.ARGOCD_APPLICATION = "mesh-six"
    settings.MESH_SIX_REPO = PLATFORM
    settings.MESH_SIX_REPO_BRANCH = "main"
    settings.MESH_SIX_K8S_ROOT = "k8s"


def close(clients: Clients) -> None:
    """Close the connections of those clients that were used."""
    for name in {"cluster", "argocd"}.intersection(clients.__dict__):
        if clients.__dict__[name] is not None:
            clients.__dict__[name].close()
