"""Agents outside as programs: the reference client in a process of its own, and many who ask at once."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from pytest_django.live_server_helper import LiveServer

from apps.agents.registry.models import Agent, Instance, Task
from apps.agents.registry.services import cancelling, dispatching, outside, registration, watching
from apps.agents.registry.services.outside import Grant
from deploy.local.options import BASE
from meshsix.kit import clock
from meshsix.live.models import Event
from tests.platform import eventually
from tests.service.registry.conftest import BERT, Office
from tests.service.registry.outside_calls import PARROT, call, shout, token_of

__all__ = ["call"]


@contextmanager
def parrot(live_server: LiveServer, *words: str, token: str = "") -> Iterator[subprocess.Popen[str]]:
    """Run the reference client until the end of the block."""
    environment = {"PATH": os.environ["PATH"], "MESH_SIX_TOKEN": token or token_of("parrot", "shout")}
    command = [sys.executable, "-m", "deploy.sandbox.agent", "--url", live_server.url, "--agent", "parrot"]
    process = subprocess.Popen(
        [*command, "--capability", "shout", *words],
        env=environment,
        cwd=BASE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        eventually(lambda: Instance.objects.filter(stopped_at=None).exists())
        yield process
    finally:
        process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def has(task: Task, status: str) -> bool:
    task.refresh_from_db()
    return task.status == status


@pytest.mark.django_db(transaction=True)
def test_a_program_in_another_process_does_all_that_an_agent_does(office: Office, live_server: LiveServer) -> None:
    with parrot(live_server, "--beat-seconds", "0.2") as process:
        tasks = [shout(office, {"text": str(number)}) for number in range(5)]
        for task in tasks:
            eventually(lambda task=task: dispatching.dispatch(task.pk) and has(task, "completed"))  # type: ignore[misc] # bound
        assert [task.result for task in tasks] == [{"text": str(number), "by": "parrot"} for number in range(5)]
        long = shout(office, {"seconds": 600})
        eventually(lambda: has(long, "running"))
        cancelling.cancel(long.pk, actor=BERT)
        eventually(lambda: has(long, "cancelled"))
        process.terminate()
        assert process.wait(60) == 0
    instance = Instance.objects.get()
    assert instance.stop_reason == "sigterm"
    assert Agent.objects.get().status == "offline"
    told = office.event(tasks[0], "task.progress")
    assert (told["attempt"], told["status"], told["details"]) == (1, "began", {"instance": instance.instance_id})


@pytest.mark.django_db(transaction=True)
def test_a_program_reports_that_it_failed_and_how(office: Office, live_server: LiveServer) -> None:
    with parrot(live_server):
        task = shout(office, {"fail": "permanent"})
        eventually(lambda: dispatching.dispatch(task.pk) and has(task, "failed"))
    assert office.history(task) == [(1, "parrot", "permanent", True)]
    told = office.event(task, "task.result.failure")
    assert (told["error_type"], told["message"], told["final"]) == ("permanent", "As the payload wished.", True)


@pytest.mark.django_db(transaction=True)
def test_a_program_ends_what_is_not_its_own_any_more(office: Office, live_server: LiveServer) -> None:
    with parrot(live_server, "--beat-seconds", "0.2") as process:
        task = shout(office, {"seconds": 600}, timeout_seconds=600, max_attempts=1)
        eventually(lambda: has(task, "running"))
        office.spend(task, deadline_at=clock.now() - timedelta(seconds=1))
        watching.sweep(clock.now())
        assert has(task, "timeout")
        eventually(Event.objects.filter(aggregate_id=f"task:{task.pk}", payload__status="late_result").exists)
        process.terminate()
        said = process.communicate(timeout=60)[0]
    assert [json.loads(line) for line in said.splitlines() if '"refused"' in line] == [
        {"event": "refused", "task": str(task.pk), "code": "tasks:late-result"}
    ]
    assert (has(task, "timeout"), office.history(task)) == (True, [(1, "parrot", "timeout", True)])


@pytest.mark.django_db(transaction=True)
def test_a_program_that_was_given_up_while_it_slept_works_on(office: Office, live_server: LiveServer) -> None:
    office.succeeded("parrot", "+++", capability="shout")
    with parrot(live_server) as process:
        own = Instance.objects.get().instance_id
        task = shout(office, {"seconds": 10}, timeout_seconds=600)
        eventually(lambda: has(task, "running"))
        process.send_signal(signal.SIGSTOP)

        def is_given_up() -> bool:
            office.age("parrot", 121, own)
            watching.sweep(clock.now())
            return registration.watch() == 1

        eventually(is_given_up)
        assert (Agent.objects.get().status, office.history(task)) == ("offline", [(1, "parrot", "agent_lost", True)])
        office.spend(task, payload={"text": "at once"})
        process.send_signal(signal.SIGCONT)
        eventually(lambda: office.again(task).status == "completed")
        late = Event.objects.filter(aggregate_id=f"task:{task.pk}", payload__status="late_result")
        eventually(late.exists)
        assert registration.watch() == 1
    assert office.history(task) == [(1, "parrot", "agent_lost", True), (2, "parrot", "", True)]
    assert (task.instance_id, Agent.objects.get().status) == (own, "online")


@pytest.mark.django_db(transaction=True)
def test_a_program_whose_agent_was_taken_off_registers_again(office: Office, live_server: LiveServer) -> None:
    with parrot(live_server, "--beat-seconds", "0.2"):
        own = Instance.objects.get().instance_id
        registration.deregister("parrot", actor=BERT)
        eventually(lambda: Instance.objects.filter(instance_id=own).exists())
        task = shout(office)
        eventually(lambda: dispatching.dispatch(task.pk) and has(task, "completed"))
    assert task.instance_id == own
    told = Event.objects.filter(aggregate_id="agent:parrot", event_type="agent.registered").order_by("aggregate_seq")
    assert [event.payload["instance_id"] for event in told] == [own, own]


@pytest.mark.django_db(transaction=True)
def test_the_task_of_one_that_falls_silent_is_done_by_another(office: Office, live_server: LiveServer) -> None:
    office.succeeded("parrot", "+++", capability="shout")
    with parrot(live_server, "--silent"):
        task = shout(office, timeout_seconds=600)
        eventually(lambda: has(task, "running"))
    silent = task.instance_id
    office.age("parrot", 121, silent)
    with parrot(live_server):
        watching.sweep(clock.now())
        eventually(lambda: dispatching.dispatch(task.pk) and has(task, "completed"))
    assert office.history(task)[0] == (1, "parrot", "agent_lost", True)
    assert task.instance_id != silent


@pytest.mark.django_db(transaction=True)
def test_a_lease_waits_for_a_task(office: Office) -> None:
    call = Client()
    headers = {"Authorization": f"Bearer {token_of('parrot', 'shout')}"}
    call.post("/api/agents", PARROT, "application/json", headers=headers)

    def submitting() -> None:
        shout(office)
        connection.close()

    def leased(wait_seconds: int) -> list[Any]:
        body = {"instance_id": "one", "wait_seconds": wait_seconds}
        answer = call.post("/api/agents/parrot/leases", body, "application/json", headers=headers)
        found: list[Any] = answer.json()["leases"]
        return found

    began = time.monotonic()
    assert leased(1) == []
    assert time.monotonic() - began >= 1
    later = threading.Timer(1, submitting)
    later.start()
    assert len(eventually(lambda: leased(20))) == 1
    later.join()


@pytest.mark.django_db(transaction=True)
def test_a_task_is_leased_once_however_many_ask(office: Office) -> None:
    grant = Grant(agent_id="parrot", capabilities=frozenset({"shout"}), projects=None)
    call = Client()
    headers = {"Authorization": f"Bearer {token_of('parrot', 'shout')}"}
    call.post("/api/agents", {**PARROT, "max_concurrency": 10}, "application/json", headers=headers)
    tasks = {shout(office).pk for _ in range(10)}
    taken: list[Any] = []

    def take() -> None:
        taken.extend(task.pk for task in outside.lease(grant, "one", most=5))
        connection.close()

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(taken), set(taken)) == (10, tasks)
