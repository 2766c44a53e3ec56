"""What needs a person: who is asked, what they see first, what their word covers, and what follows without one."""

from datetime import timedelta

import pytest
from pytest_django import Settings

from apps.agents.registry.models import Capability, Task
from apps.agents.registry.services import approvals, previewing, watching
from apps.agents.registry.states import NotPossible
from apps.agents.registry.words import Gate
from meshsix.kit import clock
from tests.service.registry.conftest import ANNA, BERT, Office


def test_a_capability_that_needs_approval_waits_for_another_person(office: Office, settings: Settings) -> None:
    office.register("careful")
    task = office.submit("change")
    assert (task.status, task.proposed_agent, task.attempts) == ("awaiting_approval", "careful", 0)
    with pytest.raises(approvals.OwnTask):
        approvals.approve(task.task_id, agent="careful", actor=ANNA)
    approved = approvals.approve(task.task_id, agent="careful", actor=BERT)
    assert (approved.status, approved.gate["user"] if approved.gate else "") == ("dispatched", "bert")
    assert office.work(approved).status == "completed"
    assert office.events(task)[:4] == [
        "None>pending",
        "pending>awaiting_approval",
        "awaiting_approval>pending",
        "task.dispatched",
    ]
    settings.APPROVE_OWN_TASKS = True
    assert approvals.approve(office.submit("change").task_id, agent="careful", actor=ANNA).status == "dispatched"


def test_who_approves_may_see_first_what_would_be_done(office: Office) -> None:
    office.register("careful")
    task = office.submit("change", "boom")
    shown = office.work(previewing.preview(task.pk, agent="careful", actor=BERT))
    assert (shown.status, shown.result) == ("completed", {"text": "would change it", "by": "careful"})
    assert (shown.parent_task_id, shown.requested_by, list(previewing.previews(task))) == (task.pk, "bert", [shown])
    task.refresh_from_db()
    assert (task.status, task.payload["modes"]) == ("awaiting_approval", ["boom"])
    with pytest.raises(approvals.OtherAgent):
        previewing.preview(task.pk, agent="alpha", actor=BERT)
    risky = office.submit("tidy", payload={"action": "delete"})
    with pytest.raises(previewing.NoPreview):
        previewing.preview(risky.pk, agent="careful", actor=BERT)
    approvals.reject(task.pk, agent="careful", actor=BERT, reason="too risky")
    with pytest.raises(NotPossible):
        previewing.preview(task.pk, agent="careful", actor=BERT)


def test_a_preview_that_changes_nothing_is_none_since_it_would_do_the_task_itself(office: Office) -> None:
    office.register("careful")
    Capability.objects.filter(name="change").update(preview={})
    task = office.submit("change")
    with pytest.raises(previewing.NoPreview):
        previewing.preview(task.pk, agent="careful", actor=BERT)
    assert Task.objects.get().status == "awaiting_approval"


def test_an_approval_covers_all_attempts_on_that_agent(office: Office) -> None:
    office.register("careful")
    office.succeeded("careful", "++", capability="change")
    task = approvals.approve(office.submit("change", "boom", "ok").task_id, agent="careful", actor=BERT)
    assert office.run(task).status == "completed"
    assert task.attempts == 2


def test_only_risky_actions_of_a_plain_capability_need_approval(office: Office) -> None:
    office.register("careful")
    assert office.submit("tidy", payload={"action": "list"}).status == "dispatched"
    office.work(Task.objects.get())
    assert office.submit("tidy", payload={"action": "delete"}).status == "awaiting_approval"


def test_a_caller_passes_its_own_approved_gate_on(office: Office) -> None:
    office.register("careful")
    gate = Gate(agents=("careful",), user="bert", at=clock.now().isoformat())
    assert office.submit("change", gate=gate).status == "dispatched"


def test_a_rejected_task_fails_and_so_does_one_that_nobody_decides(office: Office) -> None:
    office.register("careful")
    rejected = approvals.reject(office.submit("change").task_id, agent="careful", actor=BERT, reason="not today")
    assert rejected.error is not None
    assert (rejected.status, rejected.error["code"]) == ("failed", "approval_rejected")
    assert "not today" in rejected.error["message"]
    with pytest.raises(NotPossible):
        approvals.approve(rejected.task_id, agent="careful", actor=BERT)
    late = office.submit("change")
    watching.sweep(clock.now() + timedelta(hours=23))
    late.refresh_from_db()
    assert late.status == "awaiting_approval"
    watching.sweep(clock.now() + timedelta(hours=25))
    late.refresh_from_db()
    assert (late.status, late.error["code"] if late.error else "") == ("failed", "approval_timeout")
