"""The commands as an operator's script uses them: real processes, pipes on all sides, one running platform."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.options import BASE, Options
from deploy.local.person import allow
from deploy.local.stack import Stack
from tests import servers
from tests.platform import Platform, running

pytestmark = [pytest.mark.acceptance, pytest.mark.xdist_group("onboarding")]

DONE, FAILED, USAGE, WAITS = 0, 1, 2, 3


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    data: Path = tmp_path_factory.mktemp("commands") / "stack"
    with running(Stack(Options(data=data, environ=servers.plain_environment(), workers=2))) as found:
        yield found


def manage(platform: Platform, *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Run a command with pipes on all sides."""
    done = subprocess.run(
        [sys.executable, "manage.py", *words],
        env=platform.stack.env,
        cwd=BASE,
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert "\x1b" not in done.stdout + done.stderr
    return done


def test_doctor_proves_the_platform_and_changes_nothing(platform: Platform) -> None:
    platform.onboard(platform.repository(), execution_mode="local")  # makes the bucket
    name = platform.repository()
    platform.forget()
    done = manage(platform, "doctor", name, "--json")
    found = json.loads(done.stdout)
    bad = {each["name"]: each["fact"] for each in found["findings"] if each["state"] not in {"ok", "skipped"}}
    assert (done.returncode, set(bad)) == (DONE, {"kubernetes-no-more"}), bad  # the sandbox's account may do everything
    assert found["repository"] == name
    assert [each for each in platform.changes() if "/_probes/" not in each] == []
    assert {each["name"] for each in found["findings"]} > {"beat", "workers-onboarding", "public-address"}


def test_an_onboarding_by_commands_alone(platform: Platform) -> None:
    name = platform.repository()
    started = manage(platform, "onboard", name, "--mode", "local", "--wait", "--json")
    assert started.returncode == WAITS, started.stderr
    run = json.loads(started.stdout)
    assert manage(platform, "onboarding_status", name).returncode == WAITS
    code = allow(run["oauth_device_url"])
    handed_in = manage(platform, "submit_oauth_code", run["id"], "--json", stdin=f"{code}\n")
    assert (handed_in.returncode, json.loads(handed_in.stdout)) == (DONE, {"id": run["id"], "accepted": True})
    assert code not in handed_in.stdout + handed_in.stderr
    followed = manage(platform, "onboarding_status", name, "--follow", "--json")
    assert followed.returncode == DONE, followed.stderr
    assert json.loads(followed.stdout.splitlines()[-1])["status"] == "completed"


def test_a_failed_onboarding_tells_so(platform: Platform) -> None:
    failed = manage(platform, "onboard", "octo-org/attic", "--wait")
    assert (failed.returncode, "archived" in failed.stdout + failed.stderr) == (FAILED, True), failed
    assert manage(platform, "doctor", "octo-org/attic", "--only", "github-repository").returncode == FAILED
