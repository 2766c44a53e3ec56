"""The sandbox Kubernetes by the official client; its answers are checked against Kubernetes' schemas."""

import copy
import json
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import kubernetes_validate
import pytest
from kubernetes import client, dynamic, watch
from kubernetes.client.exceptions import ApiException

from tests.service.sandbox.hello_door import platform
from tests.service.sandbox.manifests import NAMESPACE, service, statefulset
from tests.service.sandbox.process import Process, eventually, http_of, running

Model = Any  # the client's models, whose fields may all be None by their types


def api_of(process: Process, token: str = "kube-token") -> client.ApiClient:
    configuration = client.Configuration()
    configuration.host = process.urls["kubernetes"]
    configuration.api_key = {"authorization": f"Bearer {token}"}
    return client.ApiClient(configuration)


def apply(
    process: Process, content: dict[str, Any], *, manager: str = "argocd-controller", **words: str
) -> httpx.Response:
    plural = {"StatefulSet": "apis/apps/v1/namespaces/{}/statefulsets", "Service": "api/v1/namespaces/{}/services"}
    path = plural[content["kind"]].format(content["metadata"]["namespace"])
    with http_of(process) as http:
        return http.patch(
            f"/{path}/{content['metadata']['name']}",
            params={"fieldManager": manager, **words},
            headers={"Content-Type": "application/apply-patch+yaml"},
            content=json.dumps(content),
        )


@pytest.fixture
def core(sandboxes: Process) -> client.CoreV1Api:
    return client.CoreV1Api(api_of(sandboxes))


def pod_when(core: client.CoreV1Api, name: str, check: Callable[[Model], object]) -> Model:
    def look() -> Model:
        found: list[Model] = core.list_namespaced_pod(NAMESPACE, field_selector=f"metadata.name={name}").items
        return found[0] if found and check(found[0]) else None

    return eventually(look, what=f"pod {name}")


def _untyped(function: Callable[..., Model]) -> Callable[..., Model]:
    """Take a part of the client that has no types."""
    return function


def is_ready(pod: Model) -> bool:
    return any(each.type == "Ready" and each.status == "True" for each in pod.status.conditions or ())


def waits_for(reason: str) -> Callable[[Model], bool]:
    def check(pod: Model) -> bool:
        statuses = pod.status.container_statuses
        return bool(statuses and statuses[0].state.waiting and statuses[0].state.waiting.reason == reason)

    return check


def test_statefulset_becomes_a_pod_whose_process_is_real(sandboxes: Process, core: client.CoreV1Api) -> None:
    assert apply(sandboxes, statefulset("env-real")).status_code == 201
    assert apply(sandboxes, service("env-real")).status_code == 201
    pod = pod_when(core, "env-real-0", is_ready)
    assert pod.status.phase == "Running"
    assert pod.spec.node_name == "sandbox-node"
    assert "ready on port" in core.read_namespaced_pod_log("env-real-0", NAMESPACE)
    last = core.read_namespaced_pod_log("env-real-0", NAMESPACE, tail_lines=1)
    assert len(last.splitlines()) == 1
    apps: Model = client.AppsV1Api(api_of(sandboxes))

    def counted() -> bool:
        status = apps.read_namespaced_stateful_set("env-real", NAMESPACE).status
        return bool(status.ready_replicas == status.replicas == 1)

    eventually(counted, what="the set's status")
    selected: Model = core.list_namespaced_pod(NAMESPACE, label_selector="app.kubernetes.io/name=env-real")
    assert [each.metadata.name for each in selected.items] == ["env-real-0"]
    events = core.list_namespaced_event(NAMESPACE, field_selector="involvedObject.name=env-real-0")
    assert "Started" in {each.reason for each in events.items}


def test_answers_are_valid_objects(sandboxes: Process, core: client.CoreV1Api) -> None:
    apply(sandboxes, statefulset("env-valid"))
    pod_when(core, "env-valid-0", is_ready)
    with http_of(sandboxes) as http:
        base = f"/api/v1/namespaces/{NAMESPACE}"
        for path in (
            f"{base}/pods/env-valid-0",
            f"/apis/apps/v1/namespaces/{NAMESPACE}/statefulsets/env-valid",
            f"{base}/persistentvolumeclaims/worktrees-env-valid-0",
            f"{base}/configmaps/mesh-six-environment",
            f"{base}/pods",
            f"{base}/events",
            "/api/v1/namespaces",
        ):
            kubernetes_validate.validate(http.get(path).json(), "1.37", strict=True)


def test_applying_twice_changes_nothing_and_less_takes_away(sandboxes: Process) -> None:
    content = service("env-twice")
    content["metadata"]["labels"] = {"a": "1", "b": "2"}
    first = apply(sandboxes, content).json()
    second = apply(sandboxes, content)
    assert (second.status_code, second.json()) == (200, first)
    del content["metadata"]["labels"]["a"]
    third = apply(sandboxes, content).json()
    assert third["metadata"]["labels"] == {"b": "2"}
    assert third["metadata"]["resourceVersion"] != first["metadata"]["resourceVersion"]


def test_another_managers_field_is_a_conflict_unless_forced(sandboxes: Process) -> None:
    content = service("env-conflict")
    apply(sandboxes, content)
    other = copy.deepcopy(content)
    other["spec"]["clusterIP"] = "10.0.0.1"
    refused = apply(sandboxes, other, manager="somebody")
    assert refused.status_code == 409
    assert refused.json()["details"]["causes"][0]["field"] == ".spec.clusterIP"
    assert apply(sandboxes, other, manager="somebody", force="true").json()["spec"]["clusterIP"] == "10.0.0.1"
    assert apply(sandboxes, content).status_code == 409


def changed(path: str, value: object) -> dict[str, Any]:
    content = statefulset("env-bad")
    *parents, last = path.split("/")
    place: Any = content
    for part in parents:
        place = place[int(part)] if part.isdigit() else place[part]
    place[last] = value
    return content


@pytest.mark.parametrize(
    ("content", "status", "words"),
    [
        (changed("spec/template/spec/containers/0/imag", "x"), 500, "field not declared in schema"),
        (changed("spec/replicas", "one"), 422, "spec.replicas"),
        (changed("metadata/name", "Env_Bad"), 422, "RFC 1123"),
        (changed("metadata/labels/mesh-six~1project".replace("~1", "-"), "x" * 64), 422, "63"),
        (changed("spec/selector", {"matchLabels": {"app": "other"}}), 422, "does not match template"),
        (changed("spec/template/spec/volumes", []), 422, "Not found"),
        (changed("metadata/namespace", "nowhere"), 404, 'namespaces "nowhere" not found'),
        (
            changed("spec/template/spec/containers/0/resources/requests", {"memory": "9Gi"}),
            422,
            "less than or equal to memory limit",
        ),
    ],
)
def test_bad_objects_are_refused(sandboxes: Process, content: dict[str, Any], status: int, words: str) -> None:
    refused = apply(sandboxes, content)
    assert (refused.status_code, refused.json()["kind"]) == (status, "Status"), refused.text
    assert words in refused.json()["message"]


def test_changed_claim_templates_are_refused(sandboxes: Process) -> None:
    content = statefulset("env-claims")
    apply(sandboxes, content)
    content["spec"]["volumeClaimTemplates"][0]["spec"]["resources"]["requests"]["storage"] = "40Gi"
    refused = apply(sandboxes, content)
    assert refused.status_code == 422
    assert "updates to statefulset spec for fields other than" in refused.json()["message"]


@pytest.mark.parametrize("fault", ["ImagePullBackOff", "CreateContainerConfigError", "CrashLoopBackOff"])
def test_pod_waits_with_its_reason_until_the_fault_ends(sandboxes: Process, core: client.CoreV1Api, fault: str) -> None:
    name = f"env-{fault.lower()}"
    control = f"{sandboxes.urls['kubernetes']}/_sandbox/pods/{name}-0"
    httpx.post(control, json={"fault": fault}, timeout=60).raise_for_status()
    apply(sandboxes, statefulset(name))
    pod = pod_when(core, f"{name}-0", waits_for(fault))
    assert not is_ready(pod)
    assert pod.status.container_statuses[0].state.waiting.message
    if fault == "CrashLoopBackOff":
        assert pod.status.container_statuses[0].last_state.terminated.exit_code == 1
        assert "fatal" in core.read_namespaced_pod_log(f"{name}-0", NAMESPACE, previous=True)
    httpx.post(control, json={"fault": "none"}, timeout=60).raise_for_status()
    pod_when(core, f"{name}-0", is_ready)


def test_unschedulable_by_annotation(sandboxes: Process, core: client.CoreV1Api) -> None:
    apply(sandboxes, statefulset("env-nowhere", **{"sandbox.mesh-six/fault": "Unschedulable"}))
    pod = pod_when(core, "env-nowhere-0", lambda pod: pod.status.conditions)
    assert pod.status.phase == "Pending"
    assert pod.spec.node_name is None
    scheduled = next(each for each in pod.status.conditions if each.type == "PodScheduled")
    assert (scheduled.status, scheduled.reason) == ("False", "Unschedulable")
    assert "Insufficient memory" in scheduled.message
    events = core.list_namespaced_event(NAMESPACE, field_selector="involvedObject.name=env-nowhere-0")
    assert "FailedScheduling" in {each.reason for each in events.items}


def test_slow_pod_is_being_created_first(sandboxes: Process, core: client.CoreV1Api) -> None:
    control = f"{sandboxes.urls['kubernetes']}/_sandbox/pods/env-slow-0"
    httpx.post(control, json={"fault": "slow", "seconds": 600}, timeout=60).raise_for_status()
    apply(sandboxes, statefulset("env-slow"))
    pod_when(core, "env-slow-0", waits_for("ContainerCreating"))
    httpx.post(control, json={"fault": "slow", "seconds": 0.5}, timeout=60).raise_for_status()
    pod_when(core, "env-slow-0", is_ready)


def test_missing_config_map_is_a_config_error(sandboxes: Process, core: client.CoreV1Api) -> None:
    content = statefulset("env-noconfig")
    content["spec"]["template"]["spec"]["containers"][0]["envFrom"][0]["configMapRef"]["name"] = "absent"
    apply(sandboxes, content)
    pod = pod_when(core, "env-noconfig-0", waits_for("CreateContainerConfigError"))
    assert pod.status.container_statuses[0].state.waiting.message == 'configmap "absent" not found'


def pids_of(environment: str) -> list[int]:
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        try:
            variables = path.read_bytes().split(b"\0")
            command = (path.parent / "cmdline").read_bytes()
        except OSError:
            continue
        if b"runner.py" in command and f"MESH_SIX_ENVIRONMENT={environment}".encode() in variables:
            found.append(int(path.parent.name))
    return found


def test_killed_process_is_started_again_and_counted(sandboxes: Process, core: client.CoreV1Api) -> None:
    apply(sandboxes, statefulset("env-killed"))
    pod_when(core, "env-killed-0", is_ready)
    (pid,) = pids_of("env-killed")
    os.kill(pid, signal.SIGKILL)
    pod = pod_when(
        core, "env-killed-0", lambda pod: is_ready(pod) and pod.status.container_statuses[0].restart_count == 1
    )
    assert pod.status.container_statuses[0].last_state.terminated.exit_code == 137


def watched(function: Callable[..., object], namespace: str, **words: int) -> Iterator[dict[str, Model]]:
    stream: Callable[..., Iterator[dict[str, Model]]] = _untyped(watch.Watch)().stream
    return stream(function, namespace, **words)


def test_deleted_set_takes_pod_and_process_along(sandboxes: Process, core: client.CoreV1Api) -> None:
    apply(sandboxes, statefulset("env-deleted"))
    pod_when(core, "env-deleted-0", is_ready)
    apps = client.AppsV1Api(api_of(sandboxes))
    for event in watched(core.list_namespaced_pod, NAMESPACE, timeout_seconds=60):
        name = event["object"].metadata.name
        if (event["type"], name) == ("ADDED", "env-deleted-0"):
            apps.delete_namespaced_stateful_set("env-deleted", NAMESPACE)
        if (event["type"], name) == ("DELETED", "env-deleted-0"):
            break
    else:
        pytest.fail("the watch saw no deletion")
    eventually(lambda: not pids_of("env-deleted"), what="the end of the process")


def test_discovery_serves_the_dynamic_client(sandboxes: Process) -> None:
    found = _untyped(dynamic.DynamicClient)(api_of(sandboxes)).resources.get(api_version="apps/v1", kind="StatefulSet")
    assert found.namespaced
    assert client.VersionApi(api_of(sandboxes)).get_code().minor == "37"


def test_unknown_token_and_missing_rights(sandboxes: Process) -> None:
    with pytest.raises(ApiException) as unknown:
        client.CoreV1Api(api_of(sandboxes, "wrong")).list_namespaced_pod(NAMESPACE)
    assert unknown.value.status == 401
    with pytest.raises(ApiException) as forbidden:
        client.CoreV1Api(api_of(sandboxes, "onboarding-token")).list_namespaced_secret(NAMESPACE)
    assert forbidden.value.status == 403
    assert "system:serviceaccount:mesh-six:onboarding" in json.loads(forbidden.value.body or "")["message"]


def may(process: Process, verb: str, resource: str) -> bool:
    asked = client.V1ResourceAttributes(namespace=NAMESPACE, verb=verb, resource=resource)
    spec = client.V1SelfSubjectAccessReviewSpec(resource_attributes=asked)
    api = client.AuthorizationV1Api(api_of(process, "onboarding-token"))
    answer: Model = api.create_self_subject_access_review(client.V1SelfSubjectAccessReview(spec=spec))
    return bool(answer.status.allowed)


def test_roles_decide_what_a_service_account_may(sandboxes: Process) -> None:
    assert not may(sandboxes, "get", "pods")
    role = {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list"]}
    binding = {
        "metadata": {"name": "onboarding"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "onboarding"},
        "subjects": [{"kind": "ServiceAccount", "name": "onboarding", "namespace": "mesh-six"}],
    }
    rbac: Model = client.RbacAuthorizationV1Api(api_of(sandboxes))
    rbac.create_namespaced_role(NAMESPACE, {"metadata": {"name": "onboarding"}, "rules": [role]})
    rbac.create_namespaced_role_binding(NAMESPACE, binding)
    assert may(sandboxes, "get", "pods")
    assert not may(sandboxes, "delete", "pods")
    assert client.CoreV1Api(api_of(sandboxes, "onboarding-token")).list_namespaced_pod(NAMESPACE) is not None


def review(process: Process, token: str, audience: str = "mesh-six") -> Model:
    asked = client.V1TokenReview(spec=client.V1TokenReviewSpec(token=token, audiences=[audience]))
    return client.AuthenticationV1Api(api_of(process)).create_token_review(asked).status


def test_token_review_names_the_pod_until_it_is_gone_or_expired(sandboxes: Process, core: client.CoreV1Api) -> None:
    apply(sandboxes, statefulset("env-token"))
    pod = pod_when(core, "env-token-0", is_ready)
    request = client.AuthenticationV1TokenRequest(
        spec=client.V1TokenRequestSpec(
            audiences=["mesh-six"],
            expiration_seconds=600,
            bound_object_ref=client.V1BoundObjectReference(kind="Pod", name="env-token-0", uid=pod.metadata.uid),
        )
    )
    answer: Model = core.create_namespaced_service_account_token("environment", NAMESPACE, request)
    token = answer.status.token
    known = review(sandboxes, token)
    assert known.authenticated
    assert known.user.username == f"system:serviceaccount:{NAMESPACE}:environment"
    assert known.user.extra["authentication.kubernetes.io/pod-name"] == ["env-token-0"]
    assert known.audiences == ["mesh-six"]
    assert not review(sandboxes, token, audience="other").authenticated
    assert not review(sandboxes, token + "x").authenticated
    core.delete_namespaced_pod("env-token-0", NAMESPACE)
    assert not review(sandboxes, token).authenticated


def test_runner_says_hello_until_accepted_and_dies_with_the_sandbox(tmp_path: Path) -> None:
    with platform() as door:
        url = f"http://127.0.0.1:{door.server_address[1]}"
        config = {"kubernetes": {"token": "kube-token", "runner": {"url": url}}}
        with running(tmp_path, config) as process:
            apply(process, statefulset("env-hello"))
            assert door.accepted.wait(60)
            bearer, content = door.hellos[-1]
            assert content["environment"] == "env-hello"
            assert content["purpose"] == "runner"
            assert content["instance_id"]
            known = review(process, bearer.removeprefix("Bearer "))
            assert known.user.extra["authentication.kubernetes.io/pod-name"] == ["env-hello-0"]
            core = client.CoreV1Api(api_of(process))
            uid = pod_when(core, "env-hello-0", is_ready).metadata.uid
            process.kill()
            eventually(lambda: not pids_of("env-hello"), what="the end of the orphan")
            process.start()
            core = client.CoreV1Api(api_of(process))
            pod = pod_when(
                core, "env-hello-0", lambda pod: is_ready(pod) and pod.status.container_statuses[0].restart_count == 1
            )
            assert pod.metadata.uid == uid
            assert process.stop() < 20
            assert not pids_of("env-hello")
