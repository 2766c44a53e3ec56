"""A runner in a pod of the sandbox cluster says hello to the platform, over HTTP as any runner would."""

import hashlib
import time
from datetime import timedelta
from typing import Any

import httpx
import pytest
from django.contrib.auth.models import Group, User
from pytest_django.live_server_helper import LiveServer

from apps.onboarding.steps.cluster import verify_pod_health
from apps.projects.credentials import tokens
from apps.projects.credentials.models import AccessToken, Scope, TokenClass
from apps.projects.models import SHARED_HOST, Environment
from meshsix.integrations.errors import TryLater
from meshsix.kit import clock
from meshsix.live.models import Event
from tests.cluster_bench import NAMESPACE, Bench, ask, in_registry, pod_wanted
from tests.service.cluster.test_pod import applied, pod_where

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def environment() -> Environment:
    return in_registry(ask())


@pytest.fixture
def admin() -> User:
    owner = User.objects.create_user("octo-admin")
    owner.groups.add(Group.objects.get_or_create(name="admin")[0])
    return owner


def point_pods(bench: Bench, url: str) -> None:
    """Tell the pods of the cluster where the platform is, as an overlay does."""
    path = f"/api/v1/namespaces/{NAMESPACE}/configmaps/mesh-six-environment"
    bench.kube("PATCH", path, {"data": {"MESH_SIX_URL": url}}, form="application/merge-patch+json")


def pod_token(bench: Bench, pod: str, *, audience: str = "mesh-six", namespace: str = NAMESPACE) -> str:
    """Return a token bound to a pod, as the kubelet would project it."""
    uid = bench.kube("GET", f"/api/v1/namespaces/{namespace}/pods/{pod}")["metadata"]["uid"]
    spec = {
        "audiences": [audience],
        "expirationSeconds": 3600,
        "boundObjectRef": {"kind": "Pod", "apiVersion": "v1", "name": pod, "uid": uid},
    }
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
    asked = bench.kube("POST", f"/api/v1/namespaces/{namespace}/serviceaccounts/environment/token", body)
    return str(asked["status"]["token"])


def bare_pod(bench: Bench, name: str, *, namespace: str = NAMESPACE) -> None:
    """Make a pod that is not of a stateful set."""
    spec = {"serviceAccountName": "environment", "containers": [{"name": "x", "image": "x"}]}
    body = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec}
    bench.kube("POST", f"/api/v1/namespaces/{namespace}/pods", body)


def hello(server: LiveServer, token: str, environment: str, **more: object) -> httpx.Response:
    """Say hello."""
    body = {"environment": environment, "instance_id": "i-1", **more}
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return httpx.post(f"{server.url}/api/runner/hello", json=body, headers=headers, timeout=60)


def test_a_pod_gets_ready_and_its_runner_is_heard_with_nobody_touching_it(
    bench: Bench, environment: Environment, live_server: LiveServer
) -> None:
    point_pods(bench, live_server.url)
    pod = pod_where(bench, applied(bench, ask()), ready=True)
    deadline = time.monotonic() + 60
    while True:
        try:
            healthy = verify_pod_health(pod_wanted(ask()), bench.clients)
            break
        except TryLater as waits:
            assert time.monotonic() < deadline, waits  # noqa: PT017 - the wait is what is expected
            time.sleep(0.05)
    assert healthy.instance_id == pod.uid
    environment.refresh_from_db()
    assert environment.pod_uid == pod.uid
    assert Event.objects.filter(event_type="runner-said-hello", aggregate_id="project:octo-org/bookmarks").exists()


def test_a_pod_gets_a_token_for_an_hour_that_is_stored_hashed(
    bench: Bench, environment: Environment, live_server: LiveServer
) -> None:
    pod = applied(bench, ask())
    pod_where(bench, pod)
    answer = hello(live_server, pod_token(bench, pod), environment.env_name)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "no-store"
    told: dict[str, Any] = answer.json()
    assert (told["environment"], told["project"]) == (environment.env_name, "octo-org/bookmarks")
    row = tokens.verify(told["token"])
    assert row is not None
    assert (row.token_class, row.scopes, row.environment) == (TokenClass.RUNNER, ["runner"], environment.env_name)
    assert row.projects == [environment.project_id]
    assert timedelta(minutes=59) < row.expires_at - clock.now() <= timedelta(hours=1)
    assert row.sha256 == hashlib.sha256(told["token"].split("_", 2)[2].encode()).hexdigest()
    with clock.moved(timedelta(hours=1, seconds=1)):
        assert tokens.verify(told["token"]) is None


def test_the_token_opens_nothing_else_and_renews_nothing(
    bench: Bench, environment: Environment, live_server: LiveServer
) -> None:
    pod = applied(bench, ask())
    pod_where(bench, pod)
    token = hello(live_server, pod_token(bench, pod), environment.env_name).json()["token"]
    assert hello(live_server, token, environment.env_name).status_code == 401
    for path in ("/api/onboard", "/api/tokens"):
        answer = httpx.get(f"{live_server.url}{path}", headers={"Authorization": f"Bearer {token}"}, timeout=60)
        assert answer.status_code == 403, path


def test_the_clone_container_gets_a_token_but_is_no_runner_yet(
    bench: Bench, environment: Environment, live_server: LiveServer
) -> None:
    pod = applied(bench, ask())
    pod_where(bench, pod)
    answer = hello(live_server, pod_token(bench, pod), environment.env_name, purpose="clone")
    assert answer.status_code == 200
    environment.refresh_from_db()
    assert environment.said_hello_at is None


def test_tokens_that_have_ended_are_swept_at_the_next_hello(
    bench: Bench, environment: Environment, live_server: LiveServer
) -> None:
    pod = applied(bench, ask())
    pod_where(bench, pod)
    proof = pod_token(bench, pod)
    for _ in range(3):
        hello(live_server, proof, environment.env_name)
    with clock.moved(timedelta(hours=2)):
        hello(live_server, proof, environment.env_name)
    assert AccessToken.objects.filter(environment=environment.env_name).count() == 1


def test_another_pod_namespace_or_audience_and_an_ended_token_are_refused(
    bench: Bench, environment: Environment, live_server: LiveServer
) -> None:
    pod, name = applied(bench, ask()), environment.env_name
    other = in_registry(ask("octo-org/other"))
    pod_where(bench, pod)
    good = pod_token(bench, pod)
    bare_pod(bench, "default-0")
    bare_pod(bench, f"{name}-1")
    bench.kube("POST", "/api/v1/namespaces/default/serviceaccounts", {
        "apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "environment"},
    })  # fmt: skip
    bare_pod(bench, pod, namespace="default")
    refused = {
        "another's environment": (good, other.env_name),
        "the shared host": (good, SHARED_HOST),
        "another pod": (pod_token(bench, "default-0"), name),
        "a second pod": (pod_token(bench, f"{name}-1"), name),
        "another namespace": (pod_token(bench, pod, namespace="default"), name),
        "another audience": (pod_token(bench, pod, audience="vault"), name),
        "a forged token": (good[:-6] + "AAAAAA", name),
        "no token": ("", name),
        "nonsense": ("x" * 50, name),
    }
    for what, (token, environment_name) in refused.items():
        assert hello(live_server, token, environment_name).status_code == 401, what
    httpx.post(f"{bench.kubernetes.url}/_sandbox/clock", json={"advance_seconds": 4000}, timeout=60).raise_for_status()
    assert hello(live_server, good, name).status_code == 401
    assert not AccessToken.objects.exists()


def test_a_pod_of_no_known_project_is_refused(bench: Bench, live_server: LiveServer) -> None:
    bare_pod(bench, "env-nobody-knows-0")
    token = pod_token(bench, "env-nobody-knows-0")
    assert hello(live_server, token, "env-nobody-knows").status_code == 401


def test_a_shared_host_says_hello_for_all_projects(bench: Bench, live_server: LiveServer) -> None:
    bare_pod(bench, "runner-0")
    answer = hello(live_server, pod_token(bench, "runner-0"), SHARED_HOST)
    assert answer.status_code == 200
    assert answer.json()["project"] is None
    assert verify_pod_health(pod_wanted(ask(execution_mode="shared")), bench.clients).instance_id == "i-1"


def test_a_runner_outside_of_the_cluster_shows_a_service_token(
    environment: Environment, admin: User, live_server: LiveServer
) -> None:
    issued = tokens.issue(
        admin, [Scope.RUNNER], token_class=TokenClass.SERVICE, environment=environment.env_name
    ).plaintext
    assert hello(live_server, issued, environment.env_name).status_code == 200
    assert hello(live_server, issued, SHARED_HOST).status_code == 401
    environment.refresh_from_db()
    assert (environment.instance_id, environment.pod_uid) == ("i-1", "")


@pytest.mark.parametrize("token_class", [TokenClass.PERSONAL, TokenClass.SERVICE])
def test_a_token_without_the_scope_is_refused(
    environment: Environment, admin: User, live_server: LiveServer, token_class: TokenClass
) -> None:
    issued = tokens.issue(admin, [Scope.READ], token_class=token_class, environment=environment.env_name).plaintext
    assert hello(live_server, issued, environment.env_name).status_code == 401


def test_a_cluster_that_cannot_be_asked_makes_the_runner_wait(
    bench: Bench, environment: Environment, live_server: LiveServer
) -> None:
    pod = applied(bench, ask())
    pod_where(bench, pod)
    token = pod_token(bench, pod)
    bench.kubernetes.fault("status", match={"path": "*/tokenreviews"}, status=403)
    answer = hello(live_server, token, environment.env_name)
    assert (answer.status_code, answer.headers["content-type"]) == (503, "application/problem+json")


def test_an_unknown_purpose_is_explained(bench: Bench, environment: Environment, live_server: LiveServer) -> None:
    pod = applied(bench, ask())
    pod_where(bench, pod)
    answer = hello(live_server, pod_token(bench, pod), environment.env_name, purpose="dance")
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["pointer"] == "/purpose"
