"""A reference client for agents outside: everything such an agent says to the platform, in plain HTTP.

    MESH_SIX_TOKEN=m6_... python -m deploy.sandbox.agent --url http://127.0.0.1:8000 --agent parrot --capability echo

It registers an instance, beats, takes leases, tells progress and results, and leaves when it is asked to stop. Its one
skill is to answer `{"text": ...}` with the same text. `seconds` in the payload is how long it takes, `fail` an error
that it reports instead. `--silent` makes it fall silent after its first lease, as a program that hangs does.
"""

import argparse
import json
import os
import signal
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

Json = dict[str, Any]
WAIT_SECONDS = 20
REST_SECONDS = 1.0
_NOT_JOINED = "agents:not-joined"


class Refused(Exception):  # noqa: N818 - reads as a word of the domain
    """The platform's answer is a problem document."""

    def __init__(self, status: int, problem: Json) -> None:
        super().__init__(f"{status} {problem.get('code')}: {problem.get('detail')}")
        self.status, self.code = status, str(problem.get("code", ""))


def say(**facts: object) -> None:
    """Write one line to the log."""
    sys.stdout.write(json.dumps(facts, default=str) + "\n")
    sys.stdout.flush()


class Platform:
    """The platform, as an agent outside sees it."""

    def __init__(self, url: str, token: str, agent_id: str, instance_id: str) -> None:
        self.agent_id, self.instance_id = agent_id, instance_id
        self._base, self._token = f"{url.rstrip('/')}/api", token

    def call(self, method: str, path: str, body: Json | None = None) -> Json:
        """Return the answer. Raises Refused, OSError where nobody answers."""
        request = urllib.request.Request(  # noqa: S310 - the address is the platform's own
            self._base + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=WAIT_SECONDS + 30) as answer:  # noqa: S310 - as above
                return dict(json.loads(answer.read() or b"{}"))
        except urllib.error.HTTPError as error:
            with error:
                raise Refused(error.code, _problem(error.read())) from error

    def join(self, capabilities: Sequence[str], slots: int) -> Json:
        """Register this instance with all that the agent can do."""
        schema = {"type": "object", "required": ["text"], "properties": {"text": {"type": "string"}}}
        offers = [
            {"name": name, "weight": 0.5, "input_schema": schema, "output_schema": schema} for name in capabilities
        ]
        definition = {
            "agent_id": self.agent_id,
            "title": "Says what it is told",
            "type": "SCRIPT",
            "version": "1",
            "max_concurrency": slots,
            "capabilities": offers,
        }
        return self.call("POST", "/agents", {**definition, "instance_id": self.instance_id})

    def lease(self, free: int, running: Sequence[Json]) -> list[Json]:
        """Return the tasks to work on now; waits for the first."""
        wanted = {"instance_id": self.instance_id, "max": free, "wait_seconds": WAIT_SECONDS, "running": list(running)}
        return list(self.call("POST", f"/agents/{self.agent_id}/leases", wanted)["leases"])

    def beat(self, running: Sequence[Json]) -> Json:
        """Say that the instance lives; return what to cancel and what is not its own any more."""
        body = {"instance_id": self.instance_id, "running": list(running)}
        return self.call("POST", f"/agents/{self.agent_id}/heartbeat", body)

    def progress(self, task: Json, status: str, details: Json) -> bool:
        """Tell how far an attempt is; return whether to end it."""
        path = f"/tasks/{task['task_id']}/attempts/{task['attempt']}/progress"
        return bool(self.call("POST", path, {"status": status, "details": details})["cancel"])

    def result(self, task: Json, report: Json) -> Json:
        """Tell how an attempt ended. May be repeated: the platform answers the same."""
        return self.call("POST", f"/tasks/{task['task_id']}/attempts/{task['attempt']}/result", report)

    def leave(self) -> None:
        """Take no more."""
        self.call("DELETE", f"/agents/{self.agent_id}/instances/{self.instance_id}")


def _problem(body: bytes) -> Json:
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


class Instance:
    """One process that works as an agent, with a thread a slot and one that beats."""

    def __init__(self, platform: Platform, *, capabilities: Sequence[str], slots: int, beat_seconds: float) -> None:
        self._platform, self._capabilities, self._slots = platform, capabilities, slots
        self._beat_seconds = beat_seconds
        self._running: dict[tuple[str, int], Json] = {}
        self._ending: set[tuple[str, int]] = set()
        self.stopping = threading.Event()

    @property
    def _at_work(self) -> list[Json]:
        return [{"task_id": task_id, "attempt": attempt} for task_id, attempt in list(self._running)]

    def run(self, *, silent: bool = False) -> None:
        """Work until told to stop, then end what runs and leave."""
        self._join()
        threading.Thread(target=self._beat, name="beat", daemon=True).start()
        with ThreadPoolExecutor(max_workers=self._slots) as pool:
            while not self.stopping.is_set():
                for task in self._lease():
                    self._running[_key(task)] = task
                    say(event="leased", task=task["task_id"], attempt=task["attempt"])
                    if silent:
                        say(event="silent")
                        signal.pause()
                    pool.submit(self._work, task)
        self._platform.leave()
        say(event="left")

    def _join(self) -> None:
        say(event="joined", **self._platform.join(self._capabilities, self._slots))

    def _lease(self) -> list[Json]:
        free = self._slots - len(self._running)
        if free <= 0:
            self.stopping.wait(REST_SECONDS / 10)
            return []
        try:
            return self._platform.lease(free, self._at_work)
        except (Refused, OSError) as error:
            self._recover(error)
            return []

    def _recover(self, error: Exception) -> None:
        """Come back where the platform does not know us, else let it rest."""
        say(event="trouble", error=str(error))
        if isinstance(error, Refused) and error.code == _NOT_JOINED:
            self._join()
        else:
            self.stopping.wait(REST_SECONDS)

    def _beat(self) -> None:
        while not self.stopping.wait(self._beat_seconds):
            try:
                heard = self._platform.beat(self._at_work)
            except (Refused, OSError) as error:
                say(event="trouble", error=str(error))
                continue
            self._ending.update(_key(task) for task in (*heard["cancel"], *heard["unknown"]))

    def _work(self, task: Json) -> None:
        try:
            self._tell(task, self._perform(task))
        except (Refused, OSError) as error:
            say(event="trouble", task=task["task_id"], error=str(error))
        finally:
            self._running.pop(_key(task), None)
            self._ending.discard(_key(task))

    def _perform(self, task: Json) -> Json:
        payload = task["payload"]
        end = time.monotonic() + float(payload.get("seconds", 0))
        self._platform.progress(task, "began", {"instance": self._platform.instance_id})
        while time.monotonic() < end:
            if _key(task) in self._ending:
                return {"success": False, "error": {"type": "cancelled", "message": "Heard that it was cancelled."}}
            time.sleep(0.05)
        if "fail" in payload:
            return {"success": False, "error": {"type": payload["fail"], "message": "As the payload wished."}}
        return {"success": True, "result": {"text": payload["text"], "by": self._platform.agent_id}}

    def _tell(self, task: Json, report: Json) -> None:
        """Tell the result until somebody hears it; late is late."""
        while True:
            try:
                say(event="told", **self._platform.result(task, report))
            except Refused as error:
                say(event="refused", task=task["task_id"], code=error.code)
            except OSError as error:
                say(event="trouble", error=str(error))
                time.sleep(REST_SECONDS)
                continue
            return


def _key(task: Json) -> tuple[str, int]:
    return str(task["task_id"]), int(task["attempt"])


def main(words: Sequence[str] | None = None) -> None:
    """Be an agent outside until SIGTERM."""
    parser = argparse.ArgumentParser(description="A reference client for agents outside.")
    parser.add_argument("--url", required=True)
    parser.add_argument("--agent", required=True)
    parser.add_argument("--capability", dest="capabilities", action="append", required=True)
    parser.add_argument("--slots", type=int, default=2)
    parser.add_argument("--beat-seconds", type=float, default=30.0)
    parser.add_argument("--silent", action="store_true")
    asked = parser.parse_args(words)
    platform = Platform(asked.url, os.environ["MESH_SIX_TOKEN"], asked.agent, f"sandbox-{uuid4().hex}")
    instance = Instance(platform, capabilities=asked.capabilities, slots=asked.slots, beat_seconds=asked.beat_seconds)
    signal.signal(signal.SIGTERM, lambda *_: instance.stopping.set())
    instance.run(silent=asked.silent)


if __name__ == "__main__":
    main()
