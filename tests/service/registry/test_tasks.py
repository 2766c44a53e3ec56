"""Tasks from their request to their end."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.db.utils import IntegrityError

from apps.agents.registry.models import Dispatch, Task
from apps.agents.registry.queries import tasks as task_queries
from apps.agents.registry.services import attempts, dispatching, submission, watching
from apps.agents.registry.words import Request
from meshsix.durable import services as durable
from meshsix.durable.models import Answer, Run
from meshsix.integrations.errors import Missing
from meshsix.integrations.storage import Storage
from meshsix.kit import clock
from meshsix.live.models import Event
from meshsix.wiring import clients
from tests.service.registry.conftest import ANNA, BERT, Office

AT_ONCE = 10
SECRET = "ghp_abcdefghijklmnopqrstuvwxyz0123456789"


def test_a_task_is_stored_dispatched_begun_and_completed_with_its_events_in_order(office: Office) -> None:
    office.register("alpha", "beta")
    task = office.submit("echo", priority=5, timeout_seconds=30)
    assert (task.status, task.dispatched_to, task.attempts) == ("dispatched", "alpha", 1)
    office.work(task)
    assert (task.status, task.result, task.error) == ("completed", {"text": "hello", "by": "alpha"}, None)
    assert office.events(task) == [
        "None>pending",
        "task.dispatched",
        "dispatched>running",
        "task.progress",
        "task.result",
    ]
    assert office.history(task) == [(1, "alpha", "", True)]
    assert office.event(task, "task.dispatched") == {
        "capability": "echo",
        "target_agent": "alpha",
        "attempt": 1,
        "priority": 5,
        "score": pytest.approx(0.945),
        "policy": "best",
        "candidates": 2,
        "eligible": 2,
        "dispatch_id": Dispatch.objects.get().pk,
    }
    told = Event.objects.filter(aggregate_id=f"task:{task.task_id}")
    assert set(told.values_list("trace_id", "task_id")) == {(task.trace_id, str(task.task_id))}


def test_the_run_stands_on_the_agents_queue_and_is_bounded_by_the_tasks_timeout(office: Office) -> None:
    office.register("alpha")
    task = office.submit("echo", timeout_seconds=777)
    run = Run.objects.get(key=f"task:{task.task_id}:1")
    assert run.definition["queue"] == "agent.alpha"
    assert run.definition["steps"][0]["timeout_seconds"] == 777
    begun = office.begin(task)
    assert begun.deadline_at is not None
    assert begun.started_at is not None
    assert (begun.deadline_at - begun.started_at).total_seconds() == 777
    assert begun.instance_id == "here"


def test_a_task_without_a_timeout_of_its_own_gets_the_capabilitys(office: Office) -> None:
    assert office.submit("nobody-yet").timeout_seconds == 120
    office.register("alpha")
    assert office.submit("echo").timeout_seconds == 120


def test_a_repeat_with_the_same_key_is_the_first_task_and_another_body_is_refused(office: Office) -> None:
    office.register("alpha")
    first = office.submit("echo", idempotency_key="k1")
    assert office.submit("echo", idempotency_key="k1").pk == first.pk
    assert office.submit("echo", idempotency_key="k1", actor=BERT).pk != first.pk
    with pytest.raises(submission.KeyReused) as caught:
        office.submit("echo", idempotency_key="k1", priority=9)
    assert caught.value.task.pk == first.pk
    assert Task.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_requests_with_the_same_key_at_the_same_time_make_one_task(office: Office) -> None:
    office.register("alpha")
    start = threading.Barrier(AT_ONCE)

    def ask(number: int) -> tuple[UUID, bool]:  # noqa: ARG001 - all ask for the same
        request = Request(capability="echo", payload={"text": "hello"}, idempotency_key="k1")
        start.wait(timeout=30)
        try:
            submitted = submission.submit(request, actor=ANNA)
        finally:
            connection.close()
        return submitted.task.pk, submitted.is_new

    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(ask, range(AT_ONCE)))
    task = Task.objects.get()
    assert {task_id for task_id, _ in answers} == {task.pk}
    assert [is_new for _, is_new in answers].count(True) == 1
    assert (Run.objects.count(), task.attempts) == (1, 1)
    assert office.events(task) == ["None>pending", "task.dispatched"]


@pytest.mark.parametrize(
    ("more", "pointer"),
    [
        ({"priority": 11}, "/priority"),
        ({"priority": -1}, "/priority"),
        ({"timeout_seconds": 0}, "/timeout_seconds"),
        ({"timeout_seconds": 86_401}, "/timeout_seconds"),
        ({"max_attempts": 0}, "/max_attempts"),
        ({"wait_seconds": 604_801}, "/wait_seconds"),
        ({"payload": {"text": "x" * 300_000}}, "/payload"),
        ({"payload": {"text": f"use {SECRET}"}}, "/payload/text"),
        ({"payload": {"deep": [{"a/b": SECRET}]}}, "/payload/deep/0/a~1b"),
        ({"payload": {"text": 7}}, "/payload/text"),
        ({"payload": {"unknown": 7}}, "/payload"),
        ({"payload": {"text": "a\0b"}}, "/payload/text"),
        ({"payload": {"text": "\ud800"}}, "/payload/text"),
    ],
)
def test_what_cannot_be_is_refused_by_field_and_stores_nothing(
    office: Office, more: dict[str, Any], pointer: str
) -> None:
    office.register("alpha", "beta")
    with pytest.raises(submission.Invalid) as caught:
        office.submit("echo", **more)
    assert [fault.pointer for fault in caught.value.faults] == [pointer]
    assert SECRET not in str(caught.value)
    assert not Task.objects.exists()


def test_a_name_that_no_capability_can_have_is_refused(office: Office) -> None:
    with pytest.raises(submission.Invalid):
        office.submit("Not A Name")


def test_the_payload_decides_between_agents_that_take_different_input(office: Office) -> None:
    office.register("alpha", "counter")
    words = office.submit("echo")
    assert words.dispatched_to == "alpha"
    number = submission.submit(Request(capability="echo", payload={"number": 4}), actor=ANNA).task
    assert number.dispatched_to == "counter"
    cards = {each["agent_id"]: each["reasons"] for each in Dispatch.objects.get(task=words).cards}
    assert cards == {"alpha": [], "counter": ["input_rejected"]}
    assert office.work(number).result == {"text": "4", "by": "counter#1"}


def test_a_capability_that_nobody_offers_yet_is_accepted_and_waits_for_an_agent(office: Office) -> None:
    task = office.submit("echo")
    assert (task.status, task.dispatched_to) == ("pending", "")
    assert "no agent offers" in task.wait_reason
    office.register("alpha")
    assert dispatching.dispatch(task.task_id) == "dispatched"


def test_the_end_is_an_answer_for_whoever_waits(office: Office) -> None:
    office.register("alpha")
    task = office.work(office.submit("echo"))
    found = Answer.objects.get(name=f"task:{task.task_id}")
    assert found.payload == {"task_id": str(task.task_id), "status": "completed"}


def test_a_result_that_no_database_holds_is_kept_as_far_as_it_can_be(office: Office) -> None:
    office.register("alpha")
    task = office.work(office.submit("echo", "odd"))
    assert (task.status, task.result) == ("completed", {"text": "a\ufffdb", "by": "alpha"})


def test_results_are_kept_without_secrets(office: Office) -> None:
    office.register("alpha")
    task = office.work(office.submit("echo", "leak"))
    assert task.result == {"text": "token [redacted]", "by": "alpha"}


@pytest.mark.parametrize(
    ("mode", "kind", "status", "counted"),
    [
        ("permanent", "permanent", "failed", True),
        ("budget", "budget_exceeded", "failed", False),
        ("boom", "error", "pending", True),
        ("refused", "refused", "pending", True),
        ("missing", "missing", "pending", True),
        ("wrong", "invalid_output", "pending", True),
        ("later", "try_later", "pending", False),
    ],
)
def test_each_way_to_fail_is_of_its_type_and_goes_on_as_the_table_says(
    office: Office,
    mode: str,
    kind: str,
    status: str,
    counted: bool,  # noqa: FBT001 - a column of the table
) -> None:
    office.register("alpha", "beta")
    task = office.work(office.submit("echo", mode))
    assert (task.status, task.error["type"] if task.error else "") == (status, kind)
    assert office.history(task) == [(1, "alpha", kind, counted)]
    told = office.event(task, "task.result.failure")
    assert (told["error_type"], told["final"], told["success"]) == (kind, status == "failed", False)
    assert SECRET not in str(told)
    assert ("task.retry" in office.events(task)) == (status == "pending")


def test_a_permanent_failure_keeps_its_code_and_hint(office: Office) -> None:
    office.register("alpha")
    task = office.work(office.submit("echo", "permanent"))
    assert task.error == {"type": "permanent", "code": "test:no-way", "message": "a wall", "hint": "Turn around."}


def test_a_capability_may_be_served_by_a_workflow_of_its_own(office: Office) -> None:
    office.register("steady")
    task = office.work(office.submit("twice"))
    assert (task.status, task.result) == ("completed", {"text": "hello!", "by": "last"})
    assert office.events(task)[-2:] == ["dispatched>running", "task.result"]
    failed = office.work(office.submit("twice", "permanent"))
    assert (failed.status, failed.error["code"] if failed.error else "") == ("failed", "test:no-way")


def test_the_steps_of_a_workflow_go_on_elsewhere_when_the_instance_that_began_is_stopped(office: Office) -> None:
    office.register("steady")
    task = office.begin(office.submit("twice"))
    attempts.give_back("steady", "here")
    assert (office.work(task).status, task.attempts) == ("completed", 1)


def test_a_handler_may_wait_for_an_answer_and_holds_nothing_meanwhile(office: Office) -> None:
    office.register("alpha")
    task = office.work(office.submit("echo", "ask"))
    assert task.status == "running"
    durable.answer(name=f"question:{task.task_id}", answer_id="a1", payload={"word": "yes"})
    assert office.work(task).result == {"text": "hello:yes", "by": "alpha"}


def test_a_retry_by_a_person_is_a_new_task(office: Office) -> None:
    office.register("alpha")
    office.succeeded("alpha", "++")
    failed = office.work(office.submit("echo", "permanent", priority=7, timeout_seconds=50))
    fresh = submission.retry(failed, actor=BERT)
    assert fresh.pk != failed.pk
    assert (fresh.retry_of, fresh.requested_by, fresh.attempts) == (failed.pk, "bert", 1)
    assert (fresh.payload, fresh.priority, fresh.timeout_seconds) == (failed.payload, 7, 50)


def test_a_large_result_lies_in_storage_until_it_need_not_be_kept(office: Office, storage: Storage) -> None:
    office.register("alpha")
    task = office.work(office.submit("echo", "large"))
    assert (task.status, task.result) == ("completed", None)
    assert task.result_ref.startswith(f"tasks/{task.task_id}/1-")
    key = task.result_ref
    assert len(storage.get(key)) > 300_000
    assert watching.forget_results(clock.now(), timedelta(hours=1), clients()) == 0
    assert watching.forget_results(clock.now() + timedelta(hours=2), timedelta(hours=1), clients()) == 1
    task.refresh_from_db()
    assert (task.result_ref, task.status) == ("", "completed")
    with pytest.raises(Missing):
        storage.get(key)


@pytest.mark.parametrize(
    "wrong",
    [
        {"status": "lost"},
        {"priority": 11},
        {"used_attempts": 9},
        {"status": "running", "deadline_at": None},
        {"status": "completed", "completed_at": None},
        {"run_id": None},
        {"timeout_seconds": 0},
    ],
)
def test_the_database_itself_refuses_what_a_task_cannot_be(office: Office, wrong: dict[str, object]) -> None:
    office.register("alpha")
    task = office.submit("echo")
    with pytest.raises(IntegrityError):
        Task.objects.filter(pk=task.pk).update(**wrong)


def test_the_first_in_line_is_the_highest_rank_then_the_oldest_and_waiting_raises_the_rank(office: Office) -> None:
    old = office.submit("echo", priority=1)
    office.submit("echo", priority=1)
    high = office.submit("echo", priority=9)
    now = old.created_at
    first, second, _ = task_queries.due(now, at_once=500)
    assert [first.task_id, second.task_id] == [high.pk, old.pk]
    aged = now.replace(year=now.year + 1)
    assert next(task_queries.due(aged, at_once=500)).task_id == old.pk


def test_a_backlog_hides_no_task_behind_it_however_long_it_is(office: Office) -> None:
    tasks = [office.submit("echo", priority=number % 3) for number in range(7)]
    now = tasks[-1].created_at
    whole = [each.task_id for each in task_queries.due(now, at_once=500)]
    assert [each.task_id for each in task_queries.due(now, at_once=2)] == whole
    assert set(whole) == {task.pk for task in tasks}
