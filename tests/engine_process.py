"""Real Celery workers and beats for tests, as processes of their own, gone with the test whatever happens."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DEADLINE_SECONDS = 180.0


def celery_process(words: Sequence[str], log: Path, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Start `celery -A meshsix.celery WORDS` in a process group of its own."""
    with log.open("ab") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "celery", "-A", "meshsix.celery", *words],
            cwd=ROOT,
            env=os.environ | environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def kill(process: subprocess.Popen[bytes]) -> None:
    """Kill a process and its children, as a lost machine would."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(timeout=DEADLINE_SECONDS)


def start_worker(
    name: str, log: Path, environment: Mapping[str, str], options: Sequence[str]
) -> subprocess.Popen[bytes]:
    """Start one worker; `options` are those of the platform, perhaps with more."""
    return celery_process(["worker", f"--hostname={name}@%h", "--loglevel=INFO", *options], log, environment)


@contextmanager
def workers(
    count: int, log: Path, environment: Mapping[str, str], options: Sequence[str]
) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Run `count` workers for the length of the block."""
    with ExitStack() as stack:
        started = []
        for number in range(count):
            process = start_worker(f"w{number}", log, environment, options)
            stack.callback(kill, process)
            started.append(process)
        yield started


@contextmanager
def beat(log: Path, environment: Mapping[str, str], options: Sequence[str]) -> Iterator[subprocess.Popen[bytes]]:
    """Run a beat for the length of the block."""
    process = celery_process(["beat", "--loglevel=INFO", *options], log, environment)
    try:
        yield process
    finally:
        kill(process)


def wait_for_line(log: Path, text: str, *, times: int = 1) -> None:
    """Wait until a log has a text so many times."""
    ends = time.monotonic() + DEADLINE_SECONDS
    while log.read_text(errors="replace").count(text) < times:
        assert time.monotonic() < ends, f"{text!r} never stood in the log:\n{log.read_text(errors='replace')[-3000:]}"
        time.sleep(0.05)
