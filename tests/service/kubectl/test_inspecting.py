"""inspect-cluster by kubectl-deployer: what it shows of a listed namespace, and that it looks nowhere else."""

import json
from collections.abc import Mapping
from typing import Any

import httpx
import pytest
from pytest_django import Settings

from apps.agents.registry.models import Task
from tests.service.kubectl.conftest import NAMESPACE, WEAK_TOKEN, Yard, close, config, web
from tests.service.sandbox.process import eventually

APPLY = "application/apply-patch+yaml"


def seen(task: Task) -> dict[str, Any]:
    assert task.status == "completed", task.error
    assert task.result is not None
    return dict(task.result)


def refused(task: Task) -> str:
    assert task.status == "failed", task.result
    assert task.error is not None
    return str(task.error["code"])


def applied(yard: Yard, manifest: Mapping[str, Any], path: str) -> None:
    name = manifest["metadata"]["name"]
    yard.kube(
        "PATCH",
        f"{path}/namespaces/{NAMESPACE}/{manifest['kind'].lower()}s/{name}?fieldManager=x",
        manifest,
        form=APPLY,
    )


def a_pod(yard: Yard) -> str:
    """Return the name of the Deployment's pod once its fault shows."""

    def found() -> str:
        pods = yard.kube("GET", f"/api/v1/namespaces/{NAMESPACE}/pods")["items"]
        return str(pods[0]["metadata"]["name"]) if pods and pods[0]["status"].get("conditions") else ""

    return eventually(found, what="the pod")


@pytest.fixture
def stuck(yard: Yard) -> str:
    """A Deployment whose pod finds no image; return the pod's name."""
    applied(yard, web(fault="ImagePullBackOff"), "/apis/apps/v1")
    return a_pod(yard)


def test_a_namespace_is_shown_with_how_each_object_fares(yard: Yard, stuck: str) -> None:
    found = seen(yard.looked())
    states = {(each["kind"], each["name"]): each["state"] for each in found["objects"]}
    assert states["Deployment", "web"] == "0 of 1 pods ready, rolling out"
    assert "ImagePullBackOff" in states["Pod", stuck]
    assert found["summary"] == f"In {NAMESPACE}: 1 Deployment, 1 Pod."
    assert {each["url"] for each in found["basis"]["sources"]} == {"Deployment", "StatefulSet", "Pod", "Service"}
    assert found["basis"]["models"] == found["basis"]["missing"] == []


def test_one_object_is_described_without_its_secrets(yard: Yard) -> None:
    applied(yard, config("settings", db_password="planted-value", mode="fast"), "/api/v1")
    found = seen(yard.looked(action="describe", kind="ConfigMap", name="settings"))
    assert "mode: fast" in found["manifest"]
    assert "planted-value" not in json.dumps(found)
    only = seen(yard.looked(kind="ConfigMap", name="settings"))
    assert [each["name"] for each in only["objects"]] == ["settings"]


def test_events_and_rollouts_say_why_pods_are_not_ready(yard: Yard, stuck: str) -> None:
    found = seen(yard.looked(action="events", kind="Pod", name=stuck))
    assert {each["about"] for each in found["events"]} == {f"Pod/{stuck}"}
    assert any("manifest unknown" in each["message"] for each in found["events"])
    (told,) = seen(yard.looked(action="rollout-status"))["rollouts"]
    assert (told["done"], told["kind"], told["name"]) == (False, "Deployment", "web")
    assert any(stuck in each and "ImagePullBackOff" in each for each in told["reasons"])


def test_a_history_lists_templates_the_newest_first(yard: Yard, stuck: str) -> None:
    applied(yard, web(image="web:2", fault="ImagePullBackOff"), "/apis/apps/v1")
    eventually(lambda: len(yard.named("replicasets")) == 2, what="the second template")
    history = seen(yard.looked(action="rollout-history", name="web"))["history"]
    assert [(each["revision"], each["images"]) for each in history] == [("2", ["web:2"]), ("1", ["web:1"])]
    assert stuck.startswith(history[1]["name"])


def test_the_last_lines_of_a_log_are_shown(yard: Yard) -> None:
    applied(yard, web(), "/apis/apps/v1")
    pod = a_pod(yard)
    log = f"{yard.kubernetes.url}/api/v1/namespaces/{NAMESPACE}/pods/{pod}/log"
    headers = {"Authorization": "Bearer planted-cluster-token"}
    eventually(lambda: "ready on port" in httpx.get(log, headers=headers, timeout=60).text, what="the pod's words")
    found = seen(yard.looked(action="logs", name=pod, tail=1))
    assert len(found["log"].splitlines()) == 1


@pytest.mark.parametrize(
    ("code", "asked"),
    [
        ("kubectl:namespace-not-allowed", {"namespace": "kube-system"}),
        ("kubectl:kind-not-allowed", {"kind": "Secret"}),
        ("kubectl:kind-not-allowed", {"action": "describe", "kind": "Role", "name": "x"}),
        ("kubectl:name-needed", {"action": "logs"}),
        ("kubectl:name-needed", {"action": "describe", "kind": "Service"}),
        ("kubectl:no-rollout", {"action": "rollout-status", "kind": "Service"}),
        ("kubectl:no-rollout", {"action": "rollout-history", "kind": "StatefulSet", "name": "x"}),
    ],
)
def test_what_may_not_be_seen_is_refused_before_any_call(yard: Yard, code: str, asked: dict[str, Any]) -> None:
    assert refused(yard.looked(**asked)) == code
    assert yard.kubernetes.requests() == []


def test_what_is_not_there_is_missing(yard: Yard) -> None:
    assert refused(yard.looked(kind="Service", name="nothing")) == "kubernetes:missing"


def test_what_cannot_be_read_is_missing_and_not_empty(yard: Yard) -> None:
    yard.kubernetes.fault(match={"path": f"/api/v1/namespaces/{NAMESPACE}/pods"}, times=None)
    found = seen(yard.looked())
    assert [each.partition(":")[2][:5] for each in found["basis"]["missing"]] == [" Pod:"]
    yard.kubernetes.no_faults()


def test_where_nothing_can_be_read_it_is_tried_later(yard: Yard, settings: Settings) -> None:
    task = yard.ask("inspect-cluster", namespace=NAMESPACE)
    close()
    settings.KUBERNETES_TOKEN = WEAK_TOKEN
    yard.worked(task)
    assert task.error is not None
    assert (task.error["type"], task.result) == ("try_later", None)
