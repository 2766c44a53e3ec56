"""How many tasks a second go from being asked for to their stored result, beside plain Celery tasks with results.

Run `python -m tests.perf.bench_dispatch`. The agent and the plain worker are two processes each, on one broker; what
they do is nothing. A task of ours is scored, given to the agent, run under a lease and kept with its
history and events in PostgreSQL; a plain one is a message and a key in the broker, which a restart may lose. A platform
worker gives out what waited for a slot. The time is from the first request to the last result. Processor time is that
of all processes of this bench and of the database, which a busy machine makes hardly longer.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil

from tests import servers
from tests.engine_process import ROOT, kill, wait_for_line, workers
from tests.perf.sizes import size

TASKS = size(400, small=20)
ROUNDS = size(3, small=1)
DEADLINE_SECONDS = 300.0
AGENT = "bench-nothing"

if "DJANGO_SECRET_KEY" not in os.environ:
    servers.set_environment()
os.environ["AGENTS"] = f"{AGENT}=tests.perf.dispatch_jobs.Nothing"

import django  # noqa: E402 - after the environment is set

django.setup()

from django.core.management import call_command  # noqa: E402 - after django.setup
from django.db import connection  # noqa: E402 - after django.setup

from apps.agents.registry.models import History, Task  # noqa: E402 - after django.setup
from apps.agents.registry.services import submission  # noqa: E402 - after django.setup
from apps.agents.registry.words import Request  # noqa: E402 - after django.setup
from meshsix.celery import WORKER_OPTIONS  # noqa: E402 - after django.setup
from meshsix.kit.actor import SYSTEM  # noqa: E402 - after django.setup
from tests.perf import plain_jobs, registry_rows  # noqa: E402 - after the environment is set

Figures = dict[str, float]


@contextmanager
def _process(words: list[str], log: Path) -> Iterator[None]:
    """Run `python -m WORDS` for the length of the block."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, *words], cwd=ROOT, stdout=output, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        wait_for_line(log, " ready.")
        yield
    finally:
        kill(process)


def _measured(round_of_tasks: Callable[[], Figures]) -> Figures:
    """Return the figures of a round with the processor time that a task took."""
    processes = list({psutil.Process(), *psutil.Process().children(recursive=True), *_backends()})
    before = registry_rows.spent(processes)
    figures = round_of_tasks()
    return figures | {"cpu_ms_per_task": round((registry_rows.spent(processes) - before) / TASKS * 1000, 1)}


def _backends() -> list[psutil.Process]:
    """Return the processes by which the database serves its clients."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend'")
        return [psutil.Process(pid) for (pid,) in cursor.fetchall()]


def _ours() -> Figures:
    """Ask for all tasks, wait until each has its result, return the figures."""
    before = Task.objects.filter(status="completed").count()
    began = time.monotonic()
    for number in range(TASKS):
        submission.submit(Request(capability="nothing", payload={"number": number}, wait_seconds=600), actor=SYSTEM)
    asked = time.monotonic()
    while Task.objects.filter(status="completed").count() - before < TASKS:
        assert time.monotonic() - began < DEADLINE_SECONDS, "the tasks did not finish"
        time.sleep(0.05)
    ended = time.monotonic()
    newest = History.objects.order_by("-id")[:TASKS]
    assert all(row.success for row in newest)
    return {
        "tasks_per_second": round(TASKS / (ended - began), 1),
        "asked_per_second": round(TASKS / (asked - began), 1),
    }


def _plain() -> Figures:
    began = time.monotonic()
    results = [plain_jobs.nothing.apply_async(args=(number,)) for number in range(TASKS)]
    asked = time.monotonic()
    for number, result in enumerate(results):
        assert result.get(timeout=DEADLINE_SECONDS) == {"number": number}
    ended = time.monotonic()
    return {
        "tasks_per_second": round(TASKS / (ended - began), 1),
        "asked_per_second": round(TASKS / (asked - began), 1),
    }


def _best(rounds: list[Figures]) -> Figures:
    return max(rounds, key=lambda figures: figures["tasks_per_second"])


def measure() -> dict[str, Figures]:
    """Return the best of some rounds of each, and how they compare."""
    directory = Path(tempfile.mkdtemp(dir=servers.place().root))
    words = ["-m", "celery", "-A", "tests.perf.plain_jobs:plain", "worker", "--pool=prefork", "--concurrency=2"]
    with ExitStack() as stack:
        log = directory / "worker.log"
        log.touch()
        stack.enter_context(workers(1, log, {"LOG_LEVEL": "WARNING"}, list(WORKER_OPTIONS)))
        wait_for_line(log, " ready.")
        for number in (1, 2):
            stack.enter_context(_process(["manage.py", "runagent", AGENT], directory / f"agent-{number}.log"))
        stack.enter_context(_process([*words, "--loglevel=INFO", "--without-gossip"], directory / "plain.log"))
        _ours()  # each thread makes its connection
        ours = _best([_measured(_ours) for _ in range(ROUNDS)])
        plain = _best([_measured(_plain) for _ in range(ROUNDS)])
    ratios = {
        "tasks_vs_plain_celery": round(ours["tasks_per_second"] / plain["tasks_per_second"], 3),
        "cpu_vs_plain_celery": round(ours["cpu_ms_per_task"] / plain["cpu_ms_per_task"], 1),
    }
    return {"agent": ours, "plain_celery": plain, "ratios": ratios}


if __name__ == "__main__":
    call_command("migrate", verbosity=0, skip_checks=True)
    sys.stdout.write(json.dumps(measure(), indent=2) + "\n")
