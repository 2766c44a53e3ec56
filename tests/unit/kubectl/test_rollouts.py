"""How a rollout fares by what the API server says, and what people are shown of objects and differences."""

from typing import Any

import pytest

from apps.agents.roster.kubectl import progress, showing
from apps.agents.roster.kubectl.showing import Difference
from apps.agents.roster.kubectl.words import Change
from meshsix.integrations.kubernetes import ObjectEvent, Rollout, messages, rollout, workloads


def fares(kind: str = "Deployment", **more: Any) -> Rollout:  # noqa: ANN401 - parts of an object
    counted = {"replicas": 2, "updatedReplicas": 2, "readyReplicas": 2, "availableReplicas": 2}
    return rollout(
        workloads.item(
            {
                "apiVersion": "apps/v1",
                "kind": kind,
                "metadata": {"name": "web", "generation": 3},
                "spec": {"replicas": 2, "selector": {"matchLabels": {"app": "web"}}, **more.pop("spec", {})},
                "status": {"observedGeneration": 3, **counted, **more},
            }
        )
    )


@pytest.mark.parametrize(
    ("status", "done"),
    [
        ({}, True),
        ({"observedGeneration": 2}, False),
        ({"updatedReplicas": 1}, False),
        ({"replicas": 3}, False),
        ({"readyReplicas": 1}, False),
        ({"availableReplicas": 1}, False),
        ({"spec": {"replicas": 0}, "replicas": 0, "updatedReplicas": 0}, True),
    ],
)
@pytest.mark.parametrize("kind", sorted(progress.ROLLED_OUT))
def test_a_rollout_is_done_when_every_pod_is_new_and_can_be_used(kind: str, status: dict[str, Any], done: bool) -> None:  # noqa: FBT001 - a column of the table
    assert fares(kind, **status).done is done


def test_pods_that_people_replace_are_not_waited_for() -> None:
    by_hand = {"updateStrategy": {"type": "OnDelete"}}
    assert fares("StatefulSet", spec=by_hand, updatedReplicas=0).done


def test_a_rollout_is_told_in_words() -> None:
    assert progress.told(fares()) == "Deployment web is rolled out: 2 of 2 pods are ready."
    assert "1 of the template before" in progress.told(fares(replicas=3, readyReplicas=1))
    assert "has not seen" in progress.told(fares(observedGeneration=2))
    stuck = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "timed out."}
    assert "does not go on: timed out." in progress.told(fares(readyReplicas=1, conditions=[stuck]))


def test_a_selector_is_written_as_text() -> None:
    wanted = {
        "matchLabels": {"app": "web"},
        "matchExpressions": [
            {"key": "tier", "operator": "In", "values": ["a", "b"]},
            {"key": "old", "operator": "DoesNotExist"},
            {"key": "x/y", "operator": "Exists"},
            {"key": "zone", "operator": "NotIn", "values": ["z"]},
        ],
    }
    assert fares(spec={"selector": wanted}).labels == "app=web,tier in (a,b),!old,x/y,zone notin (z)"


def test_reasons_come_from_pods_and_without_pods_from_events() -> None:
    waiting = {"name": "web", "state": {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}}
    pod = messages.pod({"metadata": {"name": "web-1"}, "status": {"phase": "Pending", "containerStatuses": [waiting]}})
    warned = ObjectEvent(
        kind="ReplicaSet", name="web-1", type="Warning", reason="FailedCreate", message="quota", count=1, last_seen=None
    )
    assert progress.reasons([pod], [warned]) == ("Pod web-1: ImagePullBackOff: no such image",)
    assert progress.reasons([], [warned]) == ("ReplicaSet web-1: FailedCreate: quota",)
    assert progress.reasons([messages.pod({"metadata": {"name": "web-1"}})]) == ("Pod web-1: Pending, not ready",)


def config(**data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "web"}, "data": data}


def test_a_difference_is_shown_without_secrets_and_known_by_its_hash() -> None:
    other = Difference(kind="ConfigMap", name="web", before=config(mode="a"), after=config(mode="b"))
    same = Difference(kind="ConfigMap", name="web", before=config(mode="a"), after=config(mode="a"))
    new = Difference(kind="ConfigMap", name="web", before=None, after=config(db_password="planted-value"))
    assert [each.change for each in (other, same, new)] == [Change.UPDATED, Change.UNCHANGED, Change.CREATED]
    assert "-  mode: a\n+  mode: b" in showing.diff([other, same])
    assert "planted-value" not in showing.diff([new])
    hidden = Difference(kind="ConfigMap", name="web", before=config(token="one"), after=config(token="two"))
    assert "not shown" in showing.diff([hidden])
    hashes = {showing.plan_hash([each]) for each in (other, same, new, hidden)}
    assert len(hashes) == 4


def test_variables_are_masked_by_their_name() -> None:
    env = [{"name": "DB_PASSWORD", "value": "planted-value"}, {"name": "MODE", "value": "fast"}]
    text = showing.manifest({"kind": "Pod", "spec": {"containers": [{"name": "web", "env": env}]}})
    assert "planted-value" not in text
    assert "fast" in text


def test_what_the_server_keeps_is_no_wish() -> None:
    notes = {workloads.REVISION: "4", "team": "a"}
    metadata = {"name": "web", "uid": "u", "resourceVersion": "9", "managedFields": [], "annotations": notes}
    found = workloads.item({"kind": "Deployment", "metadata": metadata, "status": {"replicas": 1}})
    assert found.wish == {"kind": "Deployment", "metadata": {"name": "web", "annotations": {"team": "a"}}}
