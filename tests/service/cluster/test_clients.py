"""The clients of Kubernetes and Argo CD: what they read, and what each failure means."""

from datetime import timedelta
from pathlib import Path

import httpx
import pytest
import yaml

from meshsix.integrations.argocd import ArgoCD
from meshsix.integrations.errors import Conflict, Missing, Refused, TryLater
from meshsix.integrations.kubernetes import Kubernetes
from tests.cluster_bench import CLUSTER_TOKEN, NAMESPACE, WEAK_TOKEN, Bench
from tests.service.sandbox.process import eventually

TIMEOUT = timedelta(seconds=30)


def weak(bench: Bench) -> Kubernetes:
    """Return the cluster as an account without any right sees it."""
    return at(bench, token=WEAK_TOKEN)


def at(bench: Bench, *, token: str = CLUSTER_TOKEN, timeout: timedelta = TIMEOUT) -> Kubernetes:
    return Kubernetes.at(bench.kubernetes.url, token=token, ca_file="", namespace=NAMESPACE, timeout=timeout)


def test_the_version_and_a_right_are_told(bench: Bench) -> None:
    major, _, minor = bench.cluster.version().partition(".")
    assert (major, minor.isdecimal()) == ("1", True)
    assert bench.cluster.may("get", "pods/log")
    assert bench.cluster.may("list", "statefulsets", group="apps")
    assert not weak(bench).may("get", "pods")


def test_a_missing_right_is_named_exactly(bench: Bench) -> None:
    client = weak(bench)
    with pytest.raises(Refused) as caught:
        client.log_tail("x-0", container="environment")
    assert caught.value.code == "kubernetes:forbidden"
    assert caught.value.hint == f'Grant the platform\'s account "get" on "pods/log" in namespace "{NAMESPACE}".'
    with pytest.raises(Refused, match="tokenreviews") as caught:
        client.review_token("x", audience="mesh-six")
    assert "for the whole cluster" in caught.value.hint
    with pytest.raises(Refused, match='of API group "apps"'):
        client.stateful_set("x")
    client.close()


def test_an_unknown_credential_is_refused_with_the_settings_to_look_at(bench: Bench) -> None:
    client = at(bench, token="unknown")
    with pytest.raises(Refused, match="credential") as caught:
        client.pod("x-0")
    assert (caught.value.code, caught.value.status) == ("kubernetes:unauthorized", 401)
    client.close()


def test_only_a_404_means_absent(bench: Bench) -> None:
    with pytest.raises(Missing, match="x-0"):
        bench.cluster.pod("x-0")


@pytest.mark.parametrize(
    ("status", "headers", "pause", "counts"),
    [
        (429, {"Retry-After": "3"}, timedelta(seconds=3), False),
        (503, {"Retry-After": "7"}, timedelta(seconds=7), True),
        (500, {}, None, True),
        (502, {"Retry-After": "Wed, 21 Oct 2026 07:28:00 GMT"}, None, True),
    ],
)
def test_what_may_pass_is_tried_later(
    bench: Bench, status: int, headers: dict[str, str], pause: timedelta | None, *, counts: bool
) -> None:
    bench.kubernetes.fault("answer", status=status, headers=headers, body={"message": "not now"})
    with pytest.raises(TryLater, match="not now") as caught:
        bench.cluster.pod("x-0")
    assert (caught.value.pause, caught.value.counts, caught.value.status) == (pause, counts, status)
    assert len(bench.kubernetes.requests()) == 1


def test_a_conflict_means_looking_again(bench: Bench) -> None:
    bench.kubernetes.fault("status", status=409)
    with pytest.raises(Conflict):
        bench.cluster.pod("x-0")


@pytest.mark.parametrize("body", ["<html>", [1]])
def test_an_answer_that_is_no_object_is_tried_later(bench: Bench, body: object) -> None:
    bench.kubernetes.fault("answer", status=200, body=body)
    with pytest.raises(TryLater):
        bench.cluster.pod("x-0")


def test_silence_ends_at_the_timeout_and_is_not_retried(bench: Bench) -> None:
    client = at(bench, timeout=timedelta(seconds=0.2))
    bench.kubernetes.fault("timeout")
    with pytest.raises(TryLater, match="did not answer"):
        client.pod("x-0")
    bench.kubernetes.no_faults()
    assert len(bench.kubernetes.requests()) == 1
    client.close()


def test_an_unknown_token_is_an_answer_and_no_error(bench: Bench) -> None:
    reviewed = bench.cluster.review_token("nobody's", audience="mesh-six")
    assert not reviewed.authenticated
    assert reviewed.refusal


def test_pods_and_what_was_written_down_about_them_are_listed(bench: Bench) -> None:
    assert bench.cluster.pods() == ()
    for name in ("web-0", "web-1"):
        bench.kube("POST", f"/api/v1/namespaces/{NAMESPACE}/pods", plain_pod(name))
        httpx.post(f"{bench.kubernetes.url}/_sandbox/pods/{name}", json={"fault": "ImagePullBackOff"}, timeout=60)
    why = "ImagePullBackOff"  # before that they are being made
    seen = eventually(lambda: [pod for pod in bench.cluster.pods() if any(each.reason == why for each in pod.waiting)])
    assert seen[0].images == ("registry.example.org/app:1",)
    told = eventually(lambda: bench.cluster.pod_events("web-1"))
    assert {each.pod for each in told} == {"web-1"}
    assert "Failed to pull image" in " ".join(each.message for each in bench.cluster.pod_events())
    moments = [each.last_seen for each in bench.cluster.pod_events() if each.last_seen]
    assert moments == sorted(moments, reverse=True)


def plain_pod(name: str) -> dict[str, object]:
    container = {"name": "app", "image": "registry.example.org/app:1"}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": {"containers": [container]}}


def test_a_right_to_list_is_named_exactly(bench: Bench) -> None:
    client = weak(bench)
    with pytest.raises(Refused, match='"list" on "pods"'):
        client.pods()
    with pytest.raises(Refused, match='"list" on "events"'):
        client.pod_events()
    client.close()


def test_a_kubeconfig_file_is_enough(bench: Bench, tmp_path: Path) -> None:
    path = tmp_path / "config"
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "here",
        "contexts": [{"name": "here", "context": {"cluster": "sandbox", "user": "us"}}],
        "clusters": [{"name": "sandbox", "cluster": {"server": bench.kubernetes.url}}],
        "users": [{"name": "us", "user": {"token": CLUSTER_TOKEN}}],
    }
    path.write_text(yaml.safe_dump(content))
    client = Kubernetes.from_kubeconfig(str(path), namespace=NAMESPACE, timeout=TIMEOUT)
    assert client.version() == bench.cluster.version()
    client.close()


@pytest.mark.parametrize("text", ["", "kind: Config\n", "apiVersion: [", None])
def test_a_kubeconfig_of_no_use_names_the_setting(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "config"
    if text is not None:
        path.write_text(text)
    with pytest.raises(Refused) as caught:
        Kubernetes.from_kubeconfig(str(path), namespace=NAMESPACE, timeout=TIMEOUT)
    assert (caught.value.code, "KUBECONFIG" in caught.value.hint) == ("kubernetes:credential", True)


def test_outside_of_a_cluster_there_is_no_account_of_a_pod() -> None:
    with pytest.raises(Refused) as caught:
        Kubernetes.in_cluster(namespace=NAMESPACE, timeout=TIMEOUT)
    assert "KUBERNETES_IN_CLUSTER" in caught.value.hint


@pytest.mark.parametrize(
    ("status", "error"), [(404, Missing), (403, Refused), (409, Conflict), (429, TryLater), (500, TryLater)]
)
def test_argocd_speaks_our_words_for_every_failure(bench: Bench, status: int, error: type[Exception]) -> None:
    argocd = bench.clients.argocd
    assert argocd is not None
    bench.argocd.fault("answer", status=status, body={"error": "no", "code": 7, "message": "no"})
    with pytest.raises(error, match="no"):
        argocd.application("mesh-six")


def test_argocd_that_does_not_answer_is_tried_later(bench: Bench) -> None:
    argocd = ArgoCD(bench.argocd.url, token="x", timeout=timedelta(seconds=0.2))
    bench.argocd.fault("timeout")
    with pytest.raises(TryLater):
        argocd.application("mesh-six")
    bench.argocd.no_faults()
    argocd.close()


def test_argocd_tells_its_version(bench: Bench) -> None:
    assert bench.clients.argocd is not None
    assert bench.clients.argocd.version().startswith("v")
