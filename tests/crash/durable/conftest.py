"""Two real workers and two real beats on a PostgreSQL of their own, for all crash tests of the engine together."""

import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import psutil
import pytest
from django.core.management import call_command
from django.db import connection
from pytest_django import DjangoDbBlocker

from deploy.local.servers import Place, Postgres, Valkey
from meshsix.celery import BEAT_OPTIONS, WORKER_OPTIONS
from meshsix.durable import nudges, services
from meshsix.durable.definition import Workflow
from meshsix.durable.models import Run, StepRow
from meshsix.durable.states import StepState
from meshsix.kit import clock
from meshsix.kit.actor import SYSTEM
from meshsix.live.models import Event
from tests.durable_flows import DIAMOND, EFFECTS, STEPS_OF_DIAMOND, Ask
from tests.engine_process import DEADLINE_SECONDS, beat, kill, start_worker, wait_for_line

WORKERS = 2
BEATS = 2
FAST = {
    "DURABLE_WORKFLOWS": ",".join(f"tests.durable_flows.{name}" for name in ("LINE", "DIAMOND", "PATIENT")),
    "DURABLE_RECOVERY_INTERVAL_SECONDS": "0.4",
    "DURABLE_NUDGE_GRACE_SECONDS": "0.5",
    "DURABLE_LEASE_MARGIN_SECONDS": "0.3",
    "WORKER_SOFT_SHUTDOWN_SECONDS": "2",
    "LOG_LEVEL": "INFO",
}
TIMEOUTS = {DIAMOND.name: dict.fromkeys(STEPS_OF_DIAMOND, timedelta(seconds=10))}
"""A second may pass on a busy machine: the step would be called again."""


class Stack:
    """The servers, the workers, and what a test asks of them."""

    def __init__(self, postgres: Postgres, broker: Valkey, log: Path) -> None:
        self.postgres = postgres
        self.broker = broker
        self.log = log
        self.environment = {"DATABASE_URL": postgres.url(), "REDIS_URL": broker.url, **FAST}
        self.workers: list[subprocess.Popen[bytes]] = []
        self._ready = 0

    def start_workers(self, count: int = WORKERS) -> None:
        """Start workers and wait until they take messages."""
        self._ready = self.log.read_text(errors="replace").count(" ready.") + count
        for _ in range(count):
            name = f"w{uuid4().hex[:6]}"
            self.workers.append(start_worker(name, self.log, self.environment, WORKER_OPTIONS))

    def wait_ready(self) -> None:
        wait_for_line(self.log, " ready.", times=self._ready)

    def kill_workers(self) -> None:
        """Kill every worker with its children, as a lost machine would."""
        for worker in self.workers:
            kill(worker)
        self.workers.clear()

    def stop_workers(self) -> None:
        """Ask every worker to stop, as a deploy does, and wait until all are gone."""
        for worker in self.workers:
            worker.send_signal(signal.SIGTERM)
        for worker in self.workers:
            worker.wait(timeout=DEADLINE_SECONDS)
        self.workers.clear()

    def start(self, workflow: Workflow = DIAMOND, **script: list[str]) -> Run:
        timeouts = TIMEOUTS.get(workflow.name, {})
        return services.start(workflow, key=f"test:{uuid4()}", ask=Ask(script=script), actor=SYSTEM, timeouts=timeouts)

    def wait_for(self, runs: Iterable[Run], state: str = "completed") -> None:
        """Wait until all runs are in this state."""
        ids = [run.pk for run in runs]

        def reached() -> bool:
            _end_leases_of_the_dead()
            return not Run.objects.filter(pk__in=ids).exclude(state=state).exists()

        until(
            reached,
            lambda: str(list(Run.objects.filter(pk__in=ids).values_list("state", "error_code", "error_hint"))),
        )

    def noted(self, run: Run, kind: str) -> list[str]:
        with connection.cursor() as cursor:
            cursor.execute("SELECT step FROM test_effects WHERE run_id = %s AND kind = %s ORDER BY id", [run.pk, kind])
            return [row[0] for row in cursor.fetchall()]

    def assert_whole(self, run: Run) -> None:
        """Each effect of the run was made once, and its events have no gap."""
        assert sorted(self.noted(run, "effect")) == sorted(run.steps.values_list("name", flat=True))
        numbers = Event.objects.filter(aggregate_id=f"run:{run.pk}").order_by("aggregate_seq")
        assert list(numbers.values_list("aggregate_seq", flat=True)) == list(range(1, len(numbers) + 1))
        assert list(numbers.values_list("event_type", flat=True)).count("run-completed") == 1


def _end_leases_of_the_dead() -> None:
    """End the leases of processes that were killed: only time stands between the kill and that moment."""
    over = clock.now() - timedelta(seconds=1)
    running = StepRow.objects.filter(state=StepState.RUNNING)
    for owner in running.values_list("lease_owner", flat=True):
        if not _lives(int(owner.split(":")[1])):
            running.filter(lease_owner=owner).update(lease_until=over)


def _lives(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def until(holds: Callable[[], bool], describe: Callable[[], str] = str) -> None:
    """Wait until something holds, with a deadline."""
    ends = time.monotonic() + DEADLINE_SECONDS
    while not holds():
        assert time.monotonic() < ends, describe()
        time.sleep(0.03)


@contextmanager
def _database(postgres: Postgres, blocker: DjangoDbBlocker) -> Iterator[None]:
    """Let Django in this process use the stack's own PostgreSQL."""
    before = dict(connection.settings_dict)
    connection.close()
    connection.settings_dict.update(
        HOST="127.0.0.1",
        PORT=str(postgres.port),
        NAME="meshsix",
        USER="meshsix",
        PASSWORD=postgres.url().split(":")[2].split("@")[0],
    )
    with blocker.unblock():
        try:
            yield
        finally:
            connection.close()
            connection.settings_dict.clear()
            connection.settings_dict.update(before)


@pytest.fixture(scope="module")
def stack(
    tmp_path_factory: pytest.TempPathFactory, broker: Valkey, django_db_blocker: DjangoDbBlocker
) -> Iterator[Stack]:
    """Run two workers and two beats until the module's tests are done."""
    place = Place(root=tmp_path_factory.mktemp("crash"))
    place.make()
    log = place.root / "processes.log"
    log.touch()
    with ExitStack() as closing:
        postgres = closing.enter_context(Postgres(place, password=uuid4().hex, durable=False))
        closing.enter_context(_database(postgres, django_db_blocker))
        call_command("migrate", verbosity=0, skip_checks=True)
        with connection.cursor() as cursor:
            cursor.execute(EFFECTS)
        made = Stack(postgres, broker, log)
        closing.callback(made.kill_workers)
        for number in range(BEATS):
            closing.enter_context(beat(log, made.environment, [*BEAT_OPTIONS, f"--schedule={place.root}/beat{number}"]))
        made.start_workers()
        made.wait_ready()
        yield made
        nudges.flush()


@pytest.fixture(autouse=True)
def enough_workers(stack: Stack) -> None:
    """Begin each test with living workers."""
    stack.workers = [worker for worker in stack.workers if worker.poll() is None]
    if len(stack.workers) < WORKERS:
        stack.start_workers(WORKERS - len(stack.workers))
    stack.wait_ready()
