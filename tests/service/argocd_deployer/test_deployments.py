"""argocd-deployer brings revisions to the cluster through the sandbox Argo CD, and says why where it does not."""

from datetime import timedelta
from typing import Any

import pytest
from pytest_django import Settings

from apps.agents.registry.models import Task
from apps.agents.registry.queries import scores
from apps.agents.registry.services import checks
from apps.agents.roster.argocd import steps
from apps.agents.roster.argocd.words import RISKY_NAMES
from apps.agents.roster.deployment import DeployWanted
from meshsix import wiring
from meshsix.kit import clock
from tests.cluster_bench import facts
from tests.platform import eventually
from tests.service.argocd_deployer.conftest import Deployer


def result(task: Task) -> Any:  # noqa: ANN401 - JSON
    assert task.status == "completed", task.error
    return task.result


def failure(task: Task) -> tuple[str, str]:
    """Return type and code of the error with which a task ended."""
    assert task.status in {"failed", "timeout"}, (task.status, task.result)
    assert task.error is not None
    assert task.error["hint"], task.error
    return task.error["type"], task.error["code"]


def message(task: Task) -> str:
    assert task.error is not None
    return str(task.error["message"])


@pytest.mark.usefixtures("deployer")
def test_it_is_scored_as_the_preferred_deployer_and_its_check_asks_argocd() -> None:
    checks.refresh(wiring.clients())
    (card,) = scores.candidates("deploy-service", now=clock.now())
    assert (card.agent_id, round(card.final_score, 6), card.eligible) == ("argocd-deployer", 0.945, True)
    assert [check.detail for check in card.checks] == ["2 applications"]


def test_a_known_application_is_synced_and_healthy_at_the_asked_revision(deployer: Deployer) -> None:
    asked = deployer.commit(colour="green")
    deployer.commit(colour="red")
    done = result(deployer.ask("deploy-service", service="mesh-six", revision=asked))
    told = (done["revision"], done["sync_status"], done["health_status"], done["operation_phase"])
    assert told == (asked, "Synced", "Healthy", "Succeeded")
    assert deployer.live() == {"colour": "green"}
    web = {"kind": "ConfigMap", "name": "web", "status": "Synced", "health": "Healthy", "message": ""}
    assert web in done["resources"]
    assert {each["name"]: each["calls"] for each in done["basis"]["tools"]}["argocd.sync"] == 1
    assert [source["id"] for source in done["basis"]["sources"]] == ["mesh-six"]
    assert deployer.changes() == ["sync"]


def test_without_a_revision_the_head_is_synced_and_a_second_time_nothing_is_asked_for(deployer: Deployer) -> None:
    head = deployer.commit(colour="green")
    assert result(deployer.ask("sync-gitops", application="mesh-six"))["revision"] == head
    again = result(deployer.ask("sync-gitops", application="mesh-six"))
    assert (again["revision"], again["previous_revision"], again["sync_status"]) == (head, head, "Synced")
    assert deployer.changes() == ["sync"]


def test_an_application_that_syncs_by_itself_is_followed_but_takes_no_other_revision(deployer: Deployer) -> None:
    earlier = deployer.commit(colour="green")
    head = deployer.commit(colour="red")
    assert result(deployer.ask("sync-gitops", application="automated"))["revision"] == head
    refused = deployer.ask("sync-gitops", application="automated", revision=earlier)
    assert failure(refused) == ("permanent", "argocd:auto-sync")


@pytest.mark.parametrize("status", [404, 403])
def test_an_unknown_application_is_missing_also_where_argocd_does_not_say_so(deployer: Deployer, status: int) -> None:
    if status != 404:
        body = {"error": "permission denied", "code": 7, "message": "permission denied"}
        deployer.bench.argocd.fault("answer", status=status, body=body, match={"path": "*/test-service"})
    task = deployer.ask("deploy-service", service="test-service")
    assert failure(task) == ("missing", "argocd:missing")
    assert "test-service" in message(task)
    assert deployer.changes() == []


def test_a_name_that_only_the_schema_lets_pass_ends_the_task_as_bad_input(deployer: Deployer) -> None:
    task = deployer.ask("deploy-service", service="mesh-six\n")
    assert failure(task) == ("invalid_input", "invalid_input")
    assert (task.attempts, deployer.changes()) == (0, [])


def test_what_nobody_allowed_is_not_touched_and_not_looked_at(deployer: Deployer, settings: Settings) -> None:
    assert failure(deployer.ask("deploy-service", service="other")) == ("invalid_input", "argocd:not-allowed")
    elsewhere = deployer.ask("deploy-service", service="mesh-six", app_namespace="elsewhere")
    assert failure(elsewhere) == ("invalid_input", "argocd:not-allowed")
    settings.ARGOCD_ALLOWED_APPLICATIONS = []
    assert failure(deployer.ask("deploy-service", service="mesh-six")) == ("invalid_input", "argocd:not-allowed")
    assert result(deployer.ask("sync-gitops", action="list-applications"))["applications"] == []
    assert not [each for each in deployer.bench.argocd.requests() if "/applications/" in each["path"]]


def test_what_an_agent_may_touch_is_listed(deployer: Deployer, settings: Settings) -> None:
    settings.ARGOCD_ALLOWED_APPLICATIONS = ["mesh-*"]
    listed = result(deployer.ask("sync-gitops", action="list-applications"))
    assert [each["application"] for each in listed["applications"]] == ["mesh-six"]
    status = result(deployer.ask("deploy-service", action="get-status", service="mesh-six"))
    assert (status["application"], status["sync_status"]) == ("mesh-six", "OutOfSync")
    assert deployer.changes() == []


SENSELESS: tuple[tuple[str, dict[str, Any]], ...] = (
    ("deploy-service", {"action": "rollback", "service": "mesh-six"}),
    ("deploy-service", {"action": "dance", "service": "mesh-six"}),
    ("deploy-service", {}),
    ("deploy-service", {"service": "mesh-six", "manifests": [{"kind": "ConfigMap"}]}),
    ("sync-gitops", {"action": "create-application", "application": "web-one"}),
)


def test_what_makes_no_sense_is_refused_before_any_call(deployer: Deployer) -> None:
    for capability, payload in SENSELESS:
        assert failure(deployer.ask(capability, **payload)) == ("invalid_input", "invalid_input"), payload
    assert deployer.bench.argocd.requests() == []


def test_another_operation_is_waited_for_and_costs_nothing(deployer: Deployer) -> None:
    head = deployer.commit(colour="green")
    deployer.next_operation(seconds=600)
    argocd = deployer.bench.clients.argocd
    assert argocd is not None
    argocd.sync("mesh-six", revision=head, mark="somebody else")
    task = deployer.office.work(deployer.submit("deploy-service", service="mesh-six"))
    assert task.status == "running"
    assert any("busy" in each for each in deployer.waits(task))
    deployer.bench.argocd.reset()  # the other operation is gone
    assert result(deployer.ended(task))["revision"] == head


def test_a_lost_answer_starts_no_second_sync(deployer: Deployer) -> None:
    deployer.commit(colour="green")
    deployer.next_operation(seconds=1)
    deployer.bench.argocd.fault("drop-after-effect", match={"path": "*/sync"})
    assert result(deployer.ask("deploy-service", service="mesh-six"))["sync_status"] == "Synced"
    assert deployer.changes() == ["sync"]


@pytest.mark.parametrize("seconds", [0, 600])
def test_a_step_that_died_before_its_record_finds_what_it_began(deployer: Deployer, seconds: int) -> None:
    deployer.commit(colour="green")
    deployer.next_operation(seconds=seconds)
    task = deployer.office.begin(deployer.submit("deploy-service", service="mesh-six"))
    ask, this = DeployWanted(service="mesh-six"), facts(run_id=task.run_id)
    clients = deployer.bench.clients
    aimed = steps.aim(steps.AimWanted(ask=ask, this=this), clients)
    wanted = steps.ChangeWanted(ask=ask, aim=aimed, this=this)
    assert [each.name for each in steps.change(wanted, clients).calls] == ["argocd.sync"]
    assert steps.change(wanted, clients).calls == ()
    assert deployer.changes() == ["sync"]


@pytest.mark.parametrize("phase", ["Failed", "Error"])
def test_a_failed_operation_ends_the_task_with_its_message(deployer: Deployer, phase: str) -> None:
    deployer.commit(colour="green")
    deployer.next_operation(fault=phase, message="quota exceeded")
    task = deployer.ask("deploy-service", service="mesh-six", attempts=3)
    assert failure(task) == ("permanent", "argocd:failed")
    assert "quota exceeded" in message(task)
    assert deployer.changes() == ["sync"]


def test_an_application_that_cannot_be_compared_says_why(deployer: Deployer) -> None:
    deployer.put("kustomization.yaml", {"helmCharts": []})
    try:
        task = deployer.ask("deploy-service", service="mesh-six")
    finally:
        deployer.commit(colour="green")
    assert failure(task) == ("permanent", "argocd:not-compared")
    assert "helmCharts" in message(task)


def test_a_degraded_application_fails_with_what_its_objects_say(deployer: Deployer) -> None:
    deployer.commit(colour="green")
    deployer.next_operation(health="Degraded", message="the pods crash")
    task = deployer.ask("deploy-service", service="mesh-six")
    assert failure(task) == ("permanent", "argocd:degraded")
    assert "the pods crash" in message(task)


def test_one_that_progresses_is_waited_for_until_the_deadline(deployer: Deployer) -> None:
    deployer.commit(colour="green")
    deployer.next_operation(health="Progressing")
    late = deployer.submit("deploy-service", service="mesh-six", seconds=900)
    eventually(lambda: "Progressing" in str(deployer.waits(deployer.office.work(late))))
    with clock.moved(timedelta(seconds=900)):
        deployer.ended(late)
    assert (late.status, failure(late)) == ("timeout", ("timeout", "timeout"))
    assert "Progressing" in message(late)


def test_one_that_progresses_is_done_as_soon_as_it_is_healthy(deployer: Deployer) -> None:
    deployer.commit(colour="green")
    deployer.next_operation(health="Progressing")
    task = deployer.office.work(deployer.submit("deploy-service", service="mesh-six"))
    assert task.status == "running"
    deployer.next_operation(health="")
    assert result(deployer.ended(task))["health_status"] == "Healthy"


def test_without_waiting_the_operation_is_begun_and_told(deployer: Deployer) -> None:
    deployer.commit(colour="green")
    deployer.next_operation(seconds=600)
    begun = result(deployer.ask("deploy-service", service="mesh-six", wait=False))
    assert begun["operation_phase"] == "Running"
    assert deployer.changes() == ["sync"]


def test_a_plan_shows_what_would_change_and_a_sync_holds_to_it(deployer: Deployer) -> None:
    deployer.commit(colour="green")
    deployer.ask("deploy-service", service="mesh-six")
    head = deployer.commit(colour="red")
    plan = result(deployer.ask("deploy-service", action="plan", service="mesh-six"))
    assert '-    "colour": "green"' in plan["diff"]
    assert '+    "colour": "red"' in plan["diff"]
    assert (plan["revision"], len(plan["plan_hash"])) == (head, 64)
    assert deployer.live() == {"colour": "green"}
    same = result(deployer.ask("sync-gitops", action="plan-deployment", application="mesh-six"))
    assert same["plan_hash"] == plan["plan_hash"]
    done = result(deployer.ask("deploy-service", service="mesh-six", plan_hash=plan["plan_hash"]))
    assert (done["revision"], deployer.live()) == (head, {"colour": "red"})


def test_a_sync_to_another_plan_is_outdated_and_changes_nothing(deployer: Deployer) -> None:
    deployer.commit(colour="green")
    plan = result(deployer.ask("deploy-service", action="plan", service="mesh-six"))
    deployer.commit(colour="red")
    deployer.bench.argocd.forget_requests()
    task = deployer.ask("deploy-service", service="mesh-six", plan_hash=plan["plan_hash"], attempts=3)
    assert failure(task) == ("invalid_input", "plan_outdated")
    assert deployer.changes() == []


def test_a_rollback_brings_back_what_was_there_before_once_somebody_agrees(deployer: Deployer) -> None:
    first = deployer.commit(colour="green")
    deployer.ask("deploy-service", service="mesh-six")
    second = deployer.commit(colour="red")
    deployer.ask("deploy-service", service="mesh-six")
    task = deployer.submit("rollback-service", service="mesh-six")
    assert task.status == "awaiting_approval"
    done = result(deployer.ask("rollback-service", service="mesh-six"))
    assert (done["previous_revision"], done["revision"], deployer.live()) == (second, first, {"colour": "green"})
    assert deployer.changes() == ["sync", "sync", "rollback"]


def test_a_rollback_that_is_begun_twice_goes_back_once(deployer: Deployer) -> None:
    deployer.commit(colour="green")
    deployer.ask("deploy-service", service="mesh-six")
    deployer.commit(colour="red")
    deployer.ask("deploy-service", service="mesh-six")
    deployer.bench.argocd.fault("drop-after-effect", match={"path": "*/rollback"})
    assert result(deployer.ask("rollback-service", service="mesh-six"))["sync_status"] == "Synced"
    assert deployer.live() == {"colour": "green"}
    assert deployer.changes() == ["sync", "sync", "rollback"]


@pytest.mark.parametrize(
    ("service", "code", "hint"),
    [
        ("automated", "argocd:auto-sync", "Revert the commit"),  # Argo CD would go forward again at once
        ("mesh-six", "argocd:no-history", "history_id"),  # nothing was ever brought to the cluster
    ],
)
def test_a_rollback_that_leads_nowhere_is_refused(deployer: Deployer, service: str, code: str, hint: str) -> None:
    task = deployer.ask("rollback-service", service=service)
    assert failure(task) == ("permanent", code)
    assert task.error is not None
    assert hint in task.error["hint"]
    assert deployer.changes() == []


def test_what_cannot_be_undone_waits_for_a_person(deployer: Deployer) -> None:
    for action in RISKY_NAMES:
        task = deployer.submit("sync-gitops", action=action, application="mesh-six")
        assert (task.status, task.proposed_agent) == ("awaiting_approval", "argocd-deployer"), action
    assert deployer.bench.argocd.requests() == []


@pytest.mark.parametrize(
    ("action", "sent"), [("sync-prune", {"prune": True}), ("sync-force", {"strategy": {"apply": {"force": True}}})]
)
def test_pruning_and_forcing_are_asked_for_as_such(deployer: Deployer, action: str, sent: dict[str, Any]) -> None:
    deployer.commit(colour="green")
    assert result(deployer.ask("sync-gitops", action=action, application="mesh-six"))["sync_status"] == "Synced"
    (entry,) = [each for each in deployer.bench.argocd.requests() if each["path"].endswith("/sync")]
    assert sent.items() <= entry["body"].items()


def test_an_application_is_made_without_auto_sync_and_deleted_without_its_objects(deployer: Deployer) -> None:
    head = deployer.commit(colour="green")
    known = deployer.bench.clients.argocd
    assert known is not None
    words = {
        "application": "web-one",
        "source": {"repo_url": known.application("mesh-six").wanted.repo_url, "path": "k8s/base"},
        "destination": {"namespace": "mesh-six-envs"},
    }
    made = result(deployer.ask("sync-gitops", action="create-application", **words))
    assert (made["application"], made["sync_status"]) == ("web-one", "Unknown")
    assert not known.application("web-one").automated
    result(deployer.ask("sync-gitops", action="create-application", **words))
    other = {**words, "destination": {"namespace": "default"}}
    refused = deployer.ask("sync-gitops", action="create-application", **other)
    assert failure(refused) == ("permanent", "argocd:exists")
    assert result(deployer.ask("deploy-service", service="web-one"))["revision"] == head
    for _ in range(2):
        assert "deleted" in result(deployer.ask("sync-gitops", action="delete-application", **words))["message"]
    assert deployer.live() == {"colour": "green"}
    assert deployer.changes() == ["applications", "sync", "web-one"]
