"""`make demo ARGS=--exit`: the main job on one machine, its summary and its exit code."""

import json
import re
from pathlib import Path

import pytest

from tests.acceptance.launcher import run

pytestmark = [pytest.mark.acceptance, pytest.mark.xdist_group("stack")]


def test_the_demo_onboards_the_sample_signs_in_and_sums_up(tmp_path: Path) -> None:
    data = tmp_path / "data"
    done = run(data, "demo", "--exit", MESHSIX_WORKERS="1")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "octo-org/bookmarks: Waits for a person to sign in." in done.stdout
    assert "octo-org/bookmarks: Done: agents can work here." in done.stdout
    for word in ("board", "webhook", "secret", "devcontainer", "registry row", "credential", "model budget"):
        assert f"│ {word}" in done.stdout
    assert re.search(r"The board showed it after \d+\.\d\d s: http", done.stdout)
    kept = json.loads((data / "stack.json").read_text(encoding="utf-8"))["secrets"]
    logged = done.stdout + done.stderr + "".join(log.read_text() for log in (data / "logs").iterdir())
    assert [name for name, secret in kept.items() if secret in logged] == []
    assert not list((data / "run").iterdir())

    again = run(data, "demo", "--exit", MESHSIX_WORKERS="1")
    assert again.returncode == 0, again.stdout + again.stderr
    assert "signed in already" in again.stdout


def test_a_demo_that_cannot_finish_says_why_and_fails(tmp_path: Path) -> None:
    nobody_there = {"LITELLM_URL": "http://127.0.0.1:9", "LITELLM_ADMIN_KEY": "planted", "ONBOARDING_ATTEMPTS": "1"}
    done = run(tmp_path / "data", "demo", "--exit", MESHSIX_WORKERS="1", **nobody_there)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "configure_litellm failed: " in done.stdout
