"""What a task costs in statements and messages, and rows by prepared statements beside Django's own."""

import json
from datetime import datetime
from uuid import uuid4

import pytest
import redis
from django.conf import settings
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from apps.agents.registry.models import Agent, Dispatch, History, Task
from apps.agents.registry.services import attempts, dispatching, ending, news, nudging
from apps.agents.registry.states import ErrorType, TaskEvent, TaskState, after
from apps.agents.registry.words import Failure, Outcome
from meshsix import rows
from meshsix.durable import nudges
from meshsix.durable import services as durable
from meshsix.durable.models import Run, StepRow
from meshsix.kit import clock
from meshsix.live import services as live
from meshsix.live.models import Event
from tests.crossing import crossed
from tests.service.registry.conftest import Office

COLUMNS = [field.attname for field in Task._meta.concrete_fields]


def facts(task: Task) -> dict[str, object]:
    return {name: getattr(task, name) for name in COLUMNS}


def told_to_fill() -> list[str]:
    """Return for which agents a worker was asked to fill free slots, and forget it."""
    nudges.flush()
    with redis.Redis.from_url(settings.REDIS_URL) as client:
        sent = [json.loads(message) for message in client.lrange(nudging.QUEUE, 0, -1)]
        client.delete(nudging.QUEUE)
    headers = [message["headers"] for message in sent]
    return [each["argsrepr"] for each in headers if each["task"] == nudging.FILL]


@pytest.mark.django_db
def test_a_row_is_stored_read_and_changed_as_django_does_it() -> None:
    now = clock.now()
    task = Task(
        capability="echo",
        payload={"text": 'it\'s "ü" 100 %s', "numbers": [1, 2.5, None], "deep": {"flag": True}},
        requested_by="anna",
        trace_id="0" * 32,
        idempotency_key=None,
        allowed_agents=["alpha", "be{ta"],
        waits_for=[],
        parent_task_id=uuid4(),
        backoff={"first_seconds": 1.5},
        wait_until=now,
    )
    rows.insert(task)
    assert facts(Task.objects.get(pk=task.pk)) == facts(task)
    found = rows.read(Task, "WHERE task_id = %(id)s", {"id": task.pk})
    assert found is not None
    assert facts(found) == facts(task)
    rows.change(
        task, status=TaskState.CANCELLED, completed_at=now, result={"is": [None]}, backoff=None, waits_for=["x"]
    )
    assert facts(Task.objects.get(pk=task.pk)) == facts(task)
    changed = rows.update(Task, task.pk, priority=9, allowed_agents=[], gate={"agents": []})
    assert changed is not None
    assert facts(changed) == facts(Task.objects.get(pk=task.pk)) != facts(task)
    assert rows.read(Task, "WHERE task_id = %(id)s", {"id": uuid4()}) is rows.update(Task, uuid4(), priority=1) is None


@pytest.mark.django_db
def test_a_row_gets_its_key_from_the_database_and_a_second_one_is_refused() -> None:
    def attempt() -> History:
        return History(
            task_id=uuid4(), attempt=1, agent_id="alpha", capability="echo", success=True, duration_ms=1, counted=True
        )

    first, second = attempt(), attempt()
    rows.insert(first)
    assert History.objects.get(pk=first.pk).agent_id == "alpha"
    second.task_id = first.task_id
    with pytest.raises(IntegrityError), transaction.atomic():
        rows.insert(second)


def test_a_change_is_told_of_only_where_it_was_made(office: Office) -> None:
    task = office.submit("echo")
    event = news.task_event(task, "task.progress", {"attempt": 0})
    before = office.events(task)
    assert not live.publish_with(rows.transition(task, {"status": "running"}, priority=9), event)
    assert (Task.objects.get(pk=task.pk).priority, office.events(task)) == (5, before)
    assert live.publish_with(rows.transition(task, {"status": "pending", "attempts": 0}, priority=9), event)
    assert (Task.objects.get(pk=task.pk).priority, office.events(task)) == (9, [*before, "task.progress"])


def test_several_rows_are_written_as_one_and_a_known_one_is_left_alone(office: Office) -> None:
    office.register("alpha")
    task, now = office.submit("echo", idempotency_key="once"), clock.now()
    again = Task(**{name: getattr(task, name) for name in COLUMNS} | {"task_id": uuid4()})
    with CaptureQueriesContext(connection) as asked:
        keys = rows.write(
            rows.insertion(again, or_nothing=True),
            rows.transition(task, {}, priority=3),
            rows.setting(Agent, "alpha", {"max_concurrency": 99}, updated_at=now),
        )
    assert keys == (None, task.pk, None)
    assert (len(asked), Task.objects.get().priority) == (1, 3)


@pytest.mark.django_db(transaction=True)
def test_of_two_that_begin_an_attempt_one_does_and_the_other_hears_of_it(office: Office) -> None:
    office.register("alpha")
    task = office.submit("echo")
    run_id, begun = task.run_id, list[Task]()
    assert run_id is not None
    crossed(
        lambda: begun.append(attempts.begin(run_id, instance_id="one")),
        lambda: begun.append(attempts.begin(run_id, instance_id="two")),
        lambda: None,
    )
    assert [(each.instance_id, each.deadline_at) for each in begun] == [("one", begun[0].deadline_at)] * 2
    assert office.events(task).count("dispatched>running") == 1


@pytest.mark.django_db(transaction=True)
def test_a_task_costs_so_many_statements_and_no_more(office: Office) -> None:
    office.register("alpha")
    office.work(office.submit("echo"))  # what is learnt once a process
    with CaptureQueriesContext(connection) as asked:
        task = office.submit("echo")
    assert task.status == "dispatched"
    assert len(asked) <= 6, [query["sql"] for query in asked]
    assert task.run_id is not None
    with CaptureQueriesContext(connection) as asked:
        office.work(task)
    assert (task.status, Run.objects.get(pk=task.run_id).phase) == ("completed", "perform")
    assert len(asked) <= 19, [query["sql"] for query in asked]


@pytest.mark.django_db(transaction=True)
def test_a_task_that_has_to_wait_costs_so_many_statements_and_no_more(office: Office) -> None:
    office.register("alpha")
    Agent.objects.update(max_concurrency=1)
    office.submit("echo")
    with CaptureQueriesContext(connection) as asked:
        waits = office.submit("echo")
    assert (waits.status, waits.waits_for, office.events(waits)) == ("pending", ["alpha"], ["None>pending"])
    assert Dispatch.objects.get(task=waits).attempt is None
    assert len(asked) <= 4, [query["sql"] for query in asked]


@pytest.mark.django_db(transaction=True)
def test_a_task_behind_those_who_wait_already_is_stored_as_one_that_waits(office: Office) -> None:
    office.register("alpha")
    Agent.objects.update(max_concurrency=1)
    office.submit("echo")
    first = office.submit("echo")
    Agent.objects.update(max_concurrency=2)
    with CaptureQueriesContext(connection) as asked:
        behind = office.submit("echo")
    assert [(task.status, task.waits_for) for task in (first, behind)] == [("pending", ["alpha"])] * 2
    assert office.events(behind) == ["None>pending"]
    assert Dispatch.objects.get(task=behind).attempt is None
    assert len(asked) <= 9, [query["sql"] for query in asked]


def test_the_beginning_is_told_as_every_other_change_of_state(office: Office) -> None:
    office.register("alpha")
    task = office.begin(office.submit("echo"))
    told = news.transition(task, "dispatched", trigger="begun")
    event = Event.objects.filter(aggregate_id=told.aggregate_id).latest("aggregate_seq")
    deadline_at = datetime.fromisoformat(event.payload.pop("deadline_at"))
    assert event.payload == {**told.payload, "attempt": 1, "instance_id": task.instance_id}
    assert (deadline_at, event.event_type, event.agent_id) == (task.deadline_at, told.event_type, told.agent_id)
    assert (event.trace_id, event.task_id) == (told.trace_id, told.task_id)
    assert after(TaskState.DISPATCHED, TaskEvent.BEGUN) == task.status


@pytest.mark.django_db(transaction=True)
def test_a_freed_slot_is_told_of_only_where_a_task_waits_for_it(office: Office) -> None:
    office.register("alpha")
    Agent.objects.update(max_concurrency=1)
    told_to_fill()
    office.work(office.submit("echo"))
    assert told_to_fill() == []
    running, waiting = office.submit("echo"), office.submit("echo")
    assert (waiting.status, told_to_fill()) == ("pending", [])
    office.work(running)
    assert told_to_fill() == ["('alpha',)"]


@pytest.mark.django_db(transaction=True)
def test_a_slot_that_becomes_free_while_a_new_task_is_stored_is_not_missed(office: Office) -> None:
    office.register("alpha")
    Agent.objects.update(max_concurrency=1)
    running = office.submit("echo")
    told_to_fill()

    def stop_between_counting_and_telling() -> None:
        with connection.cursor() as cursor:
            cursor.execute("LOCK TABLE task_dispatches IN SHARE MODE")

    crossed(stop_between_counting_and_telling, lambda: office.submit("echo"), lambda: office.work(running))
    late = Task.objects.latest("created_at")
    assert (late.status, late.waits_for) == ("pending", ["alpha"])
    assert "('alpha',)" in told_to_fill()


@pytest.mark.django_db(transaction=True)
def test_a_slot_that_becomes_free_while_a_task_is_routed_is_not_missed(office: Office) -> None:
    office.register("alpha")
    Agent.objects.update(max_concurrency=1)
    running, late = office.submit("echo"), office.submit("echo", allowed_agents=["nobody"])
    Task.objects.update(allowed_agents=[])
    told_to_fill()

    def stop_between_counting_and_telling() -> None:
        with connection.cursor() as cursor:
            cursor.execute("LOCK TABLE task_dispatches IN SHARE MODE")

    crossed(stop_between_counting_and_telling, lambda: dispatching.offer(late.task_id), lambda: office.work(running))
    late.refresh_from_db()
    assert (late.status, late.waits_for) == ("pending", ["alpha"])
    assert "('alpha',)" in told_to_fill()


@pytest.mark.django_db(transaction=True)
def test_the_end_of_a_task_and_of_one_that_waits_for_it_do_not_wait_for_each_other(office: Office) -> None:
    office.register("alpha")
    waits, child = office.submit("echo", "ask"), office.submit("echo")
    office.work(waits)
    office.begin(child)
    run_id = waits.run_id
    assert run_id is not None
    StepRow.objects.filter(run_id=run_id, state="waiting").update(wait_name=f"task:{child.task_id}")
    failure = Failure(type=ErrorType.TIMEOUT, code="timeout", message="Its time is over.")

    crossed(
        lambda: durable.hold(run_id),
        lambda: ending.conclude(child.task_id, 1, Outcome(result={})),
        lambda: ending.conclude(waits.task_id, 1, Outcome(failure=failure)),
    )
    child.refresh_from_db()
    assert (child.status, office.history(waits)) == ("completed", [(1, "alpha", "timeout", True)])
