"""What argocd-deployer makes of what Argo CD says: what is begun, what is well, what a plan is, what is allowed."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from apps.agents.roster.argocd import asking, judging, planning
from apps.agents.roster.argocd.judging import Mark
from apps.agents.roster.argocd.words import Action, Aim
from apps.agents.roster.deployment import DeployWanted
from meshsix.durable.outcomes import Permanent
from meshsix.integrations.argocd import Application, Managed, messages

NOW = datetime(2026, 5, 4, 10, tzinfo=UTC)
COMMIT, OTHER = "a" * 40, "b" * 40
MARK = Mark(task="t1", attempt="2")
SYNC, BACK = Aim(action=Action.SYNC, application="web", revision=COMMIT), Aim(action=Action.ROLLBACK, revision=COMMIT)


def state(phase: str, mark: str = "t1 2", **more: Any) -> dict[str, Any]:  # noqa: ANN401 - fields of a state
    """Return an operation as Argo CD tells of it."""
    operation = {"sync": {"revision": COMMIT}, "info": [{"name": "mesh-six", "value": mark}] if mark else []}
    result = {"syncResult": {"revision": COMMIT}} if phase == "Succeeded" else {}
    return {"phase": phase, "message": "said", "operation": operation, **result, **more}


def application(status: dict[str, Any] | None = None, **more: Any) -> Application:  # noqa: ANN401 - fields of an answer
    answer = {"metadata": {"name": "web"}, "spec": {}, "status": status or {}, **more}
    return messages.application(answer, mark="mesh-six")


def operated(*words: str, **more: Any) -> Application:  # noqa: ANN401 - fields of a state
    return application({"operationState": state(*words, **more)})


@pytest.mark.parametrize(
    ("seen", "begun"),
    [
        (application(), False),
        (operated("Running"), True),
        (operated("Succeeded"), True),
        (operated("Failed"), True),  # in this attempt: it is followed to its end
        (operated("Running", "t1 1"), True),  # an earlier attempt of the same task
        (operated("Succeeded", "t1 1"), True),
        (operated("Failed", "t1 1"), False),  # an earlier attempt failed: this one tries again
        (operated("Running", "t2 1"), False),
        (operated("Succeeded", "t2 1"), False),
        (operated("Succeeded", syncResult={"revision": OTHER}), False),
        (application(operation=state("")["operation"]), True),  # asked for, and not taken up yet
        (application({"operationState": state("Failed", "t2 1")}, operation=state("")["operation"]), True),
    ],
)
def test_what_was_begun_by_this_task_is_not_begun_again(seen: Application, *, begun: bool) -> None:
    assert judging.has_begun(seen, SYNC, MARK, since=NOW) is begun


@pytest.mark.parametrize(
    ("seen", "begun"),
    [
        (operated("Running", ""), True),
        (operated("Failed", "", startedAt=NOW.isoformat()), True),
        (operated("Failed", "", startedAt=(NOW - timedelta(seconds=5)).isoformat()), False),
        (operated("Running", "", operation={"sync": {"revision": OTHER}}), False),
    ],
)
def test_a_rollback_is_known_by_its_revision(seen: Application, *, begun: bool) -> None:
    assert judging.has_begun(seen, BACK, MARK, since=NOW + timedelta(milliseconds=300)) is begun


@pytest.mark.parametrize(
    ("seen", "code"),
    [
        (operated("Failed"), "argocd:failed"),
        (operated("Error"), "argocd:failed"),
        (operated("Succeeded", "t2 1"), "argocd:superseded"),
        (operated("Succeeded", syncResult={"revision": OTHER}), "argocd:other-revision"),
        (application(), "argocd:superseded"),
    ],
)
def test_a_change_that_never_will_be_made_ends(seen: Application, code: str) -> None:
    with pytest.raises(Permanent) as caught:
        judging.brought(seen, SYNC, MARK)
    assert caught.value.code == code


def test_a_change_is_made_when_it_succeeded_or_somebody_else_made_it() -> None:
    assert judging.brought(operated("Succeeded"), SYNC, MARK) == ""
    there = {"sync": {"status": "Synced", "revision": COMMIT}, "operationState": state("Succeeded", "t2 1")}
    assert judging.brought(application(there), SYNC, MARK) == ""
    assert judging.brought(operated("Terminating"), SYNC, MARK) == "Terminating: said"


@pytest.mark.parametrize(
    ("health", "ended_before_seconds", "waits"),
    [
        ("Healthy", 0, False),
        ("Degraded", 1, True),  # Argo CD has not looked since
        ("Degraded", 9, False),
        ("Progressing", 9, True),
        ("Missing", 9, True),
        ("Suspended", 9, True),
    ],
)
def test_only_what_is_healthy_or_certainly_degraded_is_settled(
    health: str, ended_before_seconds: int, *, waits: bool
) -> None:
    finished = (NOW - timedelta(seconds=ended_before_seconds)).isoformat()
    seen = application({"health": {"status": health}, "operationState": state("Succeeded", finishedAt=finished)})
    assert bool(judging.settles(seen, now=NOW, patience=timedelta(seconds=4))) is waits


def test_the_head_is_meant_where_the_followed_branch_is_named() -> None:
    spec = {"source": {"targetRevision": "main"}}
    seen = application({"sync": {"status": "OutOfSync", "revision": COMMIT}}, spec=spec)
    for asked in ("", "main"):
        assert judging.aim(Action.SYNC, seen, DeployWanted(service="web", revision=asked)).revision == COMMIT
    assert judging.aim(Action.SYNC, seen, DeployWanted(service="web", revision="v1")).revision == "v1"


def test_a_rollback_goes_to_the_last_other_revision_or_the_one_that_is_named() -> None:
    history = [{"id": number, "revision": each} for number, each in enumerate((OTHER, COMMIT, OTHER, OTHER))]
    seen = application({"history": history})
    back = judging.aim(Action.ROLLBACK, seen, DeployWanted(service="web"))
    assert (back.revision, back.history_id, back.previous_revision) == (COMMIT, 1, OTHER)
    named = judging.aim(Action.ROLLBACK, seen, DeployWanted(service="web", history_id=0))
    assert (named.revision, named.history_id) == (OTHER, 0)
    with pytest.raises(Permanent, match="no-history"):
        judging.aim(Action.ROLLBACK, seen, DeployWanted(service="web", history_id=9))


def test_what_only_the_cluster_writes_is_no_part_of_a_plan() -> None:
    live: dict[str, Any] = {"metadata": {"name": "x", "resourceVersion": "1"}, "status": {"a": 1}, "data": {"k": "v"}}
    wanted = {"metadata": {"name": "x"}, "data": {"k": "v"}}
    same = Managed(
        group="", kind="ConfigMap", namespace="n", name="x", live=json.dumps(live), predicted=json.dumps(wanted)
    )
    assert planning.diff([same]) == ""
    gone, new = replace(same, predicted=""), replace(same, live="")
    assert '-  "data": {' in planning.diff([gone])
    assert '+  "data": {' in planning.diff([new])
    hashes = {planning.plan_hash("web", COMMIT, each) for each in ("", planning.diff([gone]), planning.diff([new]))}
    assert len(hashes | {planning.plan_hash("web", OTHER, "")}) == 4


@pytest.mark.parametrize(
    ("name", "namespace", "allowed"),
    [("web-1", "", True), ("web-1", "team", False), ("db", "team", True), ("db", "", False), ("xweb-1", "", False)],
)
def test_a_pattern_allows_what_it_names_and_nothing_else(name: str, namespace: str, *, allowed: bool) -> None:
    assert asking.is_allowed(name, namespace, ["web-*", "team/db"]) is allowed
    assert not asking.is_allowed(name, namespace, [])
