"""Slots, order, cancelling, affinity, and the reasons for all of it."""

import threading
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from apps.agents.registry import plain
from apps.agents.registry.here import HERE
from apps.agents.registry.models import Agent, Capability, Dispatch, Task
from apps.agents.registry.queries import tasks as task_queries
from apps.agents.registry.queries.why import why
from apps.agents.registry.services import cancelling, dispatching, registration, submission, surveying, watching
from apps.agents.registry.states import NotPossible
from apps.agents.registry.words import Request
from meshsix.durable.models import Run
from meshsix.kit import clock
from tests.service.registry.conftest import ANNA, Office

PARALLEL = 50


def test_a_full_agent_lets_tasks_wait_and_a_free_slot_goes_to_the_first_in_line(office: Office) -> None:
    office.register("alpha")
    first, second = office.submit("echo"), office.submit("echo")
    low, high = office.submit("echo", priority=1), office.submit("echo", priority=9)
    assert (low.status, low.waits_for) == ("pending", ["alpha"])
    assert low.wait_reason.startswith("at_capacity")
    office.work(first)
    newest = office.submit("echo", priority=5)
    assert newest.status == "pending", "it would overtake the one with priority 9"
    assert dispatching.dispatch_due(clock.now()) == 1
    high.refresh_from_db()
    assert high.status == "dispatched"
    office.work(second)
    dispatching.dispatch_due(clock.now())
    newest.refresh_from_db()
    assert newest.status == "dispatched"
    low.refresh_from_db()
    assert low.status == "pending"


def test_free_slots_of_an_agent_go_to_the_first_of_those_who_wait_for_them(office: Office) -> None:
    office.register("alpha", "counter")
    running = [office.submit("echo"), office.submit("echo")]
    low, high, old = (office.submit("echo", priority=priority) for priority in (1, 9, 5))
    elsewhere = office.submit("nobody-offers-it", priority=10)
    assert dispatching.fill("alpha", clock.now()) == 0
    office.work(running[0])
    assert dispatching.fill("counter", clock.now()) == 0
    assert dispatching.fill("alpha", clock.now()) == 1
    office.work(running[1])
    assert dispatching.fill("alpha", clock.now()) == 1
    states = [Task.objects.get(pk=task.pk).status for task in (high, old, low, elsewhere)]
    assert states == ["dispatched", "dispatched", "pending", "pending"]


def test_an_old_task_with_low_priority_still_has_its_turn(office: Office) -> None:
    office.register("alpha")
    Agent.objects.update(max_concurrency=1)
    running = office.submit("echo")
    old = office.submit("echo", priority=1, wait_seconds=600_000)
    office.spend(old, created_at=clock.now() - timedelta(hours=2))
    high = office.submit("echo", priority=9)
    office.work(running)
    dispatching.dispatch_due(clock.now())
    old.refresh_from_db()
    high.refresh_from_db()
    assert (old.status, high.status) == ("dispatched", "pending")


def test_the_next_agent_gets_what_the_best_cannot_take_only_if_it_is_nearly_as_good(office: Office) -> None:
    office.register("alpha", "beta")
    Agent.objects.filter(pk="alpha").update(max_concurrency=1)
    assert office.submit("echo").dispatched_to == "alpha"
    waits = office.submit("echo")
    assert (waits.status, waits.waits_for) == ("pending", ["alpha"])
    office.policy(spill_ratio=0.7)
    assert dispatching.dispatch(waits.task_id) == "dispatched"
    waits.refresh_from_db()
    assert waits.dispatched_to == "beta"
    assert office.event(waits, "task.dispatched")["policy"] == "spilled"


@pytest.mark.django_db(transaction=True)
def test_parallel_requests_never_take_more_slots_than_there_are(office: Office) -> None:
    office.register("alpha")

    def ask() -> None:
        try:
            office.submit("echo")
        finally:
            connection.close()

    threads = [threading.Thread(target=ask) for _ in range(PARALLEL)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert Task.objects.count() == PARALLEL
    dispatching.dispatch_due(clock.now())
    assert Task.objects.filter(status="dispatched").count() == 2
    assert Run.objects.count() == 2


@pytest.mark.django_db(transaction=True)
def test_an_agent_that_is_full_after_all_is_let_go_before_the_next_one_is_locked(office: Office) -> None:
    office.register("alpha", "beta")
    office.policy(spill_ratio=0.7)
    task = office.submit("echo", allowed_agents=["nobody"])
    Task.objects.update(allowed_agents=[])
    seen = surveying.survey(Task.objects.get(pk=task.pk), clock.now())
    Agent.objects.filter(pk="alpha").update(max_concurrency=1)
    assert office.submit("echo").dispatched_to == "alpha"
    free: list[str] = []

    def look() -> None:
        try:
            with transaction.atomic():
                rows = Agent.objects.select_for_update(skip_locked=True).order_by("pk")
                free.extend(rows.values_list("pk", flat=True))
        finally:
            connection.close()

    with transaction.atomic():
        decision = dispatching.take_a_slot(seen, seen.decide())
        other = threading.Thread(target=look)
        other.start()
        other.join()
    assert decision.chosen is not None
    assert (decision.chosen.agent_id, free) == ("beta", ["alpha"])


def test_a_task_that_cannot_be_routed_still_ends_when_its_time_is_over(office: Office) -> None:
    task = office.submit("nobody-yet", wait_seconds=60)

    def fails(_: object) -> dispatching.Routed:
        raise RuntimeError("an error of ours")

    assert dispatching.alone(fails, task.pk) == "not_now"
    with clock.moved(timedelta(seconds=61)):
        assert dispatching.alone(fails, task.pk) == "failed"
    task.refresh_from_db()
    assert (task.status, task.error and task.error["code"]) == ("failed", "no_agent")
    assert office.events(task)[-1] == "pending>failed"


def test_a_task_that_cannot_be_routed_stands_in_nobodys_way(office: Office) -> None:
    office.register("alpha")
    running = [office.submit("echo"), office.submit("echo")]
    broken, next_one = office.submit("echo", priority=9), office.submit("echo")

    def fails(_: object) -> dispatching.Routed:
        raise RuntimeError("an error of ours")

    office.work(running[0])
    assert dispatching.alone(fails, broken.pk) == "not_now"
    broken.refresh_from_db()
    assert "its log says why" in plain.waiting(broken.wait_reason)
    assert dispatching.fill("alpha", clock.now()) == 1
    next_one.refresh_from_db()
    assert next_one.status == "dispatched"


def test_tasks_that_could_not_be_routed_all_wait_for_the_agent_again_after_the_next_sweep(office: Office) -> None:
    office.register("alpha")
    for number in range(5):
        office.submit("echo", payload={"text": f"task {number}"})
    waiting = Task.objects.filter(status="pending")

    def fails(_: object) -> dispatching.Routed:
        raise RuntimeError("an error of ours")

    for task in waiting:
        assert (task.waits_for, dispatching.alone(fails, task.pk)) == (["alpha"], "not_now")
    assert dispatching.dispatch_due(clock.now()) == 0
    assert [task.waits_for for task in waiting.all()] == [["alpha"]] * 3


def test_a_backlog_that_asks_for_the_same_is_scored_once_a_sweep(office: Office) -> None:
    office.register("alpha")
    for _ in range(12):
        office.submit("echo")
    decisions = Dispatch.objects.count()
    assert dispatching.dispatch_due(clock.now()) == 0
    assert Dispatch.objects.count() == decisions, "the reasons are the same"


def test_a_backlog_that_asks_for_different_things_is_looked_at_as_one_until_something_is_new(office: Office) -> None:
    office.register("alpha")
    asked = []
    for number in range(20):
        office.submit("echo", payload={"text": f"task {number}"})
        if number % 10 == 9:
            with CaptureQueriesContext(connection) as queries:
                assert dispatching.dispatch_due(clock.now()) == 0
            asked.append(len(queries))
    assert asked[0] == asked[1]
    office.register("beta")
    office.policy(spill_ratio=0.1)
    assert dispatching.dispatch_due(clock.now()) == 2
    office.register("counter")
    Agent.objects.filter(pk="counter").update(max_concurrency=9)
    dispatching.dispatch_due(clock.now())
    told = {task.wait_reason for task in Task.objects.filter(status="pending")}
    assert told == {"at_capacity: 3 agents (2 at_capacity, 1 input_rejected)"}


def test_a_task_whose_time_is_over_ends_first_of_all_in_a_sweep(office: Office) -> None:
    office.register("alpha")
    for _ in range(3):
        office.submit("echo", priority=9)
    late = office.submit("nobody-yet", priority=0, wait_seconds=1)
    assert [each.pk for each in task_queries.waited_out(clock.now() + timedelta(seconds=2))] == [late.pk]
    with clock.moved(timedelta(seconds=2)):
        watching.sweep(clock.now())
    late.refresh_from_db()
    assert (late.status, late.error and late.error["code"]) == ("failed", "no_agent")


def test_tasks_that_wait_for_an_agent_no_longer_keep_nobody_from_it(office: Office) -> None:
    office.register("alpha", "beta")
    Agent.objects.update(max_concurrency=1)
    running = office.submit("echo", allowed_agents=["beta"])
    office.policy(spill_ratio=0.1)
    assert office.submit("echo").dispatched_to == "alpha"
    waiting = [office.submit("echo", priority=9) for _ in range(3)]
    assert {each.status for each in waiting} == {"pending"}
    assert waiting[2].waits_for == ["alpha", "beta"]
    Capability.objects.filter(agent="beta", name="echo").update(withdrawn_at=clock.now())
    dispatching.dispatch_due(clock.now())
    for each in waiting:
        each.refresh_from_db()
    assert [each.waits_for for each in waiting] == [["alpha"]] * 3
    assert len({each.wait_reason for each in waiting}) == 1
    office.work(running)
    assert office.submit("repeat", priority=1).dispatched_to == "beta"


def test_a_sweep_asks_the_database_no_more_the_longer_the_backlog_is(office: Office) -> None:
    office.register("alpha")
    asked = []
    for _ in range(2):
        for _ in range(8):
            office.submit("echo")
        with CaptureQueriesContext(connection) as queries:
            assert dispatching.dispatch_due(clock.now()) == 0
        asked.append(len(queries))
    assert asked[0] == asked[1]


def test_what_nobody_works_on_is_cancelled_at_once(office: Office) -> None:
    office.register("careful")
    pending, asked = office.submit("nobody-yet"), office.submit("change")
    dispatched = office.submit("tidy")
    for task in (pending, asked, dispatched):
        assert cancelling.cancel(task.task_id, actor=ANNA).status == "cancelled"
        with pytest.raises(NotPossible):
            cancelling.cancel(task.task_id, actor=ANNA)
    assert Run.objects.get().state == "cancelled"
    assert office.history(dispatched) == [(1, "careful", "cancelled", False)]


def test_a_running_attempt_hears_of_the_cancel_at_its_next_checkpoint(office: Office) -> None:
    office.register("alpha")
    task = office.begin(office.submit("echo", "until-told"))
    assert cancelling.cancel(task.task_id, actor=ANNA).status == "running"
    assert office.work(task).status == "cancelled"
    assert office.history(task) == [(1, "alpha", "cancelled", False)]
    assert office.events(task)[-1] == "running>cancelled"


def test_an_attempt_that_does_not_hear_is_ended_after_half_a_minute(office: Office) -> None:
    office.register("alpha")
    task = office.begin(office.submit("echo", timeout_seconds=1000))
    cancelling.cancel(task.task_id, actor=ANNA)
    watching.sweep(clock.now() + timedelta(seconds=29))
    task.refresh_from_db()
    assert task.status == "running"
    watching.sweep(clock.now() + timedelta(seconds=31))
    task.refresh_from_db()
    assert task.status == "cancelled"
    assert Run.objects.get().state == "cancelled"


def test_an_affinity_key_binds_to_one_instance_while_it_lives(office: Office) -> None:
    office.register("alpha", "beta")
    office.register("beta", instance_id="other")
    HERE.instance_id = "other"
    first = office.submit("echo", affinity_key="s1", allowed_agents=("beta",))
    office.work(first)
    second = office.submit("echo", affinity_key="s1")
    assert (second.dispatched_to, second.instance_id) == ("beta", "other")
    assert second.run_id is not None
    assert Run.objects.get(pk=second.run_id).definition["queue"] == "agent.beta.other"
    office.age("beta", 200, instance_id="other")
    third = office.submit("echo", affinity_key="s1")
    assert (third.dispatched_to, third.instance_id) == ("alpha", "")


def test_why_explains_every_candidate_and_strangers_after_weights_and_history_have_changed(office: Office) -> None:
    office.register("alpha", "beta", "needy", "counter")
    task = office.submit("echo")
    Capability.objects.filter(agent="beta").update(override_weight=1)
    office.succeeded("alpha", "-----")
    told = {each.agent_id: each for each in why(task)[0].agents}
    assert told.keys() == {"alpha", "beta", "counter"}
    assert (told["alpha"].chosen, told["alpha"].reason) == (True, "best")
    assert told["alpha"].score == pytest.approx(0.945)
    assert told["beta"].reason == "outscored"
    assert told["beta"].score == pytest.approx(0.7)
    assert told["counter"].reason == "input_rejected"
    assert why(task, agent_id="needy")[0].agents[0].reason == "not_offered"


def test_why_tells_of_strangers_what_was_so_then_whoever_came_or_went_since(office: Office) -> None:
    office.register("alpha", "needy")
    task = office.submit("echo")
    before = {name: why(task, agent_id=name) for name in ("alpha", "needy", "beta", "ghost")}
    registration.deregister("needy", actor=ANNA)
    registration.deregister("alpha", actor=ANNA)
    office.register("beta")
    assert {name: why(task, agent_id=name) for name in before} == before
    told = {name: explanations[0].agents[0] for name, explanations in before.items()}
    assert (told["alpha"].chosen, told["alpha"].reason) == (True, "best")
    assert {told[name].reason for name in ("needy", "beta", "ghost")} == {"not_offered"}


def test_a_task_that_waits_stores_its_reasons_only_as_they_change(office: Office) -> None:
    task = office.submit("echo")
    for _ in range(3):
        dispatching.dispatch(task.task_id)
    assert [(row.attempt, row.reason) for row in Dispatch.objects.all()] == [
        (None, "no_agent: no agent offers the capability")
    ]
    office.register("alpha")
    Agent.objects.update(enabled=False)
    for _ in range(3):
        dispatching.dispatch(task.task_id)
    assert [row.reason for row in Dispatch.objects.all()][1:] == ["no_agent: 1 agent (1 disabled)"]


def test_cards_beyond_the_best_twenty_are_stored_in_short(office: Office) -> None:
    office.register("alpha")
    schema = Capability.objects.get()
    for number in range(25):
        agent = Agent.objects.create(agent_id=f"a{number:02}", title="A", kind="python", type="RULE", version="1")
        Capability.objects.create(
            agent=agent,
            name="echo",
            weight="0.5",
            input_schema=schema.input_schema,
            output_schema=schema.output_schema,
        )
    task = office.submit("echo")
    row = Dispatch.objects.get(task=task)
    assert (len(row.cards), len(row.others)) == (20, 6)
    assert row.others[0]["reason"] == "offline"
    assert len(why(task)[0].agents) == 26


@pytest.fixture
def exploring(office: Office) -> None:
    """One known agent, and one that failed for a long time."""
    office.register("alpha", "beta")
    office.succeeded("alpha", "+" * 20)
    office.succeeded("beta", "-" * 20)


def test_without_exploration_an_agent_that_failed_twenty_times_gets_nothing(office: Office, exploring: None) -> None:  # noqa: ARG001 - the scene
    assert {office.work(office.submit("echo")).dispatched_to for _ in range(10)} == {"alpha"}


def test_with_exploration_a_recovered_agent_gets_its_share(office: Office, exploring: None) -> None:  # noqa: ARG001 - the scene
    office.policy(exploration_rate=0.5)
    Capability.objects.filter(agent="beta").update(window_since=clock.now())
    tasks = [office.work(office.submit("echo")) for _ in range(20)]
    assert {task.dispatched_to for task in tasks} == {"alpha", "beta"}


def test_hysteresis_keeps_the_incumbent(office: Office) -> None:
    office.register("alpha", "beta")
    Capability.objects.update(override_weight="0.5", override_preferred=False)
    Capability.objects.filter(agent="beta").update(override_weight="0.52")
    office.succeeded("alpha", "+")
    assert office.submit("echo").dispatched_to == "beta"
    office.policy(hysteresis=0.1)
    task = submission.submit(Request(capability="echo", payload={"text": "x"}), actor=ANNA).task
    assert (task.dispatched_to, office.event(task, "task.dispatched")["policy"]) == ("alpha", "incumbent")
