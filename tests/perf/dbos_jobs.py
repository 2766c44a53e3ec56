"""Fourteen empty steps as a DBOS workflow. Run as `python -m tests.perf.dbos_jobs FIRST LAST` by bench_engine."""

import logging
import os
import sys
import time
from pathlib import Path

from dbos import DBOS, DBOSConfig

STEPS = 14


def _note(run: int, step: int) -> None:
    os.write(_NOTES, f"{run} {step} {time.monotonic()}\n".encode())


@DBOS.step()
def empty(run: int, step: int) -> None:
    """Do nothing but note it."""
    _note(run, step)


@DBOS.workflow()
def blank(run: int) -> None:
    """Call all steps in turn."""
    for step in range(STEPS):
        empty(run, step)


def main() -> None:
    """Say `ready`, wait for the sign, run the workflows at once, end."""
    url = os.environ["DATABASE_URL"].replace("postgresql://", "postgresql+psycopg://")
    config: DBOSConfig = {"name": "bench", "system_database_url": url}
    DBOS(config=config)
    DBOS.launch()
    logging.disable(logging.CRITICAL)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    while not Path(os.environ["BENCH_GO"]).exists():
        time.sleep(0.005)
    handles = [DBOS.start_workflow(blank, run) for run in range(int(sys.argv[1]), int(sys.argv[2]))]
    for handle in handles:
        handle.get_result()
    DBOS.destroy()


if __name__ == "__main__":
    _NOTES = os.open(os.environ["BENCH_NOTES"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    main()
