"""deploy-service by kubectl-deployer: approved, planned, applied once, followed to its end."""

from typing import Any

import pytest
from pytest_django import Settings

from apps.agents.registry.models import Check, Task
from apps.agents.registry.queries import scores
from apps.agents.registry.services import checks, previewing
from meshsix import wiring
from meshsix.kit import clock
from tests.service.kubectl.conftest import NAMESPACE, Yard, close, config, web
from tests.service.registry.conftest import BERT

DEPLOYMENT = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/web"
APPLY = "application/apply-patch+yaml"


def result(task: Task) -> dict[str, Any]:
    assert task.status == "completed", task.error
    assert task.result is not None
    return dict(task.result)


def failed(task: Task) -> tuple[str, str]:
    """Return code and message of a task that failed."""
    assert task.status == "failed", (task.status, task.result)
    assert task.error is not None
    return task.error["code"], task.error["message"]


def test_an_approved_deployment_is_applied_and_followed_until_its_pods_are_ready(yard: Yard) -> None:
    done = result(yard.deployed(web(), config(mode="fast")))
    assert (done["changed"], done["followed"], done["action"]) == (True, True, "sync")
    assert [(each["kind"], each["change"]) for each in done["objects"]] == [
        ("ConfigMap", "created"),
        ("Deployment", "created"),
    ]
    assert done["rollouts"] == [{"kind": "Deployment", "name": "web", "revision": "1", "pods": 1}]
    assert "+  mode: fast" in done["diff"]
    assert len(done["basis"]["sources"]) == 2
    managers = {each["manager"] for each in yard.kube("GET", DEPLOYMENT)["metadata"]["managedFields"]}
    assert managers == {"mesh-six"}
    assert len(yard.named("replicasets")) == len(yard.named("pods", "v1")) == 1

    again = result(yard.deployed(web(), config(mode="fast")))
    assert (again["changed"], again["diff"], again["rollouts"]) == (False, "", done["rollouts"])
    assert len(yard.named("replicasets")) == 1


def test_nothing_is_asked_of_the_cluster_before_a_person_approves(yard: Yard) -> None:
    task = yard.ask(service="web", namespace=NAMESPACE, manifests=[web()])
    yard.office.work(task)
    assert (task.status, task.proposed_agent) == ("awaiting_approval", "kubectl-deployer")
    assert yard.kubernetes.requests() == []


@pytest.mark.parametrize(
    ("code", "asked"),
    [
        ("kubectl:nothing-to-apply", {"manifests": []}),
        ("kubectl:unknown-action", {"action": "sync-prune"}),
        ("kubectl:namespace-not-allowed", {"namespace": "kube-system"}),
        ("kubectl:namespace-not-allowed", {"namespace": ""}),
        ("kubectl:not-allowed", {"manifests": [{"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "x"}}]}),
        ("kubectl:not-allowed", {"destination": {"server": "https://other.example.com", "namespace": NAMESPACE}}),
    ],
)
def test_what_may_not_be_is_refused_before_any_call(yard: Yard, code: str, asked: dict[str, Any]) -> None:
    task = yard.ask(**{"service": "web", "namespace": NAMESPACE, "manifests": [config()], **asked})
    task = yard.worked(yard.approved(task))
    assert failed(task)[0] == code
    assert task.error is not None
    assert task.error["hint"]
    assert yard.kubernetes.requests() == []


def test_a_privileged_pod_is_refused_with_its_place(yard: Yard) -> None:
    manifest = web()
    manifest["spec"]["template"]["spec"]["containers"][0]["securityContext"] = {"privileged": True}
    code, message = failed(yard.deployed(config(), manifest))
    assert code == "kubectl:not-allowed"
    assert "/1/spec/template/spec/containers/0/securityContext/privileged" in message
    assert yard.kubernetes.requests() == []


def test_a_plan_changes_nothing_and_its_hash_holds_until_something_changes(yard: Yard) -> None:
    plan = result(yard.deployed(config(mode="fast"), action="plan"))
    assert (plan["changed"], plan["followed"]) == (False, False)
    assert yard.named("configmaps", "v1") == ["mesh-six-environment"]
    assert all("dryRun" in str(each) for each in yard.kubernetes.requests() if each["method"] == "PATCH")

    other = failed(yard.deployed(config(mode="slow"), plan_hash=plan["plan_hash"]))
    assert other[0] == "kubectl:plan-outdated"
    done = result(yard.deployed(config(mode="fast"), plan_hash=plan["plan_hash"]))
    assert (done["changed"], done["plan_hash"]) == (True, plan["plan_hash"])
    assert failed(yard.deployed(config(mode="fast"), plan_hash=plan["plan_hash"]))[0] == "kubectl:plan-outdated"


def test_a_rollout_past_its_deadline_fails_with_the_reasons_of_its_pods(yard: Yard) -> None:
    asked = yard.ask(service="web", namespace=NAMESPACE, manifests=[web(fault="ImagePullBackOff")], timeout_seconds=16)
    code, message = failed(yard.worked(yard.approved(asked)))
    assert code == "kubectl:rollout-late"
    assert "0 are ready" in message
    assert "ImagePullBackOff" in message


def test_a_rollout_that_does_not_go_on_fails_at_once(yard: Yard) -> None:
    code, message = failed(yard.deployed(web(fault="Unschedulable", progressDeadlineSeconds=1)))
    assert code == "kubectl:rollout-stuck"
    assert "Insufficient memory" in message


def test_pods_that_cannot_be_made_are_explained_by_events(yard: Yard) -> None:
    manifest = web(progressDeadlineSeconds=1)
    manifest["spec"]["template"]["spec"]["serviceAccountName"] = "nobody"
    code, message = failed(yard.deployed(manifest))
    assert code == "kubectl:rollout-stuck"
    assert 'serviceaccount "nobody" not found' in message


def test_an_apply_whose_answer_is_lost_leaves_one_replica_set(yard: Yard) -> None:
    """The step runs again and finds all as it should be."""
    yard.kubernetes.fault("drop-after-effect", match={"method": "PATCH"}, skip=1, times=1)
    done = result(yard.deployed(web()))
    assert done["rollouts"][0]["revision"] == "1"
    applied = [each for each in yard.kubernetes.requests() if each["method"] == "PATCH"]
    assert len(applied) == 3  # the dry run, the apply whose answer was lost, and the one that found it done
    assert len(yard.named("replicasets")) == len(yard.named("pods", "v1")) == 1
    assert yard.kube("GET", DEPLOYMENT)["metadata"]["generation"] == 1


def test_fields_of_somebody_else_are_left_to_them(yard: Yard) -> None:
    path = f"/api/v1/namespaces/{NAMESPACE}/configmaps/web?fieldManager=somebody"
    yard.kube("PATCH", path, config(mode="theirs"), form=APPLY)
    code, message = failed(yard.deployed(config(mode="ours")))
    assert code == "kubectl:conflict"
    assert "somebody" in message
    assert yard.kube("GET", path.partition("?")[0])["data"] == {"mode": "theirs"}


def test_fields_that_do_not_exist_are_named(yard: Yard) -> None:
    code, message = failed(yard.deployed(web(replica=3)))
    assert code == "kubectl:rejected-fields"
    assert ".spec.replica" in message


def test_without_waiting_the_change_is_begun_and_not_followed(yard: Yard) -> None:
    done = result(yard.deployed(web(fault="Unschedulable"), wait=False))
    assert (done["changed"], done["followed"], done["rollouts"]) == (True, False, [])


def test_a_right_that_is_lacking_is_named(yard: Yard, settings: Settings) -> None:
    task = yard.approved(yard.ask(service="web", namespace=NAMESPACE, manifests=[config()]))
    close()
    settings.KUBERNETES_TOKEN = "planted-weak-token"
    yard.worked(task)
    assert task.error is not None
    assert (task.error["type"], task.error["code"]) == ("refused", "kubernetes:forbidden")
    assert 'in namespace "team-a"' in task.error["hint"]


def test_a_new_template_keeps_the_old_pods_until_the_new_ones_are_ready(yard: Yard) -> None:
    result(yard.deployed(web()))
    (first,) = yard.named("pods", "v1")
    assert failed(yard.deployed(web(fault="Unschedulable", progressDeadlineSeconds=1)))[0] == "kubectl:rollout-stuck"
    assert first in yard.named("pods", "v1")
    back = result(yard.deployed(web()))
    assert back["rollouts"] == [{"kind": "Deployment", "name": "web", "revision": "3", "pods": 1}]
    assert len(yard.named("replicasets")) == 2


def test_its_score_is_0_7_and_without_a_cluster_0(yard: Yard, settings: Settings) -> None:
    def card() -> tuple[float, list[str]]:
        (found,) = scores.candidates("deploy-service", now=clock.now())
        return round(found.final_score, 6), [str(each) for each in found.reasons]

    assert card() == (0.7, [])
    yard.office.succeeded("kubectl-deployer", "+++", capability="deploy-service")
    assert card() == (0.77, [])
    close()
    settings.KUBERNETES_API_URL = ""
    wiring.clients.cache_clear()
    Check.objects.update(due_at=clock.now())
    checks.refresh(wiring.clients())
    assert card() == (0, ["dependency_down"])


def test_who_approves_sees_the_plan_first_and_nothing_is_changed_by_it(yard: Yard) -> None:
    task = yard.ask(service="web", namespace=NAMESPACE, manifests=[config(colour="green")])
    shown = yard.worked(previewing.preview(task.pk, agent="kubectl-deployer", actor=BERT))
    planned = result(shown)
    assert (planned["action"], planned["changed"], "green" in planned["diff"]) == ("plan", False, True)
    assert "web" not in yard.named("configmaps", "v1")
    assert result(yard.worked(yard.approved(task)))["changed"]
