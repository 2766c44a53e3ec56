"""The launcher as a person uses it: a process with a terminal's output, started, read, killed and started again."""

import re
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from signal import SIGINT, SIGKILL
from types import TracebackType
from typing import Self

import psutil

from tests.servers import plain_environment
from tests.tree import BASE

DEADLINE_SECONDS = 300


class Launcher:
    """`python -m deploy.local up` on a data directory of its own."""

    def __init__(self, data: Path, **settings: str) -> None:
        self.data = data
        self.environ: Mapping[str, str] = (
            plain_environment() | {"MESHSIX_DATA": str(data), "MESHSIX_WORKERS": "1"} | settings
        )
        self.said = ""
        self.took_seconds = 0.0

    def __enter__(self) -> Self:
        return self.start()

    def start(self) -> Self:
        """Start it and return once it says that the platform is up."""
        began = time.monotonic()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "deploy.local", "up"],
            cwd=BASE,
            env=self.environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert self.process.stdout is not None
        self.said = ""
        while "Ctrl-C stops it" not in self.said:
            line = self.process.stdout.readline()
            assert line, f"the launcher ended: {self.said}"
            self.said += line
        self.took_seconds = time.monotonic() - began
        return self

    @property
    def url(self) -> str:
        """The address it printed."""
        found = re.search(r"http://127\.0\.0\.1:\d+", self.said)
        assert found is not None
        return found[0]

    def family(self) -> list[psutil.Process]:
        """Return all processes below the launcher."""
        return psutil.Process(self.process.pid).children(recursive=True)

    def names(self) -> set[str]:
        """Return the names of the parts that run."""
        return {path.stem for path in (self.data / "run").glob("*.json")} - {"launcher"}

    def kill(self) -> None:
        """Kill it, as nobody should."""
        with self.process:
            self.process.send_signal(SIGKILL)

    def stop(self) -> int:
        """Press Ctrl-C; return the exit code."""
        self.process.send_signal(SIGINT)
        return self.ended()

    def ended(self) -> int:
        """Wait for its end; return the exit code."""
        with self.process:
            assert self.process.stdout is not None
            self.said += "" if self.process.stdout.closed else self.process.stdout.read()
        return self.process.returncode

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process.poll() is None:
            self.stop()
        self.ended()


def run(data: Path, *words: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run one launcher command to its end."""
    return subprocess.run(
        [sys.executable, "-m", "deploy.local", *words],
        cwd=BASE,
        env=plain_environment() | {"MESHSIX_DATA": str(data)} | settings,
        capture_output=True,
        text=True,
        check=False,
        timeout=DEADLINE_SECONDS,
        stdin=subprocess.DEVNULL,
    )
