"""How long an event takes from its commit to the message in 500 connected sockets on one web process.

Run `python -m tests.perf.bench_live`. Publisher, web process, clients, PostgreSQL and Valkey share the machine. The
clients run in processes of their own; clocks are the machine's one monotonic clock. Prints and returns its figures.
"""

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from uuid import uuid4

from websockets.asyncio.client import ClientConnection, connect

from tests import servers
from tests.perf.sizes import size

CLIENTS = size(500, small=20)
CLIENT_PROCESSES = 2
EVENTS = size(100, small=10)
PAUSE_SECONDS = 0.1


async def _one(connection: ClientConnection, seen: list[float]) -> None:
    async for text in connection:
        arrived = time.monotonic()
        message = json.loads(text)
        for event in message.get("events", []):
            seen.append(arrived - event["payload"]["committed"])
            if event["payload"]["last"]:
                return


async def _clients(url: str, cookie: str, aggregate: str, count: int) -> None:
    """Connect, say `ready`, collect the delays of all events, print them."""
    seen: list[float] = []
    origin = url.replace("ws://", "http://").removesuffix("/ws/events")
    connections = []
    for _ in range(count):
        headers = {"Cookie": cookie, "Origin": origin}
        connection = await connect(url, additional_headers=headers, compression=None, ping_interval=None)
        await connection.send(json.dumps({"subscribe": [{"aggregate": aggregate, "after": 0}]}))
        connections.append(connection)
    for connection in connections:
        await connection.recv()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    async with asyncio.TaskGroup() as group:
        for connection in connections:
            group.create_task(_one(connection, seen))
    sys.stdout.write(json.dumps(seen) + "\n")
    for connection in connections:
        await connection.close()


def _client_processes(url: str, cookie: str, aggregate: str) -> list["subprocess.Popen[str]"]:
    words = [sys.executable, "-m", "tests.perf.bench_live", url, cookie, aggregate, str(CLIENTS // CLIENT_PROCESSES)]
    return [subprocess.Popen(words, stdout=subprocess.PIPE, text=True) for _ in range(CLIENT_PROCESSES)]


def _publish(aggregate: str, *, last: bool) -> None:
    with transaction.atomic():
        # The commit comes within a millisecond of this moment, and after it: the figures err upwards.
        payload = {"step": "validate_repo", "attempt": 1, "committed": time.monotonic(), "last": last}
        publish(event_type="step-done", aggregate_id=aggregate, payload=payload)


def measure() -> dict[str, float]:
    """Return p50 and p95 in milliseconds, and how many messages they are taken from."""
    aggregate = f"run:{uuid4()}"
    cookie = sign_in(person(f"bench-{uuid4().hex[:8]}", "viewer"))
    with web_process(Path(tempfile.mkdtemp()) / "web.log") as web:
        clients = _client_processes(web.events, cookie, aggregate)
        for client in clients:
            assert client.stdout is not None
            client.stdout.readline()
        time.sleep(1)
        for number in range(EVENTS):
            _publish(aggregate, last=number == EVENTS - 1)
            time.sleep(PAUSE_SECONDS)
        delays = sorted(delay for client in clients for delay in json.loads(client.communicate(timeout=60)[0]))
    cuts = statistics.quantiles(delays, n=20)
    return {
        "clients": CLIENTS,
        "messages": len(delays),
        "p50_ms": round(cuts[9] * 1000, 1),
        "p95_ms": round(cuts[18] * 1000, 1),
        "max_ms": round(delays[-1] * 1000, 1),
    }


if __name__ == "__main__" and len(sys.argv) > 1:
    asyncio.run(_clients(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])))
    sys.exit()

if "DJANGO_SECRET_KEY" not in os.environ:
    servers.set_environment()

import django  # noqa: E402 - after the environment is set

django.setup()

from django.core.management import call_command  # noqa: E402 - after django.setup
from django.db import transaction  # noqa: E402 - after django.setup

from meshsix.live.services import publish  # noqa: E402 - after django.setup
from tests.web_process import person, sign_in, web_process  # noqa: E402 - after django.setup

if __name__ == "__main__":
    call_command("migrate", verbosity=0, skip_checks=True)
    sys.stdout.write(json.dumps(measure(), indent=2) + "\n")
