"""What is wrong with a pod, by what the cluster says of it."""

from typing import Any

import pytest

from apps.agents.roster.kubectl import troubles
from apps.agents.roster.kubectl.words import Category, PodFinding, Severity
from meshsix.integrations.kubernetes import messages


def pod(status: dict[str, Any], **metadata: Any) -> messages.Pod:  # noqa: ANN401 - fields of metadata
    return messages.pod({"metadata": {"name": "web-0", "uid": "1", **metadata}, "spec": {}, "status": status})


def container(state: dict[str, Any], *, restarts: int = 0, last: dict[str, Any] | None = None) -> dict[str, Any]:
    ready = "running" in state
    one = {"name": "web", "state": state, "lastState": last or {}, "restartCount": restarts, "ready": ready}
    return {"phase": "Running", "containerStatuses": [one]}


def waits(reason: str, **more: Any) -> dict[str, Any]:  # noqa: ANN401 - fields of a container
    return container({"waiting": {"reason": reason, "message": "why"}}, **more)


@pytest.mark.parametrize(
    ("reason", "category", "severity"),
    [
        ("ImagePullBackOff", Category.IMAGE, Severity.CRITICAL),
        ("CrashLoopBackOff", Category.CRASH, Severity.CRITICAL),
        ("CreateContainerConfigError", Category.CONFIGURATION, Severity.CRITICAL),
        ("ContainerCreating", Category.STARTING, Severity.WARNING),
        ("SomethingNew", Category.OTHER, Severity.WARNING),
    ],
)
def test_why_a_container_waits_is_what_is_wrong(reason: str, category: Category, severity: Severity) -> None:
    (found,) = troubles.of_pod(pod(waits(reason)))
    assert (found.category, found.severity, found.resource) == (category, severity, "Pod/web-0")
    assert found.message == f"web: {reason}: why"
    assert found.recommendation == troubles.HELPS[category]


def test_how_a_container_ended_counts_less_where_it_runs_again() -> None:
    ended = {"terminated": {"reason": "OOMKilled", "exitCode": 137}}
    broken = troubles.of_pod(pod(waits("CrashLoopBackOff", last=ended, restarts=4)))
    assert [each.category for each in broken] == [Category.CRASH, Category.MEMORY, Category.RESTARTS]
    works = container({"running": {"startedAt": "2026-01-01T00:00:00Z"}}, last=ended)
    works["conditions"] = [{"type": "Ready", "status": "True"}]
    (found,) = troubles.of_pod(pod(works))
    assert (found.category, found.severity) == (Category.MEMORY, Severity.WARNING)


def test_one_that_nobody_places_is_critical_and_one_that_leaves_is_none() -> None:
    condition = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "no node"}
    nowhere = {"phase": "Pending", "conditions": [condition]}
    (found,) = troubles.of_pod(pod(nowhere))
    assert (found.category, found.message) == (Category.SCHEDULING, "no node")
    assert troubles.of_pod(pod(nowhere, deletionTimestamp="2026-01-01T00:00:00Z")) == ()


def test_of_too_many_findings_the_worst_stay() -> None:
    mild = [finding(Severity.WARNING, number) for number in range(3)]
    bad = finding(Severity.CRITICAL, 3)
    assert troubles.worst([*mild, bad], 3) == (bad, *mild[:2])


def finding(severity: Severity, number: int) -> PodFinding:
    return PodFinding(
        severity=severity, category=Category.OTHER, resource=f"Pod/{number}", message="", recommendation=""
    )
