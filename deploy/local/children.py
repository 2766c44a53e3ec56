"""Child processes of the launcher: each in a group of its own, tied to its parent's life, known by a pid file.

A pid file holds the pid and the moment the process began, so a number that was given to another process meanwhile is
never signalled.
"""

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from signal import SIGKILL, SIGTERM, Signals

import psutil

from deploy.local.errors import CannotStart, last_lines

_LEASH = Path(__file__).with_name("leash.py")
_PROBE_EVERY = timedelta(milliseconds=15)
_START_TIME_TOLERANCE_SECONDS = 1.0


@dataclass(kw_only=True)
class Child:
    """One process that the launcher starts, watches and stops."""

    name: str
    command: Sequence[str]
    log: Path
    pid_file: Path
    env: Mapping[str, str] | None = None
    cwd: Path | None = None
    stop_signal: Signals = SIGTERM
    orphan_signal: Signals = SIGTERM
    grace: timedelta = timedelta(seconds=10)
    _log_start: int = field(default=0, init=False)
    _buried: bool = field(default=False, init=False)
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    @property
    def pid(self) -> int:
        """Return the process id; the child must have been started."""
        return self._started().pid

    @property
    def alive(self) -> bool:
        """Return whether the process runs now."""
        return self._process is not None and self._process.poll() is None

    @property
    def exit_code(self) -> int | None:
        """Return how it ended, negative for a signal, or None while it runs or was never started."""
        return self._process.poll() if self._process else None

    def start(self) -> None:
        """Start it. Raises CannotStart when the system refuses."""
        leash = [sys.executable, "-I", "-S", str(_LEASH), str(os.getpid()), str(int(self.orphan_signal))]
        try:
            with self.log.open("ab") as log:
                self._log_start = log.tell()
                self._process = subprocess.Popen(
                    [*leash, *self.command],
                    env=None if self.env is None else dict(self.env),
                    cwd=self.cwd,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            self._buried = False
            note(self.pid_file, self._process.pid)
        except OSError as error:
            self.kill()
            raise CannotStart(
                f"{self.name} could not be started: {error.strerror} ({error.filename}).",
                hint="Make sure that the data directory is writable and its disk is not full.",
            ) from error

    def wait_ready(self, probe: Callable[[], bool], *, within: timedelta) -> None:
        """Return once the probe says yes. Raises CannotStart with the end of its log if it dies or never is ready."""
        deadline = time.monotonic() + within.total_seconds()
        while not probe():
            if self.ended(within=_PROBE_EVERY):
                raise CannotStart(
                    f"{self.name} ended at its start with code {self.exit_code}. The end of {self.log}:",
                    hint=last_lines(self.log),
                )
            if time.monotonic() > deadline:
                raise CannotStart(
                    f"{self.name} was not ready after {within.total_seconds():.0f} s. The end of {self.log}:",
                    hint=last_lines(self.log),
                )

    def logged(self, words: str) -> Callable[[], bool]:
        """Return a probe that says yes once the child has logged these words since its present start."""
        start = self._log_start

        def probe() -> bool:
            with self.log.open("rb") as log:
                log.seek(start)
                return words.encode() in log.read()

        return probe

    def ended(self, *, within: timedelta) -> bool:
        """Wait up to `within` for the process to end; return whether it has."""
        try:
            self._started().wait(within.total_seconds())
        except subprocess.TimeoutExpired:
            return False
        return True

    def ask_to_stop(self) -> None:
        """Send the stop signal without waiting, so that several children can stop side by side."""
        if self._process is not None and self.alive:
            self._process.send_signal(self.stop_signal)

    def stop(self) -> None:
        """Ask it to stop, wait for its grace time, then kill what is left of its group."""
        if self._process is None:
            return
        self.ask_to_stop()
        self.ended(within=self.grace)
        self.kill()

    def kill(self) -> None:
        """Kill the whole group at once and forget the pid file."""
        if self._process is None or self._buried:
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, SIGKILL)
        self._process.wait()
        self._buried = True  # its number may belong to somebody else from now on
        self.pid_file.unlink(missing_ok=True)

    def _started(self) -> subprocess.Popen[bytes]:
        if self._process is None:
            raise RuntimeError(f"{self.name} was not started")
        return self._process


class Group:
    """Children that are asked to stop all together before any of them is waited for."""

    def __init__(self) -> None:
        self._children: list[Child] = []

    def add(self, child: Child) -> None:
        """Take a child in, before it is started."""
        self._children.append(child)

    def stop(self) -> None:
        """Stop all."""
        for child in self._children:
            child.ask_to_stop()
        for child in self._children:
            child.stop()


def leftover(pid_file: Path) -> psutil.Process | None:
    """Return the process that a pid file of an earlier launcher names, if that very process still runs."""
    try:
        noted = json.loads(pid_file.read_text(encoding="utf-8"))
        process = psutil.Process(int(noted["pid"]))
        same = abs(process.create_time() - float(noted["began"])) < _START_TIME_TOLERANCE_SECONDS
        return process if same and _runs(process) else None
    except (OSError, ValueError, KeyError, TypeError, psutil.Error):
        return None


def stop_leftovers(pid_files: Sequence[Path], *, grace: timedelta) -> list[str]:
    """Stop what an earlier launcher left, known by pid and start time, never by name; return the names of the parts."""
    left = {path: process for path in pid_files if (process := leftover(path))}
    for process in left.values():
        with contextlib.suppress(psutil.Error):
            process.terminate()
    still_there(list(left.values()), within=grace)
    for process in left.values():
        with contextlib.suppress(psutil.Error, ProcessLookupError, PermissionError):
            os.killpg(process.pid, SIGKILL)  # its own group, since each child leads one; empty when all went well
    still_there(list(left.values()), within=grace)
    for path in pid_files:
        path.unlink(missing_ok=True)
    return [path.stem for path in left]


def still_there(processes: Sequence[psutil.Process], *, within: timedelta) -> list[psutil.Process]:
    """Wait up to `within` for processes to end; return those that have not.

    One that has ended but was not fetched by its parent counts as gone: in a container nobody may ever fetch it.
    """
    deadline = time.monotonic() + within.total_seconds()
    left = list(processes)
    while left and time.monotonic() < deadline:
        _, left = psutil.wait_procs(left, timeout=_PROBE_EVERY.total_seconds())
        left = [process for process in left if _runs(process)]
    return left


def _runs(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def note(pid_file: Path, pid: int) -> None:
    """Write the pid file of a process that runs now."""
    fresh = pid_file.with_suffix(".new")
    fresh.write_text(json.dumps({"pid": pid, "began": psutil.Process(pid).create_time()}), encoding="utf-8")
    fresh.replace(pid_file)
