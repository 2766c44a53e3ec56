"""Deployments of the sandbox Kubernetes roll as the real ones do; all answers are valid by Kubernetes' schemas."""

import json
from typing import Any

import kubernetes_validate

from tests.service.sandbox.manifests import NAMESPACE
from tests.service.sandbox.process import Process, eventually, http_of

BASE = f"/apis/apps/v1/namespaces/{NAMESPACE}"


def deployment(name: str, *, image: str = "web:1", fault: str = "none", **spec: Any) -> dict[str, Any]:  # noqa: ANN401 - fields of a Deployment
    labels = {"app": name}
    notes = {"sandbox.mesh-six/fault": fault}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels, "annotations": notes},
                "spec": {"containers": [{"name": "web", "image": image}]},
            },
            **spec,
        },
    }


def apply(process: Process, content: dict[str, Any]) -> dict[str, Any]:
    with http_of(process) as http:
        answer = http.patch(
            f"{BASE}/deployments/{content['metadata']['name']}",
            params={"fieldManager": "test"},
            headers={"Content-Type": "application/apply-patch+yaml"},
            content=json.dumps(content),
        )
    assert answer.is_success, answer.text
    found: dict[str, Any] = answer.json()
    return found


def read(process: Process, path: str) -> dict[str, Any]:
    with http_of(process) as http:
        found: dict[str, Any] = http.get(path).json()
    kubernetes_validate.validate(found, "1.37", strict=True)
    return found


def conditions(process: Process, name: str) -> dict[str, str]:
    status = read(process, f"{BASE}/deployments/{name}").get("status", {})
    return {each["type"]: each["reason"] for each in status.get("conditions", ())}


def sets(process: Process, name: str) -> list[tuple[str, int, int]]:
    """Return revision, wanted and ready pods of each ReplicaSet, the oldest first."""
    found = read(process, f"{BASE}/replicasets?labelSelector=app={name}")["items"]
    revision = "deployment.kubernetes.io/revision"
    told = [
        (each["metadata"]["annotations"][revision], each["spec"]["replicas"], each["status"].get("readyReplicas", 0))
        for each in found
    ]
    return sorted(told)


def test_a_template_is_a_replica_set_and_the_old_one_goes_down_when_the_new_pods_are_ready(sandboxes: Process) -> None:
    name = "web-rolls"
    apply(sandboxes, deployment(name))
    eventually(lambda: conditions(sandboxes, name).get("Progressing") == "NewReplicaSetAvailable", what="the rollout")
    assert sets(sandboxes, name) == [("1", 1, 1)]
    status = read(sandboxes, f"{BASE}/deployments/{name}")["status"]
    assert (status["replicas"], status["updatedReplicas"], status["availableReplicas"]) == (1, 1, 1)

    apply(sandboxes, deployment(name, image="web:2"))
    eventually(lambda: sets(sandboxes, name) == [("1", 0, 0), ("2", 1, 1)], what="the second template")
    apply(sandboxes, deployment(name))
    eventually(lambda: sets(sandboxes, name) == [("2", 0, 0), ("3", 1, 1)], what="the way back")
    apply(sandboxes, deployment(name, replicas=0))
    eventually(lambda: sets(sandboxes, name) == [("2", 0, 0), ("3", 0, 0)], what="no pods")


def test_without_progress_for_its_deadline_a_rollout_says_so_and_the_old_pods_stay(sandboxes: Process) -> None:
    name = "web-stuck"
    apply(sandboxes, deployment(name, progressDeadlineSeconds=1))
    eventually(lambda: sets(sandboxes, name) == [("1", 1, 1)], what="the first pods")
    apply(sandboxes, deployment(name, fault="Unschedulable", progressDeadlineSeconds=1))
    eventually(lambda: conditions(sandboxes, name).get("Progressing") == "ProgressDeadlineExceeded", what="its end")
    assert conditions(sandboxes, name)["Available"] == "MinimumReplicasAvailable"
    assert sets(sandboxes, name) == [("1", 1, 1), ("2", 1, 0)]


def test_a_deleted_deployment_takes_its_replica_sets_and_pods_along(sandboxes: Process) -> None:
    name = "web-gone"
    apply(sandboxes, deployment(name, fault="slow 600"))
    eventually(lambda: read(sandboxes, f"/api/v1/namespaces/{NAMESPACE}/pods?labelSelector=app={name}")["items"])
    with http_of(sandboxes) as http:
        assert http.delete(f"{BASE}/deployments/{name}").is_success
    eventually(lambda: sets(sandboxes, name) == [], what="the end of its ReplicaSets")
    pods = f"/api/v1/namespaces/{NAMESPACE}/pods?labelSelector=app={name}"
    eventually(lambda: read(sandboxes, pods)["items"] == [], what="the end of its pods")
