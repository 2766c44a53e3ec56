"""What follows when an attempt gives no result: elsewhere, again, later, or the end."""

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from django.db import connection

from apps.agents.registry.models import Agent, Task
from apps.agents.registry.services import cancelling, dispatching, ending, registration, watching
from apps.agents.registry.states import ErrorType
from apps.agents.registry.words import Failure, Outcome
from meshsix.durable import answers, endings, finish, perform, recovery, stretches
from meshsix.durable import services as durable
from meshsix.durable.leases import Lease
from meshsix.durable.models import Run
from meshsix.kit import clock
from tests.crossing import crossed
from tests.service.registry.conftest import ANNA, Office


@pytest.fixture(autouse=True)
def known(office: Office) -> None:
    """Both agents are there and have a good name, so that one failure does not make them impossible."""
    office.register("alpha", "beta")
    office.succeeded("alpha", "++")
    office.succeeded("beta", "++")


def sweep(after: timedelta = timedelta(0)) -> None:
    watching.sweep(clock.now() + after)


def taken(task: Task) -> Lease:
    """Let a worker take the step that performs the attempt, and do no more."""
    assert task.run_id is not None
    lease = stretches._take(task.run_id, "perform")
    assert lease is not None
    return lease


def test_a_retry_goes_to_the_agent_that_had_no_try_at_once_with_all_that_was_asked(office: Office) -> None:
    task = office.work(office.submit("echo", "boom", "ok", priority=7, timeout_seconds=50))
    assert task.status == "pending"
    assert dispatching.dispatch(task.task_id) == "dispatched"
    office.work(task)
    assert (task.status, task.dispatched_to, task.attempts) == ("completed", "beta", 2)
    assert (task.priority, task.timeout_seconds, task.result) == (7, 50, {"text": "hello", "by": "beta"})
    assert office.history(task) == [(1, "alpha", "error", True), (2, "beta", "", True)]
    assert office.event(task, "task.retry")["previous_agent"] == "alpha"
    assert office.events(task)[-6:] == [
        "task.result.failure",
        "task.retry",
        "task.dispatched",
        "dispatched>running",
        "task.progress",
        "task.result",
    ]


def test_the_only_agent_is_asked_again_after_a_pause(office: Office) -> None:
    Agent.objects.filter(pk="beta").update(enabled=False)
    backoff = {"first_seconds": 9e5, "most_seconds": 8e5}  # so long that no pause of it is over at once
    task = office.work(office.submit("echo", "boom", "ok", backoff=backoff))
    assert dispatching.dispatch(task.task_id) == "not_now"
    task.refresh_from_db()
    assert task.due_at is not None
    assert timedelta(0) < task.due_at - clock.now() <= timedelta(seconds=10), "somebody else may come meanwhile"
    assert task.wait_reason == "backoff"
    with clock.moved(timedelta(seconds=8e5)):
        assert dispatching.dispatch(task.task_id) == "dispatched"


def test_the_pause_that_an_agent_asks_for_holds_for_it_alone(office: Office) -> None:
    task = office.work(office.submit("echo", "later", "ok"))
    assert task.pauses is not None
    assert datetime.fromisoformat(task.pauses["alpha"]) - clock.now() > timedelta(seconds=20)
    assert office.again(task).dispatched_to == "beta"


def test_the_pause_that_an_agent_asks_for_outlasts_the_failure_of_another_one(office: Office) -> None:
    task = office.work(office.submit("echo", "later", "boom", "ok"))
    assert dispatching.dispatch(task.task_id) == "dispatched"
    assert office.work(task).dispatched_to == "beta"
    with clock.moved(timedelta(seconds=5)):
        assert dispatching.dispatch(task.task_id) == "dispatched"
    task.refresh_from_db()
    assert (task.dispatched_to, task.attempts) == ("beta", 3), "its own pause is over, that of alpha is not"


def test_an_agent_gets_the_task_again_once_its_own_pause_is_over(office: Office) -> None:
    task = office.work(office.submit("echo", "later", "boom", "ok"))
    dispatching.dispatch(task.task_id)
    office.work(task)
    Agent.objects.filter(pk="beta").update(enabled=False)
    for seconds in (5, 25):
        with clock.moved(timedelta(seconds=seconds)):
            assert dispatching.dispatch(task.task_id) == "not_now"
    task.refresh_from_db()
    assert task.wait_reason == "backoff"
    with clock.moved(timedelta(seconds=40)):
        assert dispatching.dispatch(task.task_id) == "dispatched"
    task.refresh_from_db()
    assert task.dispatched_to == "alpha"


def test_an_agent_that_comes_while_another_pauses_gets_the_task(office: Office) -> None:
    Agent.objects.filter(pk="beta").update(enabled=False)
    task = office.work(office.submit("echo", "later", "ok"))
    assert dispatching.dispatch(task.task_id) == "not_now"
    Agent.objects.filter(pk="beta").update(enabled=True)
    with clock.moved(timedelta(seconds=11)):
        dispatching.dispatch_due(clock.now())
    task.refresh_from_db()
    assert (task.status, task.dispatched_to) == ("dispatched", "beta")


def test_attempts_that_are_used_up_fail_the_task(office: Office) -> None:
    task = office.run(office.submit("echo", "boom"))
    assert (task.status, task.attempts, task.used_attempts) == ("failed", 3, 3)
    assert [row[1] for row in office.history(task)] == ["alpha", "beta", "alpha"]
    assert office.event(task, "task.result.failure")["final"] is True
    assert task.error is not None
    assert task.error["message"] == "ZeroDivisionError: token [redacted]"


def test_the_deadline_ends_an_attempt_even_after_everything_was_down(office: Office) -> None:
    task = office.begin(office.submit("echo", timeout_seconds=10))
    sweep(timedelta(seconds=9))
    task.refresh_from_db()
    assert task.status == "running"
    sweep(timedelta(days=3))
    task.refresh_from_db()
    assert office.history(task) == [(1, "alpha", "timeout", True)]
    assert office.event(task, "task.timeout") == {
        "attempt": 1,
        "agent_id": "alpha",
        "timeout_seconds": 10,
        "retry_count": 1,
        "final": False,
    }
    assert Run.objects.get(key=f"task:{task.task_id}:1").state == "cancelled"
    assert (task.status, task.dispatched_to) == ("dispatched", "beta")


def test_an_attempt_that_sees_its_own_deadline_pass_has_timed_out_and_another_follows(office: Office) -> None:
    office.register("alpha", "beta")
    task = office.begin(office.submit("echo", "until-told", "ok"))
    office.spend(task, deadline_at=clock.now())
    office.work(task)
    assert (task.status, office.history(task)) == ("pending", [(1, "alpha", "timeout", True)])
    assert office.work(office.again(task)).status == "completed"


def test_the_deadline_of_the_last_attempt_is_the_end(office: Office) -> None:
    task = office.begin(office.submit("echo", timeout_seconds=10, max_attempts=1))
    sweep(timedelta(seconds=11))
    task.refresh_from_db()
    assert (task.status, task.completed_at is not None) == ("timeout", True)
    assert office.event(task, "task.timeout")["final"] is True


def test_the_result_of_an_attempt_that_is_over_changes_nothing_and_an_event_says_so(office: Office) -> None:
    task = office.begin(office.submit("echo", timeout_seconds=10))
    sweep(timedelta(seconds=11))
    office.work(task)
    assert (task.status, task.attempts) == ("completed", 2)
    before = Task.objects.filter(pk=task.pk).values().get()
    assert not ending.conclude(task.task_id, 1, Outcome(result={"text": "late", "by": "alpha"}))
    assert Task.objects.filter(pk=task.pk).values().get() == before
    assert office.event(task, "task.progress")["status"] == "late_result"
    assert len(office.history(task)) == 2


def test_an_agent_that_does_not_begin_costs_no_attempt_and_nobody_is_blamed(office: Office) -> None:
    task = office.submit("echo")
    sweep(timedelta(seconds=59))
    assert office.history(task) == []
    sweep(timedelta(seconds=61))
    task.refresh_from_db()
    assert office.history(task) == [(1, "alpha", "not_started", False)]
    assert (task.attempts, task.used_attempts, task.dispatched_to) == (2, 0, "beta")


def test_an_instance_that_falls_silent_loses_its_tasks_to_others(office: Office) -> None:
    task = office.begin(office.submit("echo", timeout_seconds=1000))
    office.age("alpha", 119)
    sweep()
    assert office.history(task) == []
    office.age("alpha", 121)
    sweep()
    task.refresh_from_db()
    assert office.history(task) == [(1, "alpha", "agent_lost", True)]
    assert (task.dispatched_to, task.used_attempts) == ("beta", 1)


def test_an_instance_that_stops_may_end_its_work_and_what_it_does_not_end_costs_no_attempt(office: Office) -> None:
    task = office.begin(office.submit("echo", timeout_seconds=1000))
    registration.leave("alpha", "here", reason="sigterm")
    sweep()
    assert office.history(task) == []
    sweep(timedelta(seconds=60))
    task.refresh_from_db()
    assert office.history(task) == [(1, "alpha", "agent_stopped", False)]
    assert (task.dispatched_to, task.attempts, task.used_attempts) == ("beta", 2, 0)


def test_a_worker_that_dies_in_mid_task_loses_it_when_its_lease_ends(office: Office) -> None:
    task = office.begin(office.submit("echo", timeout_seconds=10))
    lease = taken(task)
    recovery.sweep(lease.until + timedelta(seconds=1))
    task.refresh_from_db()
    assert office.history(task) == [(1, "alpha", "agent_lost", True)]
    assert task.status == "pending"
    assert office.again(task).dispatched_to == "beta"


def test_a_worker_that_dies_before_it_begins_costs_no_attempt(office: Office) -> None:
    task = office.submit("echo", timeout_seconds=10)
    lease = taken(task)
    recovery.sweep(lease.until + timedelta(seconds=1))
    task.refresh_from_db()
    assert office.history(task) == [(1, "alpha", "not_started", False)]
    assert (task.status, task.used_attempts) == ("pending", 0)


def test_what_a_process_of_another_version_gave_out_is_given_out_again_and_costs_no_attempt(office: Office) -> None:
    task = office.submit("echo")
    assert task.run_id is not None
    Run.objects.filter(pk=task.run_id).update(workflow="of-another-version")
    assert office.work(task).status == "dispatched"
    sweep(timedelta(seconds=61))
    task.refresh_from_db()
    assert office.history(task) == [(1, "alpha", "not_started", False)]
    assert (task.dispatched_to, task.used_attempts) == ("beta", 0)


def test_the_lease_outlasts_the_deadline_however_long_beginning_took(office: Office) -> None:
    task = office.submit("echo", timeout_seconds=10)
    lease = taken(task)
    with clock.moved(timedelta(seconds=9)):
        perform.perform(lease, {})
    task.refresh_from_db()
    assert task.deadline_at == lease.since + timedelta(seconds=10)
    assert task.deadline_at < lease.until


@pytest.mark.parametrize("ends", [ErrorType.NOT_STARTED, ErrorType.CANCELLED])
def test_a_worker_that_was_about_to_begin_an_attempt_which_is_over_does_not_call_the_handler(
    office: Office, ends: ErrorType
) -> None:
    task = office.submit("echo")
    lease = taken(task)
    failure = Failure(type=ends, message="Nobody began.", code=ends)
    assert ending.conclude(task.task_id, 1, Outcome(failure=failure))
    ended = perform.perform(lease, {})
    assert isinstance(ended, endings.Fail)
    assert (ended.code, "task.progress" in office.events(task)) == ("task:not-current", False)
    assert finish.finish(lease, ended, now=clock.now(), goes_on=True) is None


@pytest.mark.django_db(transaction=True)
def test_a_database_that_is_away_as_an_attempt_begins_costs_none(office: Office) -> None:
    task, other = office.submit("echo"), connection.copy()
    assert task.run_id is not None
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '100ms'")
    with other.cursor() as cursor:
        cursor.execute(
            "SET idle_in_transaction_session_timeout = '10s'; BEGIN; SELECT FROM orchestrator_tasks FOR UPDATE"
        )
        stretches.run(task.run_id, "perform", in_chord=False)
        cursor.execute("ROLLBACK")
    other.close()
    task.refresh_from_db()
    assert (task.status, task.attempts) == ("dispatched", 1)
    with clock.moved(timedelta(seconds=2)):
        office.work(task)
    assert (task.status, office.history(task)) == ("completed", [(1, "alpha", "", True)])


def test_tries_that_cost_nothing_are_bounded_too(office: Office) -> None:
    task = office.submit("echo")
    office.spend(task, attempts=ending.MOST_UNSPENT)
    failure = Failure(type=ErrorType.NOT_STARTED, message="Nobody began.", code="not_started")
    assert ending.conclude(task.task_id, ending.MOST_UNSPENT, Outcome(failure=failure))
    task.refresh_from_db()
    assert (task.status, task.used_attempts) == ("failed", 0)


def test_nobody_left_is_the_end_at_wait_until_and_the_message_counts_the_reasons(office: Office) -> None:
    Agent.objects.update(enabled=False)
    task = office.submit("echo", wait_seconds=100)
    assert task.status == "pending"
    assert task.wait_reason == "no_agent: 2 agents (2 disabled)"
    sweep(timedelta(seconds=99))
    task.refresh_from_db()
    assert task.status == "pending"
    with clock.moved(timedelta(seconds=101)):
        sweep()
    task.refresh_from_db()
    assert task.error is not None
    assert (task.status, task.error["code"]) == ("failed", "no_agent")
    assert "2 agents (2 disabled)" in task.error["message"]


def test_an_agent_that_comes_in_time_gets_the_task(office: Office) -> None:
    Agent.objects.update(enabled=False)
    task = office.submit("echo")
    Agent.objects.filter(pk="beta").update(enabled=True)
    sweep()
    task.refresh_from_db()
    assert (task.status, task.dispatched_to) == ("dispatched", "beta")


@pytest.fixture
def abandoned(office: Office) -> Task:
    """A task that may wait for 100 s; its only agent failed it after 60 s and is off since."""
    registration.deregister("beta", actor=ANNA)
    task = office.submit("echo", "boom", "ok", wait_seconds=100)
    with clock.moved(timedelta(seconds=60)):
        office.work(task)
    Agent.objects.filter(pk="alpha").update(enabled=False)
    assert (task.status, office.history(task)) == ("pending", [(1, "alpha", "error", True)])
    return task


def test_nobody_left_after_a_failed_attempt_is_the_end_after_a_wait_of_its_own(office: Office, abandoned: Task) -> None:
    for seconds, status in ((101, "pending"), (158, "pending"), (170, "failed")):
        with clock.moved(timedelta(seconds=seconds)):
            sweep()
        abandoned.refresh_from_db()
        assert abandoned.status == status
    assert abandoned.error is not None
    assert (abandoned.error["code"], abandoned.attempts) == ("no_agent", 1)
    assert "1 agent (1 disabled)" in abandoned.error["message"]
    assert office.events(abandoned)[-1] == "pending>failed"


def test_an_agent_that_registers_in_time_gets_what_failed_elsewhere(office: Office, abandoned: Task) -> None:
    with clock.moved(timedelta(seconds=150)):
        sweep()
        office.register("beta")
        sweep()
        office.work(abandoned)
    assert (abandoned.status, abandoned.dispatched_to, abandoned.attempts) == ("completed", "beta", 2)


def test_a_run_that_is_cancelled_behind_the_registrys_back_ends_the_task(office: Office) -> None:
    task = office.submit("echo")
    assert task.run_id is not None
    durable.cancel(task.run_id, ANNA)
    task.refresh_from_db()
    assert task.status == "cancelled"
    assert office.history(task) == [(1, "alpha", "cancelled", False)]


def test_one_task_that_cannot_be_watched_stops_no_other(office: Office) -> None:
    broken, sound = office.begin(office.submit("echo")), office.begin(office.submit("echo"))
    office.spend(broken, attempts=7)  # its history has no such attempt: the row is refused
    office.spend(broken, backoff={"first_seconds": "nonsense", "most_seconds": 1})
    sweep(timedelta(seconds=200))
    sound.refresh_from_db()
    assert office.history(sound) == [(1, "alpha", "timeout", True)]
    assert office.history(broken) == []


@pytest.mark.django_db(transaction=True)
def test_a_result_and_the_step_that_begins_to_wait_for_it_never_wait_for_each_other(office: Office) -> None:
    task = office.begin(office.submit("echo"))
    said = Outcome(result={"text": "hello", "by": "alpha"})
    waits_for_its_name_without_its_run(task, lambda: ending.conclude(task.pk, task.attempts, said))
    assert task.status == "completed"


@pytest.mark.django_db(transaction=True)
def test_who_cancels_and_who_ends_the_same_attempt_never_wait_for_each_other(office: Office) -> None:
    task = office.submit("echo")
    assert task.status == "dispatched"
    waits_for_its_name_without_its_run(task, lambda: cancelling.cancel(task.pk, actor=ANNA))
    assert task.status == "cancelled"


def waits_for_its_name_without_its_run(task: Task, act: Callable[[], object]) -> None:
    """Let an act wait for the name of the attempt's answer, see that the run is still free, then let it go on."""
    assert task.run_id is not None
    run = Run.objects.select_for_update(no_key=True, nowait=True).filter(pk=task.run_id)
    name = ending.answer_name(task.pk, task.attempts)
    crossed(lambda: answers.lock(name), act, run.get)  # as a step that asks: the name, then the run
    task.refresh_from_db()
