"""Sends signed deliveries with `wrk`, and the servers that take them, each a process of its own.

The payloads are signed before the run: the signature is that of the body, and only `X-GitHub-Delivery`, which it does
not cover, has to be new each time. So the sender costs little beside what it measures.
"""

import hashlib
import hmac
import json
import os
import random
import re
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

PAYLOAD_BYTES = 10 * 1024
_PAYLOADS = 8
_START_WITHIN_SECONDS = 60.0
_SCRIPT = r"""
local tid, seed, count, threads = 0, "", 0, 0
function setup(thread) threads = threads + 1; thread:set("tid", threads) end
function init(args)
  math.randomseed(os.time() * 100 + tid)
  seed = string.format("%08x-%d", math.random(0, 2^31 - 1), tid)
end
function request()
  count = count + 1
  local which = count % #bodies + 1
  return wrk.format("POST", nil, {
    ["Content-Type"] = "application/json", ["User-Agent"] = "GitHub-Hookshot/bench", ["X-GitHub-Event"] = "issues",
    ["X-GitHub-Hook-ID"] = "7", ["X-GitHub-Delivery"] = seed .. "-" .. count, ["X-Hub-Signature-256"] = signs[which],
  }, bodies[which])
end
if pause > 0 then function delay() return pause end end
function done(summary, latency, requests)
  local broken = summary.errors
  io.write(string.format("FIGURES %d %.6f %.3f %.3f %d\n", summary.requests, summary.duration / 1e6,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    broken.status + broken.connect + broken.read + broken.write + broken.timeout))
end
"""


@dataclass(frozen=True, kw_only=True)
class Load:
    """What `wrk` saw: how many answers in how many seconds, latencies in milliseconds, and what went wrong."""

    answers: int
    seconds: float
    p50_ms: float
    p99_ms: float
    errors: int

    @property
    def rate(self) -> float:
        return self.answers / self.seconds


@dataclass(frozen=True, kw_only=True)
class Server:
    """A server under load. `pids` are those of its processes."""

    address: str
    process: psutil.Popen

    def cpu_seconds(self) -> float:
        """Return the processor time of the server with all its processes."""
        return sum(spent(each) for each in (self.process, *self.process.children(recursive=True)))


def payloads(secret: str) -> list[tuple[str, str]]:
    """Return payloads of 10 KB as GitHub's look, each with its signature."""
    made = []
    for number in range(_PAYLOADS):
        chance = random.Random(number)
        labels: list[dict[str, object]] = []
        body = ""
        while len(body) < PAYLOAD_BYTES:
            found = chance.randrange(10**9)
            address = f"https://api.example.org/repos/octo-org/bookmarks/labels/{found}"
            labels.append(
                {"id": found, "node_id": f"LA_{found:x}", "url": address, "name": f"l{found}", "default": True}
            )
            issue = {"number": number + 1, "title": "Sort bookmarks by name", "labels": labels}
            body = json.dumps({"action": "labeled", "issue": issue})
        signature = hmac.digest(secret.encode(), body.encode(), hashlib.sha256).hex()
        made.append((body, f"sha256={signature}"))
    return made


def script(file: Path, secret: str, *, pause_ms: int = 0) -> Path:
    """Write what `wrk` runs: with a pause, each connection rests so long before each request."""
    lines = ["local bodies, signs, pause = {}, {}, " + str(pause_ms)]
    for body, signature in payloads(secret):
        lines += [f"bodies[#bodies + 1] = [==[{body}]==]", f'signs[#signs + 1] = "{signature}"']
    file.write_text("\n".join([*lines, _SCRIPT]), encoding="utf-8")
    return file


def send(address: str, lua: Path, *, connections: int, seconds: int) -> Load:
    """Send for so long over so many connections."""
    words = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "10s", "-s", str(lua), address]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    found = re.search(r"FIGURES (\d+) (\S+) (\S+) (\S+) (\d+)", done.stdout)
    assert found, done.stdout + done.stderr
    return Load(
        answers=int(found[1]),
        seconds=float(found[2]),
        p50_ms=float(found[3]),
        p99_ms=float(found[4]),
        errors=int(found[5]),
    )


@contextmanager
def serving(
    words: Sequence[str], *, port: int, path: str, environment: Mapping[str, str], directory: Path, log: Path
) -> Iterator[Server]:
    """Run a server for the length of the block, from when its port is open."""
    with log.open("ab") as output:
        process = psutil.Popen(
            list(words), env={**os.environ, **environment}, cwd=directory, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        _wait(process, port, log)
        yield Server(address=f"http://127.0.0.1:{port}{path}", process=process)
    finally:
        process.terminate()
        process.wait(30)


def _wait(process: psutil.Popen, port: int, log: Path) -> None:
    ends = time.monotonic() + _START_WITHIN_SECONDS
    while time.monotonic() < ends:
        assert process.poll() is None, log.read_text(errors="replace")[-3000:]
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=1):
                return
        except OSError:
            time.sleep(0.05)
    raise TimeoutError(f"Nothing listens within {_START_WITHIN_SECONDS} s: {log.read_text(errors='replace')[-3000:]}")


def spent(process: psutil.Process) -> float:
    """Return the processor time that a process has used; 0 where it is gone."""
    try:
        times = process.cpu_times()
    except psutil.NoSuchProcess:
        return 0.0
    return float(times.user + times.system)
