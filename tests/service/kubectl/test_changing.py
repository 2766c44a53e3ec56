"""change-workload by kubectl-deployer: scale, restart and delete, each once and with approval."""

from typing import Any

import pytest

from apps.agents.registry.models import Task
from tests.service.kubectl.conftest import NAMESPACE, Yard, web
from tests.service.sandbox.process import eventually

APPS = f"/apis/apps/v1/namespaces/{NAMESPACE}"
DEPLOYMENT = f"{APPS}/deployments/web"
RESTARTED = "mesh-six/restarted-for"


@pytest.fixture(autouse=True)
def deployment(yard: Yard) -> None:
    """A Deployment whose pods find no place, so that no process runs."""
    yard.kube("POST", f"{APPS}/deployments", web(fault="Unschedulable"))
    yard.kubernetes.forget_requests()


def change(yard: Yard, action: str, **asked: Any) -> Task:  # noqa: ANN401 - a payload
    """Change it with approval; return the task as it ended."""
    payload = {"namespace": NAMESPACE, "kind": "Deployment", "name": "web", "action": action, **asked}
    return yard.worked(yard.approved(yard.ask("change-workload", **payload)))


def result(task: Task) -> dict[str, Any]:
    assert task.status == "completed", task.error
    assert task.result is not None
    return dict(task.result)


def writes(yard: Yard) -> list[str]:
    return [each for each in yard.kubernetes.changes() if "authorization.k8s.io" not in each]


def test_it_is_scaled_once(yard: Yard) -> None:
    tried = result(change(yard, "scale", replicas=3, dry_run=True))
    assert (tried["changed"], "+  replicas: 3" in tried["diff"]) == (False, True)
    assert yard.kube("GET", DEPLOYMENT)["spec"]["replicas"] == 1
    done = result(change(yard, "scale", replicas=3))
    assert (done["changed"], done["diff"]) == (True, tried["diff"])
    assert yard.kube("GET", DEPLOYMENT)["spec"]["replicas"] == 3
    yard.kubernetes.forget_requests()
    again = result(change(yard, "scale", replicas=3))
    assert (again["changed"], again["diff"], writes(yard)) == (False, "", [])


def test_a_restart_replaces_the_template_once_for_a_task(yard: Yard) -> None:
    task = change(yard, "restart")
    assert result(task)["changed"]
    template = yard.kube("GET", DEPLOYMENT)["spec"]["template"]
    assert template["metadata"]["annotations"][RESTARTED] == str(task.task_id)
    assert template["metadata"]["labels"] == {"app": "web"}
    eventually(lambda: len(yard.named("replicasets")) == 2, what="the new pods")


def test_a_deleted_workload_takes_its_pods_along(yard: Yard) -> None:
    assert not result(change(yard, "delete", dry_run=True))["changed"]
    assert yard.named("deployments") == ["web"]
    done = result(change(yard, "delete"))
    assert (done["changed"], "+++ /dev/null" in done["diff"]) == (True, True)
    eventually(lambda: yard.named("pods", "v1") == [], what="the end of its pods")
    task = change(yard, "delete")
    assert task.error is not None
    assert task.error["type"] == "missing"


@pytest.mark.parametrize(
    ("code", "action", "asked"),
    [
        ("kubectl:namespace-not-allowed", "scale", {"namespace": "kube-system", "replicas": 0}),
        ("kubectl:not-changed-so", "delete", {"kind": "PersistentVolumeClaim"}),
        ("kubectl:not-changed-so", "delete", {"kind": "Secret"}),
        ("kubectl:not-changed-so", "restart", {"kind": "Pod"}),
        ("kubectl:replicas-needed", "scale", {}),
    ],
)
def test_what_may_not_be_is_refused_before_any_call(yard: Yard, code: str, action: str, asked: dict[str, Any]) -> None:
    task = change(yard, action, **asked)
    assert task.error is not None
    assert task.error["code"] == code
    assert yard.kubernetes.requests() == []


def test_nothing_is_changed_before_a_person_approves(yard: Yard) -> None:
    task = yard.ask("change-workload", namespace=NAMESPACE, kind="Deployment", name="web", action="delete")
    yard.office.work(task)
    assert (task.status, yard.kubernetes.requests()) == ("awaiting_approval", [])
