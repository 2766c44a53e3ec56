"""What the API servers answer, read into our words, and what a pod's facts mean."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from apps.onboarding.catalog import PROBLEMS
from apps.onboarding.environment import diagnosis
from apps.projects.credentials import runners
from meshsix.integrations.argocd import messages as argocd
from meshsix.integrations.kubernetes import Pod, Termination, TokenReviewed, Waiting, messages

STARTED = "2026-05-04T10:00:00Z"


def answer(*statuses: dict[str, Any], **more: object) -> dict[str, Any]:
    return {
        "metadata": {"name": "env-x-0", "uid": "u"},
        "status": {"phase": "Pending", "startTime": STARTED, "containerStatuses": list(statuses), **more},
    }


def at(second: int) -> datetime:
    return datetime(2026, 5, 4, 10, tzinfo=UTC) + timedelta(seconds=second)


def pod(**more: Any) -> Pod:  # noqa: ANN401 - fields of a pod
    facts: dict[str, Any] = {
        "name": "env-x-0", "uid": "u", "phase": "Running", "ready": False, "started_at": None, "leaving": False,
        "running": (), "running_since": None, "waiting": (), "terminations": (), "unschedulable": None, "restarts": 0,
    }  # fmt: skip
    return Pod(**(facts | more))


def test_a_new_pod_has_no_status_yet() -> None:
    read = messages.pod({"metadata": {"name": "env-x-0"}})
    assert (read.ready, read.waiting, read.started_at, read.unschedulable) == (False, (), None, None)


def test_a_crashed_container_tells_how_it_ended() -> None:
    crashed = {
        "name": "environment",
        "restartCount": 3,
        "state": {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 40s"}},
        "lastState": {"terminated": {"exitCode": 137, "reason": "OOMKilled", "finishedAt": STARTED}},
    }
    read = messages.pod(answer(crashed))
    ended = at(0)
    assert read.waiting == (Waiting(container="environment", reason="CrashLoopBackOff", message="back-off 40s"),)
    assert read.terminations == (
        Termination(container="environment", reason="OOMKilled", exit_code=137, message="", finished_at=ended),
    )
    assert read.restarts == 3


def test_a_pod_runs_since_its_last_container_was_started() -> None:
    states = [{"name": "c", "state": {"running": {"startedAt": at(second).isoformat()}}} for second in (1, 3, 2)]
    assert messages.pod(answer(*states)).running_since == at(3)
    waiting = {"name": "c", "state": {"waiting": {"reason": "PodInitializing"}}}
    assert messages.pod(answer(waiting)).running_since is None


def test_an_init_container_that_ended_well_is_no_termination() -> None:
    done = {"name": "toolbox", "state": {"terminated": {"exitCode": 0, "reason": "Completed"}}}
    failed = {"name": "clone", "state": {"terminated": {"exitCode": 128, "reason": "Error"}}}
    read = messages.pod(answer(initContainerStatuses=[done, failed]))
    assert [each.container for each in read.terminations] == ["clone"]


def test_only_a_pod_that_no_node_takes_is_unschedulable() -> None:
    refused = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/1 nodes"}
    gated = refused | {"reason": "SchedulingGated"}
    assert messages.pod(answer(conditions=[refused])).unschedulable == "0/1 nodes"
    assert messages.pod(answer(conditions=[gated])).unschedulable is None


def test_a_stateful_set_is_observed_when_its_controller_has_seen_the_newest() -> None:
    old = {"metadata": {"name": "x", "generation": 2}, "spec": {"replicas": 1}, "status": {"observedGeneration": 1}}
    assert not messages.stateful_set(old).observed
    assert messages.stateful_set({**old, "status": {"observedGeneration": 2}}).observed


REVIEW = {
    "authenticated": True,
    "audiences": ["mesh-six"],
    "user": {
        "username": "system:serviceaccount:mesh-six-envs:environment",
        "extra": {
            "authentication.kubernetes.io/pod-name": ["env-x-0"],
            "authentication.kubernetes.io/pod-uid": ["u"],
        },
    },
}


def test_a_review_names_account_namespace_and_pod() -> None:
    read = messages.token_review({"status": REVIEW}, audience="mesh-six")
    assert (read.namespace, read.service_account, read.pod, read.pod_uid) == (
        "mesh-six-envs", "environment", "env-x-0", "u",
    )  # fmt: skip


@pytest.mark.parametrize(
    "change",
    [
        {"authenticated": False, "error": "token has expired"},
        {"audiences": ["vault"]},
        {"audiences": None},
        {"user": {"username": "jane"}},
        {"user": {"username": "system:serviceaccount:odd"}},
        {"user": {"username": "x-system:serviceaccount:a:b"}},
        {"user": {}},
    ],
)
def test_a_review_that_proves_nothing_says_why(change: dict[str, Any]) -> None:
    read = messages.token_review({"status": REVIEW | change}, audience="mesh-six")
    assert not read.authenticated
    assert read.refusal


@pytest.mark.parametrize(
    ("pod_name", "namespace", "environment"),
    [
        ("env-x-0", "mesh-six-envs", "env-x"),
        ("env-x-1", "mesh-six-envs", None),
        ("env-x-1-0", "mesh-six-envs", "env-x-1"),
        ("runner-0", "mesh-six-envs", "shared"),
        ("runner-17", "mesh-six-envs", "shared"),
        ("runner-x", "mesh-six-envs", None),
        ("web-0", "mesh-six-envs", None),
        ("env-x-0\n", "mesh-six-envs", None),
        ("env-x-0", "mesh-six", None),
        ("", "mesh-six-envs", None),
    ],
)
def test_a_pod_is_a_runner_by_its_name_and_namespace(pod_name: str, namespace: str, environment: str | None) -> None:
    review = TokenReviewed(authenticated=True, namespace=namespace, pod=pod_name, pod_uid="u")
    runner = runners.of_review(review, namespace="mesh-six-envs")
    assert (runner.environment if runner else None) == environment


def test_a_token_that_is_bound_to_no_pod_is_no_runner() -> None:
    review = TokenReviewed(authenticated=True, namespace="mesh-six-envs", pod="env-x-0", pod_uid="")
    assert runners.of_review(review, namespace="mesh-six-envs") is None


@pytest.mark.parametrize(
    ("facts", "code", "container"),
    [
        ({"unschedulable": "0/1 nodes"}, "unschedulable", ""),
        ({"waiting": (Waiting(container="c", reason="ErrImagePull", message="m"),)}, "image-pull", "c"),
        ({"waiting": (Waiting(container="c", reason="InvalidImageName", message=""),)}, "image-pull", "c"),
        ({"waiting": (Waiting(container="c", reason="CrashLoopBackOff", message=""),)}, "crash-loop", "c"),
        ({"waiting": (Waiting(container="c", reason="CreateContainerConfigError", message=""),)}, "bad-config", "c"),
        ({"waiting": (Waiting(container="c", reason="PodInitializing", message=""),), "running": ("clone",)},
         "not-ready", "clone"),
        ({"running": ("environment",)}, "not-ready", "environment"),
        ({}, "not-ready", ""),
        ({"ready": True, "running": ("environment",)}, "no-hello", "environment"),
    ],
)  # fmt: skip
def test_a_pods_facts_name_the_failure_that_they_would_be(facts: dict[str, Any], code: str, container: str) -> None:
    told = diagnosis.diagnose(pod(**facts))
    assert (told.code, told.container) == (f"onboard:pod:{code}", container)
    assert told.code in PROBLEMS


def test_a_diagnosis_says_how_a_container_ended() -> None:
    ended = Termination(container="clone", reason="Error", exit_code=128, message="no such branch\n", finished_at=None)
    told = diagnosis.diagnose(pod(terminations=(ended,), restarts=2))
    assert told.seen.endswith("Last ended: clone with code 128 (Error): no such branch; 2 restarts.")
    assert told.code == "onboard:pod:crash-loop", "between two ends of a loop the container runs for a moment"
    assert diagnosis.diagnose(pod(terminations=(ended,), restarts=1)).code == "onboard:pod:not-ready"


def crashed(second: int, **more: Any) -> Pod:  # noqa: ANN401 - fields of a pod
    ended = Termination(container="c", reason="Error", exit_code=1, message="", finished_at=at(second))
    return pod(terminations=(ended,), **more)


@pytest.mark.parametrize(
    ("seen", "expected"),
    [
        (pod(), at(0)),
        (pod(running_since=at(9)), at(0)),
        (pod(terminations=(Termination(container="c", reason="", exit_code=1, message="", finished_at=None),)), at(0)),
        (crashed(-10), at(-10) + diagnosis.LONGEST_BACKOFF),
        (crashed(-1000), at(0)),
        (crashed(-10, running_since=at(9)), at(9)),
        (crashed(-10, running_since=at(-9)), at(0)),
        (crashed(0), at(0)),
        (crashed(5, running_since=at(9)), at(0)),
    ],
)
def test_a_pods_time_counts_from_its_next_start_where_it_had_crashed_before(seen: Pod, expected: datetime) -> None:
    assert diagnosis.chance_from(seen, at(0)) == expected


def test_an_application_without_a_past_is_read() -> None:
    read = argocd.application({"metadata": {"name": "x"}, "spec": {}, "status": {}}, mark="m")
    assert (read.revision, read.synced, read.automated, read.operation) == ("", False, False, None)


@pytest.mark.parametrize(
    ("policy", "automated"),
    [({}, False), ({"automated": None}, False), ({"automated": {}}, True), ({"automated": {"enabled": False}}, False)],
)
def test_an_application_syncs_by_itself_unless_it_says_otherwise(policy: dict[str, Any], *, automated: bool) -> None:
    read = argocd.application({"metadata": {"name": "x"}, "spec": {"syncPolicy": policy}}, mark="m")
    assert read.automated is automated


@pytest.mark.parametrize("phase", list(argocd.OperationPhase))
def test_an_operation_tells_who_asked_for_what(phase: argocd.OperationPhase) -> None:
    state = {
        "phase": phase,
        "message": "said",
        "startedAt": STARTED,
        "operation": {"sync": {"revision": "c0ffee"}, "info": [{"name": "m", "value": "run 1"}]},
        "syncResult": {"revision": "c0ffee"},
    }
    read = argocd.application({"metadata": {"name": "x"}, "status": {"operationState": state}}, mark="m").operation
    assert read is not None
    assert (read.asked, read.revision, read.mark, read.phase) == ("c0ffee", "c0ffee", "run 1", phase)
    assert not (phase.open and phase.bad)
