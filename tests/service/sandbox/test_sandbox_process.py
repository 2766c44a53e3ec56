"""The process that serves the sandboxes: ports, kills, refusals."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.service.sandbox.process import ROOT, Process, eventually, running

CONFIG: dict[str, dict[str, Any]] = {"litellm": {"master_key": "sk-m"}, "ntfy": {}, "sign_in": {}}


def refused(directory: Path, config: object, *words: str) -> str:
    path = directory / "bad.json"
    path.write_text(json.dumps(config))
    child = subprocess.run(
        [sys.executable, "-m", "deploy.sandbox", "--data", directory / "data", "--config", path, *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert child.returncode == 2, child.stderr
    return child.stderr


def test_state_and_ports_survive_kill_and_stop(tmp_path: Path) -> None:
    with running(tmp_path, CONFIG) as process:
        urls = dict(process.urls)
        assert set(urls) == set(CONFIG)
        for end in (process.kill, process.stop):
            httpx.post(f"{urls['ntfy']}/topic", content=end.__name__, timeout=60).raise_for_status()
            end()
            process.start()
            assert process.urls == urls
        shown = httpx.get(f"{urls['ntfy']}/topic/json", params={"poll": "1"}, timeout=60).text.splitlines()
        assert [json.loads(each)["message"] for each in shown] == ["kill", "stop"]
        assert process.stop() < 20


def test_log_masks_secrets_and_faults_work_everywhere(tmp_path: Path) -> None:
    with running(tmp_path, CONFIG) as process:
        base, headers = process.urls["litellm"], {"Authorization": "Bearer sk-m"}
        fault = {"match": {"method": "POST", "path": "/team/new"}, "kind": "drop-after-effect", "times": 1}
        httpx.post(f"{base}/_sandbox/faults", json=fault, timeout=60).raise_for_status()
        with pytest.raises(httpx.RemoteProtocolError):
            httpx.post(f"{base}/team/new", json={"team_id": "t"}, headers=headers, timeout=60)
        assert httpx.get(f"{base}/team/info", params={"team_id": "t"}, headers=headers, timeout=60).is_success
        log = httpx.get(f"{base}/_sandbox/requests", timeout=60).text
        assert "/team/new" in log
        assert "sk-m" not in log


def test_wrong_configuration_says_what_is_wrong(tmp_path: Path) -> None:
    assert "'nobody'" in refused(tmp_path, {"nobody": {}})
    assert "'master_key'" in refused(tmp_path, {"litellm": {}})
    with running(tmp_path / "other", {"ntfy": {}}) as process:
        port = int(process.urls["ntfy"].rpartition(":")[2])
        assert f"port {port} cannot be used" in refused(tmp_path, {"ntfy": {"port": port}})


def test_one_directory_has_one_process(tmp_path: Path) -> None:
    with running(tmp_path, {"ntfy": {}}):
        assert "another process serves" in refused(tmp_path, {"ntfy": {}})


def test_all_vendors_work_together(tmp_path: Path) -> None:
    application = {"repo_url": "${github}/octo-org/platform.git", "path": "k8s/base", "namespace": "mesh-six-envs"}
    config = {
        **CONFIG,
        "github": {"tokens": [{"token": "github-token", "login": "octo-user"}]},
        "kubernetes": {"token": "kube-token"},
        "argocd": {
            "token": "argo-token",
            "kubernetes_token": "kube-token",
            "git_token": "github-token",
            "applications": {"mesh-six": {**application, "revision": "main"}},
        },
        "s3": {},
    }
    with running(tmp_path, config) as process:
        address = f"{process.urls['argocd']}/api/v1/applications/mesh-six"
        headers = {"Authorization": "Bearer argo-token"}
        httpx.post(f"{address}/sync", json={}, headers=headers, timeout=60).raise_for_status()

        def phase() -> str:
            state = httpx.get(address, headers=headers, timeout=60).json()["status"].get("operationState") or {}
            return str(state.get("phase")) if state.get("finishedAt") else ""

        assert eventually(phase, what="the end of the operation") == "Succeeded"


def test_only_the_named_vendors_are_served(tmp_path: Path) -> None:
    process = Process(tmp_path, CONFIG)
    child = subprocess.Popen(
        [sys.executable, "-m", "deploy.sandbox", "--data", process.data, "--config", tmp_path / "config.json",
         "--only", "ntfy"], cwd=ROOT, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert child.stdout is not None
    assert set(json.loads(child.stdout.readline())) == {"ntfy"}
    child.terminate()
    child.communicate(timeout=60)
