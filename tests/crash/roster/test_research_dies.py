"""kill -9 in the middle of a fetch: the site's log shows each page once, and the research ends all the same."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import pytest
from django.conf import settings
from django.db import connection

from apps.agents.registry.models import Task
from deploy.local.servers import OpenBao
from meshsix.durable import recovery
from meshsix.durable.models import StepRow
from meshsix.kit import clock
from tests.crash.durable.conftest import until
from tests.engine_process import ROOT, kill
from tests.models_sandbox import ModelsSandbox
from tests.service.registry.conftest import Office
from tests.service.roster.deep_desk import finding, finds, one_step, result_of, states, submitted
from tests.service.roster.web_sandbox import Site

pytestmark = pytest.mark.usefixtures("reading")


@contextmanager
def running(task: Task, step: str, environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """Run a step in a process of its own, which is killed at the end of the block at the latest."""
    words = [sys.executable, "-m", "tests.crash.roster.one_step", str(task.run_id), step]
    process = subprocess.Popen(words, cwd=ROOT, env=os.environ | environment, start_new_session=True)
    try:
        yield process
    finally:
        kill(process)


@pytest.fixture
def environment(site: Site, litellm: ModelsSandbox, vault_environment: OpenBao) -> dict[str, str]:
    """What a process needs to stand on the database and the vendors of this test."""
    server, _, _ = os.environ["DATABASE_URL"].rpartition("/")
    return {
        "DATABASE_URL": f"{server}/{connection.settings_dict['NAME']}",
        "LITELLM_URL": litellm.url,
        "LITELLM_ADMIN_KEY": settings.LITELLM_ADMIN_KEY,
        "VAULT_ADDR": vault_environment.url,
        "VAULT_ROLE_ID": vault_environment.approle.role_id,
        "VAULT_SECRET_ID": vault_environment.approle.secret_id,
        "SEARCH_URL": site.url,
        "FETCH_HOSTS": site.host,
        "FETCH_TIMEOUT_SECONDS": "300",
    }


def release(task: Task, step: str) -> None:
    """Let the lease of the killed process be over, and the pause after it."""
    row = StepRow.objects.get(run=task.run_id, name=step)
    recovery.release(row.pk, clock.now() + timedelta(hours=1))
    StepRow.objects.filter(pk=row.pk).update(due_at=clock.now())


def test_a_worker_killed_in_mid_fetch_makes_no_fetch_twice(
    office: Office, litellm: ModelsSandbox, site: Site, environment: dict[str, str]
) -> None:
    finds(litellm, finding("7 times", "S1"))
    site.fault("timeout", match={"path": "/docs/storage"})
    task = office.begin(submitted(office))
    one_step(task, "plan")
    with running(task, "fetch_1", environment) as worker:
        until(lambda: "/docs/storage" in site.read(), lambda: f"{worker.poll()} {site.read()}")
    site.no_faults()
    assert states(task)["fetch_1"] == "running"
    release(task, "fetch_1")
    result = result_of(office.work(task))
    paths = site.read()
    assert sorted(paths) == sorted(set(paths))
    assert [each["path"] for each in site.requests()].count("/search") == 1
    assert (result["grounded"], result["sources"][0]["url"]) == (True, site.at("/docs/retries"))
    interrupted = [each for each in result["missing_information"] if site.at("/docs/storage") in each]
    assert "interrupted" in interrupted[0]
    assert StepRow.objects.get(run=task.run_id, name="fetch_1").attempt == len(("killed", "done"))


def test_a_worker_killed_between_fetch_and_read_leaves_all_that_was_fetched(
    office: Office, litellm: ModelsSandbox, site: Site, environment: dict[str, str]
) -> None:
    finds(litellm, finding("7 times", "S1"))
    litellm.fault("timeout", match={"path": "/chat/completions", "contains": "NotesWords"})
    task = office.begin(submitted(office))
    one_step(task, "plan")
    with running(task, "fetch_1", environment) as worker:
        until(lambda: states(task)["read_1"] == "running", lambda: f"{worker.poll()} {states(task)}")
    litellm.no_faults()
    fetched = site.read()
    release(task, "read_1")
    assert result_of(office.work(task))["grounded"]
    assert site.read() == fetched == ["/docs/retries", "/docs/storage"]
