"""Kill it on purpose: whatever dies, every accepted task ends once."""

import time

import pytest
from django.db import connection
from django.db.utils import OperationalError
from pytest_django import Settings

from apps.agents.registry import definitions
from apps.agents.registry.models import Agent, Check, History, Instance, RoutingPolicy, Task
from apps.agents.registry.queries import agents as agent_queries
from apps.agents.registry.services import registration
from meshsix.durable import nudges
from tests.crash.durable.conftest import until
from tests.crash.registry.conftest import Stack
from tests.registry_agents import AGENTS

pytestmark = pytest.mark.xdist_group("registry-crashes")

MANY = 1000
SWEEPS_SECONDS = 3
"""So long that every sweep would have come several times."""


def test_an_agent_killed_in_mid_task_loses_it_to_another_one_when_the_lease_ends(stack: Stack) -> None:
    task = stack.submit("slow", "ok", payload={"seconds": 60}, timeout_seconds=4)
    stack.wait_until_running(task)
    stack.kill_agent("alpha")
    stack.wait_for([task])
    stack.assert_whole(task)
    rows = list(History.objects.filter(task_id=task.pk).order_by("attempt").values_list("agent_id", "error_type"))
    assert rows[0][0] == "alpha"
    assert rows[0][1] in {"agent_lost", "timeout"}
    assert rows[-1] == ("beta", "")


def test_an_agent_that_kills_itself_costs_its_own_attempt_alone(stack: Stack) -> None:
    task = stack.submit("die", "ok", timeout_seconds=3)
    stack.wait_for([task])
    stack.assert_whole(task)


def test_a_silent_instance_is_given_up_although_its_lease_lasts(stack: Stack) -> None:
    task = stack.submit("slow", "ok", payload={"seconds": 120}, timeout_seconds=1000)
    stack.wait_until_running(task)
    stack.kill_agent("alpha")
    stack.forget_silent("alpha")
    stack.wait_for([task])
    stack.assert_whole(task)
    assert History.objects.get(task_id=task.pk, attempt=1).error_type == "agent_lost"


def test_an_agent_that_is_asked_to_stop_ends_what_it_does_and_is_offline_at_once(stack: Stack) -> None:
    task = stack.submit("slow", payload={"seconds": 2}, timeout_seconds=60)
    stack.wait_until_running(task)
    stack.stop_agent("alpha")
    assert agent_queries.status_of("alpha") == "offline"
    task.refresh_from_db()
    assert (task.status, task.dispatched_to) == ("completed", "alpha")
    assert Instance.objects.filter(agent_id="alpha").latest("started_at").stop_reason == "sigterm"
    stack.assert_whole(task)


def test_what_an_agent_cannot_end_in_time_goes_elsewhere_without_costing_an_attempt(stack: Stack) -> None:
    task = stack.submit("slow", "ok", payload={"seconds": 300}, timeout_seconds=1000)
    stack.wait_until_running(task)
    assert stack.stop_agent("alpha") == 0
    stack.wait_for([task])
    stack.assert_whole(task)
    task.refresh_from_db()
    assert (task.dispatched_to, task.attempts, task.used_attempts) == ("beta", 2, 1)
    assert History.objects.get(task_id=task.pk, attempt=1).error_type == "agent_stopped"


def test_a_handler_that_hangs_after_its_deadline_takes_its_process_with_it(stack: Stack) -> None:
    task = stack.submit("slow", "ok", payload={"seconds": 3000}, timeout_seconds=2)
    stack.wait_until_running(task)
    stack.wait_for([task])
    stack.assert_whole(task)
    until(lambda: not stack.has("alpha"))
    assert stack.agents.pop("alpha").returncode == 1
    assert agent_queries.status_of("alpha") == "offline"


def test_an_agent_that_starts_does_not_look_at_what_others_depend_on(stack: Stack, settings: Settings) -> None:
    settings.AGENTS = AGENTS
    stack.kill_beat()
    stack.broker.empty()
    stack.stop_agent("alpha")
    registration.register(definitions.deployed("needy").definition, instance_id="elsewhere")
    stack.start_agents(["alpha"])
    assert Check.objects.get(agent_id="needy").checked_at is None
    stack.start_beat()
    until(lambda: Check.objects.get(agent_id="needy").checked_at is not None)


def test_a_restarted_database_delays_tasks_by_seconds(stack: Stack) -> None:
    tasks = [stack.submit() for _ in range(20)]
    stack.postgres.restart()
    until(_database_is_back)
    stack.wait_for(tasks)
    for task in tasks:
        stack.assert_whole(task)


def test_what_only_a_sweep_finds_waits_for_a_killed_beat_to_come_back(stack: Stack) -> None:
    stack.kill_beat()
    stack.kill_agents()
    task = stack.submit(timeout_seconds=60)
    nudges.flush()
    stack.broker.empty()
    stack.start_agents(["alpha", "beta"])
    time.sleep(SWEEPS_SECONDS)
    task.refresh_from_db()
    assert task.status == "dispatched"
    stack.start_beat()
    stack.wait_for([task])
    stack.assert_whole(task)


@pytest.mark.timeout(1800)
def test_an_emptied_broker_loses_none_of_a_thousand_tasks(stack: Stack) -> None:
    RoutingPolicy.objects.update_or_create(capability="echo", defaults={"spill_ratio": 0})  # both agents work
    Agent.objects.update(max_concurrency=100)
    tasks = []
    for number in range(MANY):
        tasks.append(stack.submit(wait_seconds=3600))
        if number % (MANY // 4) == MANY // 8:
            stack.broker.empty()
    stack.broker.empty()
    stack.wait_until_ended(tasks)
    Agent.objects.update(max_concurrency=2)
    assert History.objects.filter(task_id__in=[task.pk for task in tasks], success=True).count() == MANY
    assert not Task.objects.exclude(status="completed").filter(pk__in=[task.pk for task in tasks]).exists()


def _database_is_back() -> bool:
    try:
        connection.close()
        connection.ensure_connection()
    except OperationalError:
        return False
    return True
