"""Watching the environment's pod in a sandbox cluster, and saying hello from it as its runner does."""

import os
import time
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from pytest_django import Settings

from apps.onboarding.environment.diagnosis import LONGEST_BACKOFF
from apps.onboarding.environment.files import service, stateful_set
from apps.onboarding.environment.plan import EnvironmentPlan
from apps.onboarding.steps.cluster import verify_pod_health
from apps.onboarding.words import Ask, PodWanted
from apps.projects.models import SHARED_HOST
from apps.projects.services import known_environment, record_hello
from meshsix.durable.outcomes import Permanent
from meshsix.integrations.errors import TryLater
from meshsix.integrations.kubernetes import Pod
from meshsix.kit import clock, names
from meshsix.kit.actor import SYSTEM
from meshsix.wiring import Clients
from tests.cluster_bench import NAMESPACE, WEAK_TOKEN, Bench, ask, close, facts, in_registry, long_ago, pod_wanted

pytestmark = pytest.mark.django_db


LASTING_CRASH = f"CrashLoopBackOff {timedelta(hours=1).total_seconds()}"
"""A crash whose back-off lasts for longer than a test looks at it."""


def applied(bench: Bench, asked: Ask, *, fault: str = "") -> str:
    """Apply the environment's manifests as Argo CD would; return the pod's name."""
    plan = EnvironmentPlan(
        repository=asked.repository,
        default_branch="main",
        web_url="https://github.example.org",
        namespace=NAMESPACE,
        resources=asked.resource_limits,
    )
    wanted = stateful_set(plan)
    if fault:
        wanted["metadata"]["annotations"]["sandbox.mesh-six/fault"] = fault
    for kind, path in ((service(plan), "/api/v1"), (wanted, "/apis/apps/v1")):
        plural = f"{kind['kind'].lower()}s"
        bench.kube("POST", f"{path}/namespaces/{NAMESPACE}/{plural}", kind)
    return f"{plan.name}-0"


def pod_where(bench: Bench, name: str, *, seconds: float = 60, **wanted: object) -> Pod:
    """Return the pod once it has these facts."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            pod = bench.cluster.pod(name)
        except Exception as error:  # noqa: BLE001 - it is missing at first
            seen: object = error
        else:
            seen = pod
            if all(getattr(pod, fact) == value for fact, value in wanted.items()):
                return pod
        if time.monotonic() > deadline:
            raise AssertionError(f"{wanted} did not come about: {seen}")
        time.sleep(0.05)


def waiting_for(bench: Bench, name: str, reason: str) -> Pod:
    """Return the pod once a container waits for this reason."""
    deadline = time.monotonic() + 60
    while True:
        pod = pod_where(bench, name)
        if reason in {each.reason for each in pod.waiting}:
            return pod
        if time.monotonic() > deadline:
            raise AssertionError(f"{name} never waited for {reason}: {pod}")
        time.sleep(0.05)


def verdicts(wanted: PodWanted, bench: Bench) -> tuple[TryLater, Permanent]:
    """Return what the step says before its deadline and after it."""
    with pytest.raises(TryLater) as early:
        verify_pod_health(wanted, bench.clients)
    with pytest.raises(Permanent) as late:
        verify_pod_health(pod_wanted(wanted.ask, long_ago(wanted.this)), bench.clients)
    return early.value, late.value


def test_a_ready_pod_whose_runner_said_hello_is_healthy(bench: Bench) -> None:
    environment = in_registry(ask())
    pod = pod_where(bench, applied(bench, ask()), ready=True)
    record_hello(environment.env_name, instance_id="i-1", pod_uid=pod.uid, actor=SYSTEM)
    healthy = verify_pod_health(pod_wanted(ask()), bench.clients)
    assert (healthy.name, healthy.instance_id) == (pod.name, pod.uid)


def test_a_pod_that_is_not_there_is_not_there_yet(bench: Bench, settings: Settings) -> None:
    in_registry(ask())
    settings.POD_POLL_INTERVAL = timedelta(seconds=7)
    early, late = verdicts(pod_wanted(ask()), bench)
    assert (early.counts, early.pause) == (False, timedelta(seconds=7))
    assert "no pod" in str(early)
    assert late.code == "onboard:pod:missing"


def test_a_ready_pod_waits_for_the_hello_of_this_very_pod(bench: Bench) -> None:
    environment = in_registry(ask())
    pod_where(bench, applied(bench, ask()), ready=True)
    record_hello(environment.env_name, instance_id="i-0", pod_uid="the pod before", actor=SYSTEM)
    early, late = verdicts(pod_wanted(ask()), bench)
    assert "has not said hello" in str(early)
    assert late.code == "onboard:pod:no-hello"
    assert "Last lines of environment:\nstarting env-" in late.detail


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("ImagePullBackOff", "onboard:pod:image-pull"),
        ("CreateContainerConfigError", "onboard:pod:bad-config"),
        (LASTING_CRASH, "onboard:pod:crash-loop"),
    ],
)
def test_the_reason_why_a_container_waits_is_shown_and_names_the_failure(bench: Bench, fault: str, code: str) -> None:
    in_registry(ask())
    reason = fault.partition(" ")[0]
    waiting_for(bench, applied(bench, ask(), fault=fault), reason)
    early, late = verdicts(pod_wanted(ask()), bench)
    assert reason in str(early)
    assert not early.counts
    assert late.code == code
    assert reason in late.detail


def test_a_crash_shows_its_exit_code_and_its_last_lines(bench: Bench) -> None:
    in_registry(ask())
    waiting_for(bench, applied(bench, ask(), fault=LASTING_CRASH), "CrashLoopBackOff")
    _, late = verdicts(pod_wanted(ask()), bench)
    assert "environment with code 1" in late.detail
    assert "fatal: the workspace cannot be opened" in late.detail


def test_a_crash_from_before_the_resume_does_not_fail_it_until_the_next_start_had_its_time(
    bench: Bench, settings: Settings
) -> None:
    in_registry(ask())
    waiting_for(bench, applied(bench, ask(), fault=LASTING_CRASH), "CrashLoopBackOff")
    resumed = pod_wanted(ask())
    with clock.moved(settings.POD_WAIT + timedelta(seconds=1)), pytest.raises(TryLater, match="Last ended"):
        verify_pod_health(resumed, bench.clients)
    with clock.moved(settings.POD_WAIT + LONGEST_BACKOFF), pytest.raises(Permanent) as late:
        verify_pod_health(resumed, bench.clients)
    assert late.value.code == "onboard:pod:crash-loop"


def test_an_unschedulable_pod_shows_what_the_scheduler_says(bench: Bench) -> None:
    in_registry(ask())
    pod_where(bench, applied(bench, ask(), fault="Unschedulable"), phase="Pending")
    early, late = verdicts(pod_wanted(ask()), bench)
    assert "Insufficient memory" in str(early)
    assert late.code == "onboard:pod:unschedulable"


def test_without_the_right_to_read_logs_only_the_lines_are_missing(bench: Bench, settings: Settings) -> None:
    in_registry(ask())
    waiting_for(bench, applied(bench, ask(), fault=LASTING_CRASH), "CrashLoopBackOff")
    rights = {"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}
    home = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{NAMESPACE}"
    bench.kube("POST", f"{home}/roles", {
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "look"}, "rules": [rights],
    })  # fmt: skip
    bench.kube("POST", f"{home}/rolebindings", {
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": {"name": "look"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "look"},
        "subjects": [{"kind": "ServiceAccount", "name": "onboarding", "namespace": "mesh-six"}],
    })  # fmt: skip
    settings.KUBERNETES_TOKEN = WEAK_TOKEN
    clients = Clients()
    with pytest.raises(Permanent) as caught:
        verify_pod_health(pod_wanted(ask(), long_ago(facts())), clients)
    close(clients)
    assert caught.value.code == "onboard:pod:crash-loop"
    assert "Last lines" not in caught.value.detail


def test_without_a_cluster_the_step_says_what_to_set(bench: Bench, settings: Settings) -> None:
    settings.KUBERNETES_API_URL = ""
    settings.KUBECONFIG = ""
    with pytest.raises(Permanent) as caught:
        verify_pod_health(pod_wanted(ask()), Clients())
    assert caught.value.code == "onboard:pod:no-cluster"
    assert bench.kubernetes.requests() == []


def test_a_shared_host_serves_all_projects_until_it_falls_silent(bench: Bench, settings: Settings) -> None:
    wanted = pod_wanted(ask(execution_mode="shared"))
    with pytest.raises(TryLater) as early:
        verify_pod_health(wanted, bench.clients)
    assert not early.value.counts
    assert known_environment(SHARED_HOST) is not None
    record_hello(SHARED_HOST, instance_id="runner-0", pod_uid="u", actor=SYSTEM)
    assert verify_pod_health(wanted, bench.clients).name == SHARED_HOST
    silence: timedelta = settings.SHARED_HOST_SILENCE
    with clock.moved(silence + timedelta(seconds=1)), pytest.raises(Permanent) as late:
        verify_pod_health(wanted, bench.clients)
    assert late.value.code == "onboard:pod:no-shared-host"


def test_this_machine_is_proven_by_a_folder_and_a_repository(bench: Bench, settings: Settings, tmp_path: Path) -> None:
    settings.WORK_ROOT = str(tmp_path / "work")
    healthy = verify_pod_health(pod_wanted(ask(execution_mode="local")), bench.clients)
    folder = Path(healthy.name)
    assert folder == tmp_path / "work" / names.env_name(ask().repository)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert list(folder.iterdir()) == []


def test_a_folder_that_cannot_be_made_names_itself(bench: Bench, settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    settings.WORK_ROOT = str(tmp_path / "file")
    with pytest.raises(Permanent, match="file") as caught:
        verify_pod_health(pod_wanted(ask(execution_mode="local")), bench.clients)
    assert caught.value.code == "onboard:local:folder"


def test_without_git_the_step_says_so(bench: Bench, settings: Settings, tmp_path: Path) -> None:
    settings.WORK_ROOT = str(tmp_path)
    before = os.environ["PATH"]
    os.environ["PATH"] = str(tmp_path)
    try:
        with pytest.raises(Permanent) as caught:
            verify_pod_health(pod_wanted(ask(execution_mode="local")), bench.clients)
    finally:
        os.environ["PATH"] = before
    assert caught.value.code == "onboard:local:git"


def test_secrets_in_a_log_are_masked(bench: Bench) -> None:
    in_registry(ask())
    name = applied(bench, ask())
    pod_where(bench, name, ready=True)
    planted = "ghp_" + "a" * 36
    log = {"path": f"/api/v1/namespaces/{NAMESPACE}/pods/{name}/log"}
    bench.kubernetes.fault("answer", match=log, status=200, body={"line": planted}, times=1)
    with pytest.raises(Permanent) as caught:
        verify_pod_health(pod_wanted(ask(), long_ago(facts())), bench.clients)
    assert planted not in caught.value.detail
    assert "[redacted]" in caught.value.detail


def test_an_api_server_that_is_away_is_tried_again(bench: Bench) -> None:
    in_registry(ask())
    bench.kubernetes.fault("drop-before-effect", match={"method": "GET"})
    with pytest.raises(TryLater) as caught:
        verify_pod_health(pod_wanted(ask()), bench.clients)
    assert caught.value.counts
    assert httpx.get(f"{bench.kubernetes.url}/version", timeout=60).is_success
