"""Two real agent processes, a worker and a beat on a PostgreSQL of their own, for all crash tests of the registry."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db.models.functions import Now
from pytest_django import DjangoDbBlocker

from apps.agents.registry.models import Agent, Capability, History, Instance, RoutingPolicy, Task
from apps.agents.registry.queries import agents as agent_queries
from apps.agents.registry.services import submission
from apps.agents.registry.states import ENDED
from apps.agents.registry.words import Request
from deploy.local.servers import Place, Postgres, Valkey
from meshsix.celery import BEAT_OPTIONS, WORKER_OPTIONS
from meshsix.durable import nudges, registry
from meshsix.durable.models import StepRow
from meshsix.kit import clock
from meshsix.kit.actor import SYSTEM
from meshsix.live.models import Event
from tests.crash.durable.conftest import _database, until
from tests.engine_process import DEADLINE_SECONDS, ROOT, celery_process, kill, start_worker
from tests.registry_agents import AGENTS

WORKFLOWS = "apps.agents.registry.workflow.ATTEMPT,apps.agents.registry.workflow.OUTSIDE,tests.registry_agents.TWICE"
STARTS_WITHIN_SECONDS = 180.0
FAST = {
    "DURABLE_WORKFLOWS": WORKFLOWS,
    "DURABLE_RECOVERY_INTERVAL_SECONDS": "0.5",
    "DURABLE_NUDGE_GRACE_SECONDS": "1",
    "DURABLE_LEASE_MARGIN_SECONDS": "0.5",
    "TASK_SWEEP_INTERVAL_SECONDS": "0.5",
    "WORKER_SOFT_SHUTDOWN_SECONDS": "3",
    "AGENTS": ",".join(f"{agent_id}={path}" for agent_id, path in AGENTS.items()),
    "LOG_LEVEL": "INFO",
}


class Stack:
    """The servers and processes, and what a test asks of them."""

    def __init__(self, postgres: Postgres, broker: Valkey, log: Path) -> None:
        self.postgres = postgres
        self.broker = broker
        self.log = log
        self.environment = {"DATABASE_URL": postgres.url(), "REDIS_URL": broker.url, **FAST}
        self.agents: dict[str, subprocess.Popen[bytes]] = {}
        self.beat: subprocess.Popen[bytes] | None = None

    def start_beat(self) -> None:
        """Let a beat make the sweeps due."""
        options = [*BEAT_OPTIONS, f"--schedule={self.log.parent}/beat"]
        self.beat = celery_process(["beat", "--loglevel=INFO", *options], self.log, self.environment)

    def kill_beat(self) -> None:
        """Kill the beat, if there is one."""
        if self.beat is not None:
            kill(self.beat)
            self.beat = None

    def start_agents(self, names: Collection[str]) -> None:
        """Let a process work as each of these agents, and wait until they take messages."""
        ready = self.log.read_text(errors="replace").count(" ready.")
        for name in names:
            with self.log.open("ab") as output:
                self.agents[name] = subprocess.Popen(
                    [sys.executable, "manage.py", "runagent", name],
                    cwd=ROOT,
                    env=os.environ | self.environment,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
        self._wait_for_ready(ready + len(names))

    def _wait_for_ready(self, times: int) -> None:
        """Wait until so many processes have begun, which takes long where many others do the same."""
        ends = time.monotonic() + STARTS_WITHIN_SECONDS
        while self.log.read_text(errors="replace").count(" ready.") < times:
            assert time.monotonic() < ends, self.log.read_text(errors="replace")[-3000:]
            time.sleep(0.2)

    def has(self, name: str) -> bool:
        """Return whether an agent's process runs."""
        process = self.agents.get(name)
        return process is not None and process.poll() is None

    def kill_agent(self, name: str) -> None:
        """Kill an agent's process, as a lost machine would."""
        kill(self.agents.pop(name))

    def kill_agents(self) -> None:
        for name in list(self.agents):
            self.kill_agent(name)

    def stop_agent(self, name: str) -> int:
        """Ask an agent's process to stop, as a deploy does, and return its exit code."""
        process = self.agents.pop(name)
        process.send_signal(signal.SIGTERM)
        return process.wait(timeout=DEADLINE_SECONDS)

    def forget_silent(self, name: str) -> None:
        """Let the beats of a killed process be as old as they will be."""
        Instance.objects.filter(agent_id=name).update(last_heartbeat_at=Now() - timedelta(seconds=200))

    def be_patient(self, name: str, tasks: Iterable[Task]) -> None:
        """Let an agent count as alive, and its tasks as just given to it, however slow the machine is."""
        later = timedelta(hours=1)
        Instance.objects.filter(agent_id=name, stopped_at=None).update(last_heartbeat_at=Now() + later)
        Task.objects.filter(pk__in=[task.pk for task in tasks]).update(dispatched_at=clock.now() + later)

    def forget_died(self, tasks: Iterable[Task]) -> None:
        """Let the leases of steps in which a process died be over, as they will be, and the patience with it too."""
        held = Task.objects.filter(pk__in=[task.pk for task in tasks])
        died = StepRow.objects.filter(run_id__in=held.values("run_id"), state="running")
        died.update(lease_until=clock.now())
        held.filter(status="dispatched").update(dispatched_at=clock.now() - timedelta(seconds=60))

    def submit(self, *modes: str, **more: object) -> Task:
        payload = {"text": "hello", "modes": list(modes or ("ok",)), **dict(_mapping(more.pop("payload", {})))}
        asked = {"capability": "echo", "payload": payload, **more}
        request = Request(**asked)  # type: ignore[arg-type] # fields of a Request
        return submission.submit(request, actor=SYSTEM).task

    def wait_for(self, tasks: Iterable[Task], status: str = "completed") -> None:
        """Wait until all tasks are in this state."""
        ids = [task.pk for task in tasks]
        until(
            lambda: not Task.objects.filter(pk__in=ids).exclude(status=status).exists(),
            lambda: str(
                list(
                    Task.objects.filter(pk__in=ids)
                    .exclude(status=status)
                    .values_list("status", "dispatched_to", "attempts", "wait_reason", "error")[:20]
                )
            ),
        )

    def wait_until_ended(self, tasks: Iterable[Task]) -> None:
        """Wait until all tasks have ended in some way, for as long as some of them always come to an end."""
        open_ones = Task.objects.filter(pk__in=[task.pk for task in tasks]).exclude(status__in=ENDED)
        left = open_ones.count()
        while left:
            self.forgive_failures()
            until(lambda before=left: open_ones.count() < before, lambda: f"{open_ones.count()} do not go on")  # type: ignore[misc] # bound at once
            left = open_ones.count()

    def forgive_failures(self) -> None:
        """Let agents get more work, as an operator does, however many attempts in a row failed as a test wanted."""
        Capability.objects.update(window_since=clock.now())

    def wait_until_running(self, task: Task) -> None:
        """Wait until the agent has begun and is in the middle of it."""
        until(lambda: Task.objects.filter(pk=task.pk, status="running").exists(), lambda: str(task.status))

    def assert_whole(self, task: Task) -> None:
        """It was completed, exactly one result was recorded, and the events have no gap."""
        task.refresh_from_db()
        assert task.status == "completed"
        assert History.objects.filter(task_id=task.pk, success=True).count() == 1
        assert [event.event_type for event in self.events(task)].count("task.result") == 1

    def assert_failed_once(self, task: Task, code: str) -> None:
        """It ended with this error, which one attempt met; no other one came after that, and the events have no gap."""
        task.refresh_from_db()
        assert task.error is not None
        assert (task.status, task.error["code"]) == ("failed", code)
        rows = History.objects.filter(task_id=task.pk).order_by("attempt")
        assert [row.attempt for row in rows if row.context["code"] == code] == [task.attempts] == [len(rows)]
        told = [event.payload["final"] for event in self.events(task) if "final" in event.payload]
        assert told == [False] * (task.attempts - 1) + [True]

    def assert_unbegun_tell_nothing(self, task: Task) -> None:
        """Attempts that nobody began cost none, and tell nothing of the agent."""
        begun = [event.payload["attempt"] for event in self.events(task) if event.payload.get("trigger") == "begun"]
        others = History.objects.filter(task_id=task.pk).exclude(attempt__in=begun)
        assert set(others.values_list("error_type", "counted")) <= {("not_started", False)}

    def events(self, task: Task) -> list[Event]:
        """Return the events of a task, whose numbers have no gap."""
        events = list(Event.objects.filter(aggregate_id=f"task:{task.pk}").order_by("aggregate_seq"))
        assert [event.aggregate_seq for event in events] == list(range(1, len(events) + 1))
        return events


def _mapping(value: object) -> Mapping[str, object]:
    assert isinstance(value, dict)
    return value


@pytest.fixture(scope="module")
def stack(
    tmp_path_factory: pytest.TempPathFactory, broker: Valkey, django_db_blocker: DjangoDbBlocker
) -> Iterator[Stack]:
    """Run a worker and a beat until the module's tests are done; agents are started by `agents`."""
    place = Place(root=tmp_path_factory.mktemp("crash"))
    place.make()
    log = place.root / "processes.log"
    log.touch()
    before = settings.DURABLE_WORKFLOWS
    with ExitStack() as closing:
        postgres = closing.enter_context(Postgres(place, password=uuid4().hex, durable=False))
        closing.enter_context(_database(postgres, django_db_blocker))
        call_command("migrate", verbosity=0, skip_checks=True)
        settings.DURABLE_WORKFLOWS = WORKFLOWS.split(",")
        registry.forget()
        made = Stack(postgres, broker, log)
        made.start_beat()
        closing.callback(made.kill_beat)
        worker = start_worker("w", log, made.environment, WORKER_OPTIONS)
        closing.callback(kill, worker)
        closing.callback(made.kill_agents)
        made._wait_for_ready(1)
        yield made
        nudges.flush()
    settings.DURABLE_WORKFLOWS = before
    registry.forget()


@pytest.fixture(autouse=True)
def agents(stack: Stack) -> None:
    """Begin each test with both agents there, without a bad name, and with the usual slots and policy."""
    RoutingPolicy.objects.filter(capability="echo").delete()
    gone = [name for name in ("alpha", "beta") if not stack.has(name)]
    for name in gone:
        stack.forget_silent(name)
    stack.start_agents(gone)
    assert agent_queries.status_of("alpha") == "online"
    Agent.objects.update(max_concurrency=2)
    stack.forgive_failures()
