"""A step in a process of its own that is killed in the middle, and what the platform then does with its lease."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.db import connection

from apps.agents.registry.models import Task
from deploy.local.servers import OpenBao
from meshsix.durable import recovery
from meshsix.durable.models import StepRow
from meshsix.kit import clock
from tests.engine_process import ROOT, kill


def stands_on(vault: OpenBao) -> dict[str, str]:
    """Return what a process needs to stand on the database of this test and on Vault."""
    server, _, _ = os.environ["DATABASE_URL"].rpartition("/")
    return {
        "DATABASE_URL": f"{server}/{connection.settings_dict['NAME']}",
        "VAULT_ADDR": vault.url,
        "VAULT_ROLE_ID": vault.approle.role_id,
        "VAULT_SECRET_ID": vault.approle.secret_id,
    }


@contextmanager
def running(task: Task, step: str, environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """Run a step in a process of its own, which is killed at the end of the block at the latest."""
    words = [sys.executable, "-m", "tests.crash.roster.one_step", str(task.run_id), step]
    process = subprocess.Popen(words, cwd=ROOT, env=os.environ | environment, start_new_session=True)
    try:
        yield process
    finally:
        kill(process)


def release(task: Task, step: str) -> None:
    """Let the lease of the killed process be over, and the pause after it."""
    row = StepRow.objects.get(run=task.run_id, name=step)
    recovery.release(row.pk, clock.now() + timedelta(hours=1))
    StepRow.objects.filter(pk=row.pk).update(due_at=clock.now())
