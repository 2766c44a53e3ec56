"""The sandbox Argo CD with a real git repository over HTTP and the sandbox Kubernetes."""

import subprocess
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from tests.service.sandbox.manifests import NAMESPACE, service, statefulset
from tests.service.sandbox.process import Process, eventually, running

APPLICATION = "/api/v1/applications/mesh-six"


class Platform:
    """The platform repository: a working tree and a bare repository that is served over HTTP."""

    def __init__(self, directory: Path) -> None:
        self.tree, self.bare = directory / "tree", directory / "served" / "platform.git"
        self.git(directory, "init", "-q", "--bare", "-b", "main", str(self.bare))
        self.git(directory, "clone", "-q", str(self.bare), str(self.tree))

    def git(self, where: Path, *words: str) -> str:
        who = ["-c", "user.name=Octo", "-c", "user.email=octo@example.org"]
        where.mkdir(parents=True, exist_ok=True)
        return subprocess.run(
            ["git", *who, *words], cwd=where, check=True, capture_output=True, text=True
        ).stdout.strip()

    def commit(self, *environments: str, extra: dict[str, Any] | None = None) -> str:
        self.git(self.tree, "checkout", "-q", "-B", "main")
        base = self.tree / "k8s" / "base"
        for name in environments:
            self._write(base / "envs" / name / "statefulset.yaml", statefulset(name))
            self._write(base / "envs" / name / "service.yaml", service(name))
            rules = {"namespace": NAMESPACE, "resources": ["statefulset.yaml", "service.yaml"]}
            self._write(base / "envs" / name / "kustomization.yaml", rules)
        top = {"resources": [f"envs/{name}" for name in environments], **(extra or {})}
        self._write(base / "kustomization.yaml", top)
        self.git(self.tree, "add", "-A")
        self.git(self.tree, "commit", "-q", "--allow-empty", "-m", "Change environments")
        self.git(self.tree, "push", "-q", "origin", "main")
        self.git(self.bare, "update-server-info")
        return self.git(self.tree, "rev-parse", "HEAD")

    def _write(self, path: Path, content: dict[str, Any]) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.safe_dump(content))


class Silent(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name that the base class gives it
        pass


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Platform:
    return Platform(tmp_path_factory.mktemp("platform"))


@pytest.fixture(scope="module")
def process(platform: Platform, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    handler = partial(Silent, directory=str(platform.bare.parent))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        source = {
            "repo_url": f"http://127.0.0.1:{server.server_address[1]}/platform.git",
            "path": "k8s/base",
            "revision": "main",
            "namespace": NAMESPACE,
        }
        config = {
            "kubernetes": {"token": "kube-token"},
            "argocd": {
                "token": "argo-token",
                "kubernetes_token": "kube-token",
                "applications": {"mesh-six": source, "automated": {**source, "automated": True}},
            },
        }
        with running(tmp_path_factory.mktemp("argocd"), config) as process:
            yield process
        server.shutdown()


@pytest.fixture
def argo(process: Process) -> Iterator[httpx.Client]:
    httpx.post(f"{process.urls['argocd']}/_sandbox/reset", timeout=60).raise_for_status()
    headers = {"Authorization": "Bearer argo-token"}
    with httpx.Client(base_url=process.urls["argocd"], headers=headers, timeout=60) as client:
        yield client


@pytest.fixture
def kube(process: Process) -> Iterator[httpx.Client]:
    headers = {"Authorization": "Bearer kube-token"}
    with httpx.Client(base_url=process.urls["kubernetes"], headers=headers, timeout=60) as client:
        yield client


def finished(argo: httpx.Client) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        application = argo.get(APPLICATION).json()
        state: dict[str, Any] = application["status"].get("operationState") or {}
        return state if "operation" not in application and state.get("finishedAt") else None

    return eventually(look, what="the end of the operation")


def names(kube: httpx.Client) -> set[str]:
    path = f"/apis/apps/v1/namespaces/{NAMESPACE}/statefulsets"
    return {each["metadata"]["name"] for each in kube.get(path).json()["items"]}


def test_sync_applies_that_very_commit_and_prunes(platform: Platform, argo: httpx.Client, kube: httpx.Client) -> None:
    first = platform.commit("env-a", "env-b")
    second = platform.commit("env-a")
    started = argo.post(f"{APPLICATION}/sync", json={"revision": first, "prune": True}).json()
    assert started["operation"]["sync"]["revision"] == first
    state = finished(argo)
    assert (state["phase"], state["syncResult"]["revision"]) == ("Succeeded", first), state
    assert {"env-a", "env-b"} <= names(kube)
    argo.post(f"{APPLICATION}/sync", json={"revision": second, "prune": True}).raise_for_status()
    state = finished(argo)
    assert state["syncResult"]["revision"] == second
    assert {each["status"] for each in state["syncResult"]["resources"]} == {"Synced", "Pruned"}
    assert "env-b" not in names(kube)
    healthy = eventually(
        lambda: next(
            (
                found
                for found in [argo.get(APPLICATION, params={"refresh": "normal"}).json()["status"]]
                if found["health"]["status"] == "Healthy"
            ),
            None,
        ),
        what="health",
    )
    assert healthy["sync"] == {"status": "Synced", "revision": second}


def test_second_operation_is_refused_while_one_runs(platform: Platform, argo: httpx.Client) -> None:
    platform.commit("env-c")
    argo.post("/_sandbox/applications/mesh-six", json={"seconds": 3}).raise_for_status()
    argo.post(f"{APPLICATION}/sync", json={}).raise_for_status()
    refused = argo.post(f"{APPLICATION}/sync", json={})
    words = "another operation is already in progress"
    assert (refused.status_code, refused.json()) == (400, {"error": words, "code": 9, "message": words})
    running_now = argo.get(APPLICATION).json()
    assert "operation" in running_now or running_now["status"]["operationState"]["phase"] == "Running"
    assert finished(argo)["phase"] == "Succeeded"


@pytest.mark.parametrize("phase", ["Failed", "Error"])
def test_operation_ends_badly_with_its_message(platform: Platform, argo: httpx.Client, phase: str) -> None:
    platform.commit("env-d")
    fault = {"fault": phase, "message": "the hook failed"}
    argo.post("/_sandbox/applications/mesh-six", json=fault).raise_for_status()
    argo.post(f"{APPLICATION}/sync", json={}).raise_for_status()
    state = finished(argo)
    assert (state["phase"], state["message"]) == (phase, "the hook failed")


def test_what_the_cluster_refuses_fails_the_operation(platform: Platform, argo: httpx.Client) -> None:
    platform.commit("Env_Bad")
    argo.post(f"{APPLICATION}/sync", json={}).raise_for_status()
    state = finished(argo)
    assert state["phase"] == "Failed"
    assert "metadata.name" in state["message"]


def test_what_cannot_be_rendered_is_a_comparison_error(platform: Platform, argo: httpx.Client) -> None:
    platform.commit("env-e", extra={"helmCharts": []})
    argo.post(f"{APPLICATION}/sync", json={}).raise_for_status()
    state = finished(argo)
    assert state["phase"] == "Error"
    assert "helmCharts" in state["message"]
    conditions = argo.get(APPLICATION, params={"refresh": "hard"}).json()["status"]["conditions"]
    assert conditions[0]["type"] == "ComparisonError"


def test_unknown_revision_is_an_error(platform: Platform, argo: httpx.Client) -> None:
    platform.commit("env-f")
    argo.post(f"{APPLICATION}/sync", json={"revision": "0" * 40}).raise_for_status()
    assert "Unable to resolve" in finished(argo)["message"]


def test_automated_application_takes_no_other_revision(platform: Platform, argo: httpx.Client) -> None:
    commit = platform.commit("env-g")
    refused = argo.post("/api/v1/applications/automated/sync", json={"revision": commit})
    assert refused.json()["message"] == f"Cannot sync to {commit}: auto-sync currently set to main"
    argo.get("/api/v1/applications/automated", params={"refresh": "normal"}).raise_for_status()

    def synced() -> bool:
        status = argo.get("/api/v1/applications/automated").json()["status"]
        return bool((status.get("operationState") or {}).get("phase") == "Succeeded")

    eventually(synced, what="the automated sync")


def test_operation_of_a_killed_process_is_taken_up(platform: Platform, argo: httpx.Client, process: Process) -> None:
    commit = platform.commit("env-h")
    argo.post("/_sandbox/applications/mesh-six", json={"seconds": 30}).raise_for_status()
    argo.post(f"{APPLICATION}/sync", json={"revision": commit}).raise_for_status()
    process.kill()
    process.start()
    state = finished(argo)
    assert (state["phase"], state["syncResult"]["revision"]) == ("Succeeded", commit)


def test_callers_are_known_and_unknown_applications_are_404(argo: httpx.Client) -> None:
    assert argo.get("/api/v1/session/userinfo").json()["loggedIn"] is True
    assert argo.get("/api/v1/account/can-i/applications/sync/mesh-six/mesh-six").json() == {"value": "yes"}
    assert argo.get("/api/version", headers={"Authorization": ""}).json()["Version"].startswith("v3")
    assert argo.get(APPLICATION, headers={"Authorization": ""}).json()["code"] == 16
    assert argo.get(APPLICATION, headers={"Authorization": "Bearer x"}).status_code == 401
    absent = argo.get("/api/v1/applications/nobody")
    assert (absent.status_code, absent.json()["code"]) == (404, 5)
