"""What the sandbox was told survives its end, kill -9 included."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from deploy.sandbox.base import LoopbackOnlyError, bind
from tests.contract.sandbox_github.callers import CLASSIC, Receiver, tokens

REPO = "/repos/octo-org/bookmarks"
ROOT = Path(__file__).parents[3]


@contextmanager
def served(place: Path) -> Iterator[tuple[subprocess.Popen[str], httpx.Client]]:
    """Run the sandbox as a process of its own, killed without warning at the end."""
    (place / "config.json").write_text(json.dumps({"tokens": tokens()}))
    command = [
        sys.executable,
        "-m",
        "deploy.sandbox.github",
        "--data",
        str(place / "data"),
        "--config",
        str(place / "config.json"),
    ]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = json.loads(process.stdout.readline())["github"]
        with httpx.Client(base_url=url, headers={"authorization": f"Bearer {CLASSIC}"}, timeout=60) as client:
            yield process, client
        process.kill()


def test_state_survives_a_kill(tmp_path: Path) -> None:
    with served(tmp_path) as (_, octo):
        octo.post(f"{REPO}/issues", json={"title": "Remember me"})
        octo.put(f"{REPO}/contents/kept.txt", json={"message": "Keep it", "content": "aGk="})
        hook = octo.post(f"{REPO}/hooks", json={"config": {"url": "http://127.0.0.1:9/"}, "active": False}).json()["id"]
    with served(tmp_path) as (process, octo):
        assert octo.get(f"{REPO}/issues").json()[0]["title"] == "Remember me"
        assert octo.get(f"{REPO}/contents/kept.txt").status_code == 200
        assert [each["id"] for each in octo.get(f"{REPO}/hooks").json()] == [hook]
        assert len(octo.get("/orgs/octo-org/repos").json()) == 4
        octo.post("/_sandbox/reset")
        assert octo.get(f"{REPO}/hooks").json() == []
        assert octo.get(f"{REPO}/contents/kept.txt").status_code == 404
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0


def test_delivery_that_was_not_sent_yet_is_sent_after_a_restart(tmp_path: Path, receiver: Receiver) -> None:
    with served(tmp_path) as (_, octo):
        octo.post("/_sandbox/faults", json={"kind": "timeout", "effect": True, "match": {"path": "*/hooks"}})
        body = {"config": {"url": receiver.url, "content_type": "json"}, "events": ["issues"]}
        with pytest.raises(httpx.TimeoutException):
            octo.post(f"{REPO}/hooks", json=body, timeout=httpx.Timeout(60, read=5))
    with served(tmp_path):
        receiver.next("ping")


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "example.org", "::"])  # noqa: S104 - refused
def test_only_loopback_is_bound(host: str) -> None:
    with pytest.raises(LoopbackOnlyError):
        bind(host=host)
