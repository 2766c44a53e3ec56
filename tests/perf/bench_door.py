"""How many deliveries a second the door stores, beside a bare ASGI application and beside Probot.

Run `python -m tests.perf.bench_door`, with `BENCH_DOOR_SECONDS` (60) a run. All take the same signed payloads of 10 KB
with ids that are never repeated, from `wrk` on the same machine. Ours stores the delivery and nudges its handling
before it answers, as in production (compressed, with its headers, in the real table); the bare one makes one insert. A
Probot whose handler does nothing stores nothing; another's handler makes the insert of the bare one. Both are one
process, as `probot run` starts it; the door and the bare one have a process a core. Ours runs with a single one too.

Each has its best number of connections: that of its highest rate with p99 under 40 ms in short runs, since a long one
has more of what is rare; the goal is 50. With these it then runs for its time, and for the same time with 200 a second.
After each run every answer must have its row.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import hvac
import psutil

from deploy.local import tools
from deploy.local.ports import free_port
from tests import servers
from tests.perf.door_load import Load, Server, script, send, serving, spent

if "DJANGO_SECRET_KEY" not in os.environ:
    servers.set_environment()

import django

django.setup()

from django.core.management import call_command  # noqa: E402 - after django.setup
from django.db import connection  # noqa: E402 - after django.setup

from apps.projects.models import Hook, HookKind  # noqa: E402 - after django.setup
from tests.perf import door_bare  # noqa: E402 - after django.setup

SECONDS = int(os.environ.get("BENCH_DOOR_SECONDS", "60"))
TRIED_SECONDS = 5
PROCESSES = 2
TRIED_P99_MS = 40.0
CONNECTIONS = tuple(map(int, os.environ.get("BENCH_DOOR_CONNECTIONS", "4 8 16 32 64").split()))
STEADY_CONNECTIONS = 20
STEADY_PAUSE_MS = 100
PROBOT = ("probot@14.3.2", "pg@8.23.1")
HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
SECRET = "a secret of this benchmark"
KEY = "bench"
PATH = "/webhooks/github"

Figures = dict[str, float]


@dataclass(frozen=True, kw_only=True)
class Door:
    """One of those that are compared. `rows` counts what it has stored; None where it stores nothing."""

    words: tuple[str, ...]
    path: str
    rows: Callable[[], int] | None = None
    directory: Path = ROOT


def doors(directory: Path) -> dict[str, Door]:
    """Return all of them; `{port}` in their words is the port to listen on."""
    probot = Door(words=("node", "door_probot.mjs", "{port}"), path=PATH, directory=_probot(directory))
    return {
        "door": _ours(PROCESSES),
        "bare_asgi": _bare(),
        "probot": probot,
        "probot_storing": replace(probot, words=(*probot.words, "storing"), rows=partial(_count, "bench_bare")),
        "door_one_process": _ours(1),
    }


def _ours(processes: int) -> Door:
    granian = ("-m", "granian", "--interface", "asgi", "--no-ws", "--log-level", "error", "--port", "{port}")
    words = (sys.executable, *granian, "--workers", str(processes), "meshsix.door:application")
    return Door(words=words, path=f"{PATH}/{KEY}", rows=partial(_count, "webhook_deliveries"))


def _bare() -> Door:
    uvicorn = ("-m", "uvicorn", "--no-access-log", "--log-level", "error", "--port", "{port}")
    words = (sys.executable, *uvicorn, "--workers", str(PROCESSES), "tests.perf.door_bare:application")
    return Door(words=words, path=PATH, rows=partial(_count, "bench_bare"))


def _count(table: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {connection.ops.quote_name(table)}")  # noqa: S608 - a name of ours
        return int(cursor.fetchone()[0])


def _probot(directory: Path) -> Path:
    """Install Probot and return where."""
    here = directory / "probot"
    here.mkdir()
    shutil.copy(HERE / "door_probot.mjs", here)
    (here / "package.json").write_text('{"private": true}', encoding="utf-8")
    words = ["npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error", *PROBOT]
    subprocess.run(words, cwd=here, check=True, stdout=subprocess.DEVNULL)
    return here


def _measured(door: Door, directory: Path, log: Path) -> Figures:
    """Return the figures of one door."""
    port = free_port()
    words = [word.format(port=port) for word in door.words]
    environment = {**servers.openbao().env, "BENCH_SECRET": SECRET, "LOG_LEVEL": "WARNING"}
    hard, steady = script(directory / "hard.lua", SECRET), directory / "steady.lua"
    script(steady, SECRET, pause_ms=STEADY_PAUSE_MS)
    with serving(
        words, port=port, path=door.path, environment=environment, directory=door.directory, log=log
    ) as server:
        send(server.address, hard, connections=8, seconds=2)  # what is loaded, prepared and cached once
        run = partial(_run, door, server)
        best = _best({number: run(hard, number, seconds=TRIED_SECONDS) for number in CONNECTIONS})
        before = _spent(server)
        load = run(hard, best)
        cost = (_spent(server) - before) / load.answers
        rest = run(steady, STEADY_CONNECTIONS)
    return {
        "deliveries_per_second": round(load.rate),
        "connections": best,
        "p50_ms": round(load.p50_ms, 1),
        "p99_ms": round(load.p99_ms, 1),
        "cpu_ms_per_delivery": round(cost * 1000, 2),
        "p99_ms_at_200_a_second": round(rest.p99_ms, 1),
    }


def _run(door: Door, server: Server, lua: Path, connections: int, *, seconds: int = SECONDS) -> Load:
    """Send for a while, and see that every answer has its row. What was cut off, now or before, may have one too."""
    before = door.rows() if door.rows else 0
    load = send(server.address, lua, connections=connections, seconds=seconds)
    assert not load.errors, f"{load.errors} of {load.answers} went wrong"
    if door.rows:
        stored = door.rows() - before
        assert load.answers <= stored <= load.answers + 2 * max(CONNECTIONS), f"{stored} rows of {load.answers} answers"
    return load


def _best(runs: dict[int, Load]) -> int:
    """Return the number of connections with the highest rate of those that were quick enough, if any was."""
    quick = [number for number, load in runs.items() if load.p99_ms < TRIED_P99_MS]
    return max(quick or runs, key=lambda number: runs[number].rate)


def _spent(server: Server) -> float:
    """Return the processor time of the server and of all of PostgreSQL."""
    mine = psutil.Process().children(recursive=True)
    return server.cpu_seconds() + sum(spent(each) for each in mine if each.name() == "postgres")


def measure() -> dict[str, Figures]:
    """Return the figures of all, and of ours against each of the others'."""
    directory = Path(tempfile.mkdtemp(dir=servers.place().root))
    found = {}
    for name, door in doors(directory).items():
        found[name] = _measured(door, directory, directory / f"{name}.log")
        sys.stderr.write(f"{name}: {found[name]}\n")
    ours = found["door"]["deliveries_per_second"]
    others = {name: figures["deliveries_per_second"] for name, figures in found.items() if name != "door"}
    return {**found, "ratios": {f"rate_vs_{name}": round(ours / rate, 2) for name, rate in others.items()}}


def _prepare() -> None:
    """Make the tables, and a hook whose secret lies in Vault."""
    call_command("migrate", verbosity=0, skip_checks=True)
    os.environ.update(servers.openbao().env)
    with connection.cursor() as cursor:
        cursor.execute(door_bare.TABLE)
    path = "mesh-six/webhooks/bench/bench"
    vault = servers.openbao()
    client = hvac.Client(vault.url)
    client.auth.approle.login(vault.approle.role_id, vault.approle.secret_id)
    client.secrets.kv.v2.create_or_update_secret(path, {"secret": SECRET})
    Hook.objects.create(key=KEY, kind=HookKind.ORGANIZATION, owner="bench", secret_path=path)


if __name__ == "__main__":
    if tools.main(["wrk", "npm"]):
        sys.exit("The door cannot be measured without them.")
    _prepare()
    sys.stdout.write(json.dumps(measure(), indent=2) + "\n")
