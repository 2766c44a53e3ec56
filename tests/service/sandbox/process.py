"""`python -m deploy.sandbox` as a real process for tests, which may be killed and started again on its directory."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import httpx

ROOT = Path(__file__).resolve().parents[3]
T = TypeVar("T")


def eventually(look: Callable[[], T | None], *, seconds: float = 60, what: str = "it") -> T:
    """Return the first true answer of `look`, or fail after the deadline."""
    deadline = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not come about within {seconds:g} s")
        time.sleep(0.02)


class Process:
    """The sandboxes of one configuration."""

    def __init__(self, directory: Path, config: Mapping[str, Any]) -> None:
        self.data = directory / "data"
        self._config = directory / "config.json"
        self._log = directory / "log"
        directory.mkdir(parents=True, exist_ok=True)
        self._config.write_text(json.dumps(config))
        self.urls: dict[str, str] = {}

    def start(self) -> None:
        """Start and wait until every vendor answers."""
        with self._log.open("ab") as log:
            self.child = subprocess.Popen(
                [sys.executable, "-m", "deploy.sandbox", "--data", self.data, "--config", self._config],
                cwd=ROOT,
                stdout=log,
                stderr=log,
            )
        eventually(self._is_ready, seconds=180, what=f"ports.json; the log says {self._log.read_text()!r};")
        ports = json.loads((self.data / "ports.json").read_text())
        self.urls = {name: f"http://127.0.0.1:{port}" for name, port in ports.items()}

    def _is_ready(self) -> bool:
        assert self.child.poll() is None, self._log.read_text()
        return (self.data / "ports.json").exists()

    def kill(self) -> None:
        """Kill it as a power cut would."""
        self.child.kill()
        self.child.wait()
        (self.data / "ports.json").unlink()

    def stop(self) -> float:
        """End it by SIGTERM; return how many seconds that took."""
        begun = time.monotonic()
        self.child.terminate()
        assert self.child.wait(timeout=60) == 0, self._log.read_text()
        return time.monotonic() - begun


@contextmanager
def running(directory: Path, config: Mapping[str, Any]) -> Iterator[Process]:
    """Serve sandboxes for the length of the block."""
    process = Process(directory, config)
    try:
        process.start()
        yield process
    finally:
        if process.child.poll() is None:
            process.child.kill()
            process.child.wait()


def http_of(process: Process, token: str = "kube-token") -> httpx.Client:
    """Return an HTTP client of the sandbox Kubernetes."""
    return httpx.Client(base_url=process.urls["kubernetes"], headers={"Authorization": f"Bearer {token}"}, timeout=60)
