"""What a durable step costs: 14 empty steps, 100 runs at once, beside a plain Celery chain and beside DBOS.

Run `python -m tests.perf.bench_engine`. All three use the same PostgreSQL and Valkey, two worker processes each, and
the same clock: from the first request to start a run until the last step of the last run. The gap is the time from the
end of a run's step to the beginning of its next one. Processor time is that of everything: client, workers, servers.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from itertools import pairwise
from pathlib import Path
from uuid import uuid4

import psutil

from tests import servers
from tests.engine_process import ROOT, wait_for_line, workers
from tests.perf.sizes import size

RUNS = size(100, small=10)
PROCESSES = 2
ROUNDS = size(3, small=1)
DEADLINE_SECONDS = 120.0

if "DJANGO_SECRET_KEY" not in os.environ:
    servers.set_environment()
os.environ["DURABLE_WORKFLOWS"] = "tests.perf.engine_jobs.BLANK"

import django  # noqa: E402 - after the environment is set

django.setup()

from django.core.management import call_command  # noqa: E402 - after django.setup

from meshsix.celery import WORKER_OPTIONS  # noqa: E402 - after django.setup
from meshsix.durable import services  # noqa: E402 - after django.setup
from meshsix.kit.actor import SYSTEM  # noqa: E402 - after django.setup
from tests.perf.engine_jobs import BLANK, NOTES, STEPS, Ask, plain_chain  # noqa: E402 - after django.setup

Figures = dict[str, float]


def _measure(notes: Path, start_all: Callable[[], None]) -> Figures:
    """Start all runs, wait until each step has noted itself, return the figures."""
    notes.write_text("")
    spent = _cpu_seconds()
    began = time.monotonic()
    start_all()
    _wait(notes)
    return _figures(notes, began, spent)


def _wait(notes: Path) -> None:
    ends = time.monotonic() + DEADLINE_SECONDS
    while notes.read_bytes().count(b"\n") < RUNS * STEPS:
        assert time.monotonic() < ends, "the runs did not finish"
        time.sleep(0.02)


def _cpu_seconds() -> float:
    """Return the processor time that this process and all below it have used: workers, servers, everything."""
    total = 0.0
    me = psutil.Process()
    for process in [me, *me.children(recursive=True)]:
        with suppress(psutil.NoSuchProcess):
            times = process.cpu_times()
            total += times.user + times.system
    return total


def _figures(notes: Path, began: float, spent: float) -> Figures:
    moments: dict[str, list[float]] = defaultdict(list)
    for line in notes.read_text().splitlines():
        run, _step, moment = line.split()
        moments[run].append(float(moment))
    assert {len(times) for times in moments.values()} == {STEPS}, "a step ran twice or never"
    gaps = [later - earlier for times in moments.values() for earlier, later in pairwise(times)]
    cuts = statistics.quantiles(gaps, n=20)
    return {
        "steps_per_second": round(RUNS * STEPS / (max(max(times) for times in moments.values()) - began)),
        "cpu_ms_per_step": round((_cpu_seconds() - spent) / (RUNS * STEPS) * 1000, 2),
        "gap_p50_ms": round(cuts[9] * 1000, 2),
        "gap_p95_ms": round(cuts[18] * 1000, 2),
    }


def _start_durable() -> None:
    for number in range(RUNS):
        services.start(BLANK, key=f"bench:{uuid4()}", ask=Ask(number=number), actor=SYSTEM)


def _start_chains() -> None:
    for number in range(RUNS):
        plain_chain(number).apply_async()


def _measure_dbos(notes: Path, directory: Path) -> Figures:
    """Run the same steps as DBOS workflows, in as many processes as the others have."""
    notes.write_text("")
    environment = os.environ | {"BENCH_GO": str(directory / "go"), NOTES: str(notes)}
    share = RUNS // PROCESSES
    children = [
        subprocess.Popen(
            [sys.executable, "-m", "tests.perf.dbos_jobs", str(number * share), str((number + 1) * share)],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        for number in range(PROCESSES)
    ]
    for child in children:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
    spent = _cpu_seconds()
    began = time.monotonic()
    (directory / "go").touch()
    _wait(notes)
    figures = _figures(notes, began, spent)
    for child in children:
        child.communicate(timeout=DEADLINE_SECONDS)
    (directory / "go").unlink()
    return figures


def _best(rounds: list[Figures]) -> Figures:
    return max(rounds, key=lambda figures: figures["steps_per_second"])


def measure() -> dict[str, Figures | dict[str, float]]:
    """Return the best of three rounds of each, and how many times faster the engine is."""
    directory = Path(tempfile.mkdtemp(dir=servers.place().root))
    notes, log = directory / "notes", directory / "worker.log"
    notes.touch()
    log.touch()
    os.environ[NOTES] = str(notes)
    options = [*WORKER_OPTIONS, "--include=tests.perf.engine_jobs"]
    with workers(PROCESSES, log, {"LOG_LEVEL": "WARNING"}, options):
        wait_for_line(log, " ready.", times=PROCESSES)
        durable = _best([_measure(notes, _start_durable) for _ in range(ROUNDS)])
        chains = _best([_measure(notes, _start_chains) for _ in range(ROUNDS)])
    dbos = _best([_measure_dbos(notes, directory) for _ in range(ROUNDS)])
    return {
        "engine": durable,
        "celery_chain": chains,
        "dbos": dbos,
        "ratios": {
            "steps_vs_celery_chain": round(durable["steps_per_second"] / chains["steps_per_second"], 2),
            "steps_vs_dbos": round(durable["steps_per_second"] / dbos["steps_per_second"], 2),
            "gap_p95_vs_celery_chain": round(chains["gap_p95_ms"] / durable["gap_p95_ms"], 2),
            "gap_p95_vs_dbos": round(dbos["gap_p95_ms"] / durable["gap_p95_ms"], 2),
        },
    }


if __name__ == "__main__":
    call_command("migrate", verbosity=0, skip_checks=True)
    sys.stdout.write(json.dumps(measure(), indent=2) + "\n")
