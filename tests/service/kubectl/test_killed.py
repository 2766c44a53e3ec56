"""A worker that is killed in the middle of a rollout: another one ends it, and the cluster holds it once."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from uuid import UUID

import httpx
import pytest
from django.conf import settings

from deploy.local.options import BASE
from meshsix.durable import recovery
from meshsix.durable.models import StepRow
from meshsix.kit import clock
from tests.service.kubectl.conftest import NAMESPACE, TOKEN, Yard, web
from tests.service.sandbox.process import eventually

WORK = "from uuid import UUID; from meshsix.durable import stretches; stretches.run(UUID('{}'), '{}', in_chord=False)"


@contextmanager
def worker(yard: Yard, run_id: UUID, step: str) -> Iterator[subprocess.Popen[bytes]]:
    """Let a process of its own go on with a run from a step; kill it at the end of the block."""
    environment = {
        **os.environ,
        "DATABASE_URL": "postgresql://{USER}:{PASSWORD}@{HOST}:{PORT}/{NAME}".format(**settings.DATABASES["default"]),
        "DURABLE_STRETCH_SECONDS": "600",
        "KUBERNETES_API_URL": yard.kubernetes.url,
        "KUBERNETES_TOKEN": TOKEN,
        "KUBERNETES_TIMEOUT_SECONDS": "600",
        "KUBE_NAMESPACES": NAMESPACE,
    }
    command = [sys.executable, "manage.py", "shell", "-c", WORK.format(run_id, step)]
    process = subprocess.Popen(command, env=environment, cwd=BASE, stdout=subprocess.DEVNULL)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def stands(yard: Yard) -> bool:
    path = f"{yard.kubernetes.url}/apis/apps/v1/namespaces/{NAMESPACE}/deployments/web"
    return httpx.get(path, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=60).is_success


@pytest.mark.django_db(transaction=True)
def test_a_worker_killed_in_mid_rollout_leaves_one_replica_set(transactional_db: None, yard: Yard) -> None:  # noqa: ARG001 - another process reads the rows
    task = yard.office.begin(yard.approved(yard.ask(service="web", namespace=NAMESPACE, manifests=[web()])))
    assert task.run_id is not None
    yard.kubernetes.fault("timeout", match={"method": "PATCH"}, skip=1, times=1, effect=True)
    with worker(yard, task.run_id, "plan"):
        eventually(lambda: stands(yard), seconds=180, what="the Deployment")
    yard.kubernetes.no_faults()
    step = StepRow.objects.get(run_id=task.run_id, name="apply")
    assert step.state == "running"  # the process died between the effect and its record
    StepRow.objects.filter(pk=step.pk).update(lease_until=clock.now() - timedelta(seconds=1))
    recovery.release(step.pk, clock.now())
    yard.worked(task)
    assert task.status == "completed", task.error
    assert len(yard.named("replicasets")) == len(yard.named("pods", "v1")) == 1
    assert task.result is not None
    assert task.result["rollouts"][0]["revision"] == "1"
