"""rollback-service by kubectl-deployer: back to an earlier template, once, and forward again."""

from typing import Any

import pytest

from apps.agents.registry.models import Task
from tests.service.kubectl.conftest import NAMESPACE, Yard, web

DEPLOYMENT = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/web"


def back(yard: Yard, **asked: Any) -> Task:  # noqa: ANN401 - a payload
    """Go back with approval; return the task as it ended."""
    payload = {"service": "web", "namespace": NAMESPACE, **asked}
    return yard.worked(yard.approved(yard.ask("rollback-service", **payload)))


def result(task: Task) -> dict[str, Any]:
    assert task.status == "completed", task.error
    assert task.result is not None
    return dict(task.result)


def code(task: Task) -> str:
    assert task.status == "failed", task.result
    assert task.error is not None
    return str(task.error["code"])


def image(yard: Yard) -> str:
    return str(yard.kube("GET", DEPLOYMENT)["spec"]["template"]["spec"]["containers"][0]["image"])


def test_the_template_before_comes_back_and_the_next_deployment_goes_forward_again(yard: Yard) -> None:
    for name in ("web:1", "web:2"):
        result(yard.deployed(web(image=name)))
    plan = result(back(yard, action="plan"))
    assert (plan["action"], plan["changed"], image(yard)) == ("plan", False, "web:2")
    assert "-      - image: web:2\n+      - image: web:1" in plan["diff"]

    yard.kubernetes.fault("drop-after-effect", match={"method": "PATCH"}, times=1)
    done = result(back(yard, plan_hash=plan["plan_hash"]))
    assert (done["action"], done["changed"], image(yard)) == ("rollback", True, "web:1")
    assert done["rollouts"] == [{"kind": "Deployment", "name": "web", "revision": "3", "pods": 1}]
    assert len(yard.named("replicasets")) == 2

    forward = result(yard.deployed(web(image="web:2")))
    assert (forward["rollouts"][0]["revision"], image(yard)) == ("4", "web:2")


def test_a_kept_revision_may_be_named(yard: Yard) -> None:
    for number in ("1", "2", "3"):
        result(yard.deployed(web(image=f"web:{number}", fault="Unschedulable"), wait=False))
        yard.revision_is(number)
    task = back(yard, history_id=1, wait=False)
    assert (result(task)["changed"], image(yard)) == (True, "web:1")


@pytest.mark.parametrize(
    ("expected", "asked"),
    [
        ("kubectl:unknown-action", {"action": "sync-prune"}),
        ("kubectl:namespace-not-allowed", {"namespace": "kube-system"}),
        ("kubectl:name-needed", {"service": ""}),
    ],
)
def test_what_may_not_be_is_refused_before_any_call(yard: Yard, expected: str, asked: dict[str, Any]) -> None:
    assert code(back(yard, **asked)) == expected
    assert yard.kubernetes.requests() == []


@pytest.mark.parametrize("history_id", [None, 7])
def test_without_an_earlier_template_nothing_is_changed(yard: Yard, history_id: int | None) -> None:
    result(yard.deployed(web(fault="Unschedulable"), wait=False))
    yard.revision_is("1")
    before = yard.kube("GET", DEPLOYMENT)
    assert code(back(yard, history_id=history_id)) == "kubectl:no-revision"
    assert yard.kube("GET", DEPLOYMENT)["metadata"]["generation"] == before["metadata"]["generation"]
