"""Whoever takes a task or works on it is killed before each of its statements: what was accepted ends once."""

import os
import subprocess
import sys
from uuid import uuid4

from apps.agents.registry import definitions
from apps.agents.registry.models import Agent, Task
from apps.agents.registry.services import registration, submission
from apps.agents.registry.words import Request
from meshsix.kit.actor import SYSTEM
from tests.crash.registry.conftest import Stack
from tests.engine_process import ROOT
from tests.registry_agents import Alpha

SECONDS = 3
MORE_THAN_STATEMENTS = 80


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
    assert tried > 10
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


def test_whoever_works_on_a_task_may_die_anywhere_and_it_ends_once(stack: Stack) -> None:
    stack.stop_agent("alpha")
    instance_id = uuid4().hex
    registration.register(definitions.from_class(Alpha).definition, instance_id=instance_id)
    Agent.objects.filter(pk="alpha").update(max_concurrency=100)
    tasks = [stack.submit(timeout_seconds=SECONDS, wait_seconds=3600) for _ in range(MORE_THAN_STATEMENTS)]
    assert {task.dispatched_to for task in tasks} == {"alpha"}
    tried = dying(stack, "work", instance_id, *(str(task.pk) for task in tasks))
    assert 10 < tried < MORE_THAN_STATEMENTS
    registration.leave("alpha", instance_id, reason=registration.SIGTERM)
    stack.wait_for_many(tasks)
    for task in tasks:
        stack.assert_whole(task)
    Agent.objects.filter(pk="alpha").update(max_concurrency=2)
