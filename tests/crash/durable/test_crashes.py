"""Kill it on purpose: whatever dies, every run ends as it would have ended anyway, with each effect made once."""

import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest
import redis
from django.db import connection
from django.db.utils import OperationalError

from deploy.local.servers import Valkey
from meshsix.celery import app
from meshsix.durable import nudges, services
from meshsix.durable.models import Attempt, Run
from meshsix.kit.actor import SYSTEM
from tests.crash.durable.conftest import Stack, until
from tests.durable_flows import DIAMOND, LINE, PATIENT, STEPS_OF_DIAMOND

pytestmark = pytest.mark.xdist_group("durable-crashes")

AT_ONCE_SECONDS, SLOWER_AT_MOST, TRIES = 1.0, 10, 3
"""A start that waited for the broker would take 2 s and more; on a busy machine every start takes long."""


def test_without_faults_two_workers_and_two_beats_call_each_step_once(stack: Stack) -> None:
    runs = [stack.start() for _ in range(10)]
    stack.wait_for(runs)
    for run in runs:
        assert sorted(stack.noted(run, "call")) == sorted(STEPS_OF_DIAMOND)
        stack.assert_whole(run)


def test_a_worker_killed_before_or_after_the_effect_of_any_step_leaves_one_effect(stack: Stack) -> None:
    runs = [stack.start(DIAMOND, **{step: [how, "ok"]}) for step in STEPS_OF_DIAMOND for how in ("die", "die-after")]
    stack.wait_for(runs)
    for run in runs:
        stack.assert_whole(run)
        assert [row.result for row in Attempt.objects.filter(step__run=run).exclude(result="done")] == ["lost"]


def test_losing_all_workers_and_all_messages_in_mid_run_costs_seconds(stack: Stack) -> None:
    runs = [stack.start() for _ in range(20)]
    until(lambda: bool(stack.noted(runs[3], "effect")))
    stack.kill_workers()
    stack.broker.empty()
    stack.start_workers()
    stack.wait_for(runs)
    for run in runs:
        stack.assert_whole(run)


def test_emptying_the_broker_again_and_again_loses_nothing(stack: Stack) -> None:
    runs = [stack.start(left=["later", "ok"], right_one=["limited", "ok"]) for _ in range(10)]
    for run in runs[:5]:
        until(lambda run=run: bool(stack.noted(run, "effect")))  # type: ignore[misc] # bound at once
        stack.broker.empty()
    stack.wait_for(runs)
    for run in runs:
        stack.assert_whole(run)


def test_a_restarted_database_delays_the_run_by_seconds(stack: Stack) -> None:
    runs = [stack.start() for _ in range(15)]
    until(lambda: bool(stack.noted(runs[2], "effect")))
    stack.postgres.restart()
    _until_connected()
    stack.wait_for(runs)
    for run in runs:
        stack.assert_whole(run)


def test_a_restarted_broker_delays_the_run_by_seconds(stack: Stack) -> None:
    runs = [stack.start() for _ in range(10)]
    until(lambda: bool(stack.noted(runs[2], "effect")))
    stack.broker.restart()
    stack.wait_for(runs)
    for run in runs:
        stack.assert_whole(run)


def started(stack: Stack) -> tuple[float, Run]:
    """Start a run; return how many seconds that took, and the run."""
    began = time.monotonic()
    run = stack.start(LINE)
    return time.monotonic() - began, run


def started_at_once(stack: Stack, away: Callable[[Valkey], AbstractContextManager[None]]) -> list[Run]:
    """Start runs while the broker is away, again where the machine was busy; assert that nothing was waited for."""
    usual, _ = started(stack)
    runs: list[Run] = []
    took: list[float] = []
    while not took or (took[-1] >= AT_ONCE_SECONDS + SLOWER_AT_MOST * usual and len(took) < TRIES):
        with away(stack.broker):
            seen = [started(stack) for _ in range(3)]
        runs += [run for _, run in seen]
        took.append(sum(seconds for seconds, _ in seen))
    assert took[-1] < AT_ONCE_SECONDS + SLOWER_AT_MOST * usual, (took, usual)
    return runs


@contextmanager
def dead(broker: Valkey) -> Iterator[None]:
    broker.stop()
    try:
        yield
    finally:
        broker.start()


@contextmanager
def frozen(broker: Valkey) -> Iterator[None]:
    os.killpg(broker.child.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.killpg(broker.child.pid, signal.SIGCONT)


def test_a_dead_broker_neither_blocks_nor_fails_a_start_and_the_run_begins_when_it_is_back(stack: Stack) -> None:
    runs = started_at_once(stack, dead)
    stack.wait_for(runs)
    for run in runs:
        stack.assert_whole(run)


def test_a_frozen_broker_neither_blocks_nor_fails_a_start(stack: Stack) -> None:
    stack.wait_for(started_at_once(stack, frozen))


def test_a_waiting_run_holds_nothing_and_outlives_a_restart_of_everything(stack: Stack) -> None:
    run = stack.start(DIAMOND, question=["ask"])
    stack.wait_for([run], "waiting")
    nudges.flush()
    until(lambda: _messages_about(stack, str(run.pk)) == 0)
    stack.stop_workers()
    stack.broker.empty()
    stack.postgres.restart()
    _until_connected()
    stack.start_workers()
    services.answer(name=f"question:{run.pk}", answer_id=f"answer:{run.pk}", payload={"word": "yes"})
    stack.wait_for([run])
    stack.assert_whole(run)


def test_a_worker_that_is_asked_to_stop_ends_its_step_first(stack: Stack) -> None:
    run = stack.start(DIAMOND)
    until(lambda: bool(stack.noted(run, "call")))
    stack.stop_workers()
    assert not Attempt.objects.filter(step__run=run).exclude(result="done").exists()
    stack.start_workers()
    stack.wait_for([run])
    stack.assert_whole(run)


def test_a_worker_that_is_asked_to_stop_does_not_outlast_its_soft_limit(stack: Stack) -> None:
    run = stack.start(PATIENT, one=["slow"])
    until(lambda: bool(stack.noted(run, "call")))
    stack.stop_workers()
    assert not Attempt.objects.filter(step__run=run).exists(), "the step was waited for"
    services.cancel(run.pk, actor=SYSTEM)
    stack.wait_for([run], "cancelled")


def _messages_about(stack: Stack, text: str) -> int:
    """Return how many keys of the broker hold a message about something: queued, taken or delayed."""
    with redis.Redis.from_url(stack.broker.url) as client:
        queued = [message for name in app.conf.task_queues for message in client.lrange(name.name, 0, -1)]
        return sum(text.encode() in value for value in [*queued, *client.hvals("unacked")])


def _until_connected() -> None:
    """Wait until this process's connection to the restarted database works."""

    def works() -> bool:
        try:
            connection.close()
            connection.ensure_connection()
        except OperationalError:
            return False
        return True

    until(works)
