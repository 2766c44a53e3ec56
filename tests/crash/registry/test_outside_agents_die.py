"""An agent outside is killed in mid-task; what finds it out is silence, by the platform's own beat and in real time."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from django.db import connection

from apps.agents.registry.models import History, Instance, Task
from apps.agents.registry.services import submission
from apps.agents.registry.words import Request
from meshsix.kit.actor import SYSTEM
from tests.crash.registry.conftest import Stack
from tests.engine_process import ROOT
from tests.platform import eventually
from tests.service.registry.outside_calls import token_of
from tests.web_process import WebProcess, web_process

pytestmark = pytest.mark.xdist_group("registry-crashes")

ELSEWHERE_WITHIN = timedelta(seconds=150)
LONG = 900


@contextmanager
def outside(web: WebProcess, agent_id: str, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Let a program work as an agent, and wait until it has joined."""
    command = [sys.executable, "-m", "deploy.sandbox.agent", "--url", web.http, "--agent", agent_id]
    environment = {"PATH": os.environ["PATH"], "MESH_SIX_TOKEN": token_of(agent_id, "shout")}
    with log.open("ab") as output:
        process = subprocess.Popen(
            [*command, "--capability", "shout"], env=environment, cwd=ROOT, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        eventually(lambda: Instance.objects.filter(agent_id=agent_id, stopped_at=None).exists(), what=agent_id)
        yield process
    finally:
        process.kill()
        process.wait()


def test_the_task_of_a_killed_program_is_at_another_one_within_150_seconds(stack: Stack, tmp_path: Path) -> None:
    log = stack.log
    with (
        web_process(tmp_path / "web.log", stack.environment) as web,
        outside(web, "parrot", log) as parrot,
        outside(web, "jay", log) as jay,
    ):
        payload = {"text": "hello", "seconds": LONG}
        task = submission.submit(Request(capability="shout", payload=payload, timeout_seconds=LONG), actor=SYSTEM).task
        eventually(lambda: Task.objects.filter(pk=task.pk, status="running").exists())
        task.refresh_from_db()
        killed, other = (parrot, "jay") if task.dispatched_to == "parrot" else (jay, "parrot")
        killed.send_signal(signal.SIGKILL)
        killed_at = _database_time()
        again = Task.objects.filter(pk=task.pk, status="running", attempts=2)
        eventually(again.exists, within=ELSEWHERE_WITHIN + timedelta(seconds=30))
        task = again.get()
    assert task.started_at is not None
    assert task.started_at - killed_at <= ELSEWHERE_WITHIN
    assert (task.dispatched_to, task.instance_id) == (other, Instance.objects.get(agent_id=other).instance_id)
    lost = History.objects.get(task_id=task.pk)
    assert (lost.attempt, lost.error_type, lost.agent_id == other) == (1, "agent_lost", False)


def _database_time() -> datetime:
    """Return the time by the database's clock."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        found: datetime = cursor.fetchone()[0]
        return found
