"""Whoever takes a task or works on it is killed before each of its statements: what was accepted ends once."""

import os
import subprocess
import sys
from uuid import uuid4

import pytest
from pytest_django import Settings

from apps.agents.registry import definitions
from apps.agents.registry.agent import Agent as BaseAgent
from apps.agents.registry.models import Agent, Task
from apps.agents.registry.services import registration, submission
from apps.agents.registry.words import Request
from meshsix.kit.actor import SYSTEM
from tests.crash.registry.conftest import Stack
from tests.engine_process import ROOT
from tests.registry_agents import AGENTS, Alpha, Steady

pytestmark = pytest.mark.xdist_group("registry-crashes")
SECONDS = 3
MORE_THAN_STATEMENTS = 32


def dying(stack: Stack, *words: str) -> int:
    """Let it be done until it gets through; return how often it was tried."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.crash.registry.dies_at", *words],
        cwd=ROOT,
        env=os.environ | stack.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return int(done.stdout)


def test_whoever_takes_a_task_may_die_anywhere_and_its_key_makes_it_once(stack: Stack) -> None:
    prefix = uuid4().hex
    tried = dying(stack, "submit", prefix)
    assert tried > 6
    accepted = Task.objects.filter(idempotency_key__startswith=prefix).count()
    assert 0 < accepted < tried
    again = [
        submission.submit(
            Request(capability="echo", payload={"text": "hello"}, idempotency_key=f"{prefix}-{number}"), actor=SYSTEM
        ).task
        for number in range(1, tried + 1)
    ]
    stack.wait_for(again)
    for task in again:
        stack.assert_whole(task)
    assert Task.objects.filter(idempotency_key__startswith=prefix).count() == tried


def test_whoever_works_on_a_task_may_die_anywhere_and_it_ends_once_as_it_would_have(stack: Stack) -> None:
    stack.stop_agent("alpha")
    sound, bound_to_fail = worked_on(stack, Alpha, "echo", timeout_seconds=SECONDS)
    assert_ended(stack, sound, bound_to_fail)


def test_what_a_workflow_serves_goes_on_wherever_its_worker_dies(stack: Stack, settings: Settings) -> None:
    settings.AGENTS = AGENTS
    sound, bound_to_fail = worked_on(stack, Steady, "twice")
    stack.start_agents(["steady"])
    assert_ended(stack, sound, bound_to_fail)
    stack.stop_agent("steady")


def worked_on(stack: Stack, kind: type[BaseAgent], capability: str, **more: object) -> tuple[list[Task], list[Task]]:
    """Return tasks that can be done and others that are bound to fail, as an instance left them that now is gone.

    In each it died at another statement, until it got through; those behind that one it did not begin.
    """
    name, instance_id = kind.agent_id, uuid4().hex
    registration.register(definitions.from_class(kind).definition, instance_id=instance_id)
    Agent.objects.filter(pk=name).update(max_concurrency=100)
    asked = {"capability": capability, "wait_seconds": 3600, **more}
    sound = [stack.submit("ok", **asked) for _ in range(MORE_THAN_STATEMENTS)]
    bound_to_fail = [stack.submit("permanent", **asked) for _ in range(MORE_THAN_STATEMENTS)]
    stack.wait_for(sound + bound_to_fail, "dispatched")  # a sweep may have had one in hand as it was submitted
    assert set(Task.objects.filter(status="dispatched").values_list("dispatched_to", flat=True)) == {name}
    stack.be_patient(name, sound + bound_to_fail)
    for tasks in (sound, bound_to_fail):
        tried = dying(stack, "work", instance_id, *(str(task.pk) for task in tasks))
        assert 10 < tried < MORE_THAN_STATEMENTS
    registration.leave(name, instance_id, reason=registration.SIGTERM)
    stack.forget_died(sound + bound_to_fail)
    return sound, bound_to_fail


def assert_ended(stack: Stack, sound: list[Task], bound_to_fail: list[Task]) -> None:
    """All end as they would have if nobody had died, each once."""
    stack.wait_until_ended(sound + bound_to_fail)
    for task in sound + bound_to_fail:
        stack.assert_unbegun_tell_nothing(task)
    for task in sound:
        stack.assert_whole(task)
    for task in bound_to_fail:
        stack.assert_failed_once(task, "test:no-way")
