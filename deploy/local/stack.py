"""The whole platform on one machine, as a context manager: servers, sandbox vendors, web, workers, beat.

    with Stack(Options(data=Path(".meshsix"))) as stack:
        stack.manage("onboard", "octo-org/bookmarks")

Each embedded server steps aside when its address is in the environment, each sandbox vendor when the real one is.
Start it from the main thread: the children are tied to the life of the thread that started them.
"""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx
import redis

from deploy.local import schema
from deploy.local.children import Child, Group, stop_leftovers
from deploy.local.errors import CannotStart
from deploy.local.kept import Kept, keep_private
from deploy.local.options import BASE, Options
from deploy.local.owner import owning, pid_files
from deploy.local.ports import LOOPBACK
from deploy.local.servers import OpenBao, Place, Postgres, Valkey
from deploy.local.servers.server import Server
from deploy.local.vendors import Vendor, played, smoke_targets, unchosen

_READY_WITHIN = timedelta(minutes=3)
_LEFTOVER_GRACE = timedelta(seconds=15)
_WEB = (
    "-m",
    "uvicorn",
    "meshsix.asgi:application",
    "--host",
    LOOPBACK,
    "--no-access-log",
    "--timeout-graceful-shutdown",
    "3",
)
_CELERY = ("-m", "deploy.local.celery_process")
AGENTS = "agents"
"""The part that works as all agents of the deployment."""
_WORKS_AS_AGENTS = ("manage.py", "runagent", "--all")


def _say_nothing(_: str) -> None:
    """Take a word of progress and drop it."""


class Stack:
    """One running platform. Its parts have names: postgres, valkey, openbao, sandbox, web, worker-1, beat-1, agents."""

    def __init__(self, options: Options, *, say: Callable[[str], None] = _say_nothing) -> None:
        self.options = options
        self.place = Place(root=options.data)
        self.env: dict[str, str] = {}
        self.children: dict[str, Child] = {}
        self.sandboxes: dict[str, str] = {}
        self.url = ""
        self.demo_password: str | None = None
        self._say = say
        self._servers: dict[str, Server] = {}
        self._closing = ExitStack()

    def __enter__(self) -> Self:
        try:
            self._start()
        except BaseException:
            self._closing.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Stop all parts: first what works, then what it stands on."""
        self._closing.close()

    def kill(self, name: str) -> None:
        """Kill a part with its whole group, as a crash would."""
        self.children[name].kill()

    def stop_part(self, name: str) -> None:
        """Stop one part as an operator would."""
        self.children[name].stop()

    def start_part(self, name: str) -> None:
        """Start a part that was stopped or killed, and return once it is ready."""
        if name in self._servers:
            self._servers[name].start()
            return
        if name == "sandbox":
            self._sandbox_ports.unlink(missing_ok=True)  # it is written anew once all vendors answer
        self.children[name].start()
        self.children[name].wait_ready(self._probe(name), within=_READY_WITHIN)

    def restart_part(self, name: str) -> None:
        """Stop a part and start it again."""
        self.stop_part(name)
        self.start_part(name)

    def empty_broker(self) -> None:
        """Make the broker forget every message, result and subscription."""
        with redis.Redis.from_url(self.env["REDIS_URL"]) as client:
            client.flushall()

    def manage(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run `manage.py` with the settings of this stack; the answer has `stdout`, `stderr`, `returncode`."""
        return subprocess.run(
            [sys.executable, "manage.py", *words],
            env=self.env,
            cwd=BASE,
            capture_output=True,
            text=True,
            check=check,
            stdin=subprocess.DEVNULL,
        )

    def move_clock(self, by: timedelta) -> None:
        """Move the platform's clock; the parts take it over when they are started again."""
        moved = float(self.env["MESHSIX_CLOCK_OFFSET_SECONDS"]) + by.total_seconds()
        self._tell({"MESHSIX_CLOCK_OFFSET_SECONDS": str(moved)})

    def _start(self) -> None:
        self.place.make()
        self._closing.enter_context(owning(self.place))
        stopped = stop_leftovers(pid_files(self.place), grace=_LEFTOVER_GRACE)
        if stopped:
            self._say(f"stopped what an earlier start left behind: {', '.join(stopped)}")
        self._kept = Kept(self.place.root / "stack.json")
        web_port = self._kept.port("web", setting="MESHSIX_WEB_PORT", environ=self.options.environ)
        self.url = self.options.environ.get("PUBLIC_URL") or f"http://{LOOPBACK}:{web_port}"
        self._tell(self._own_settings())
        self._start_foundations()
        self._kept.save()
        self._prepare()
        self._start_processes(web_port)
        self._kept.address("platform", self.url)
        self._kept.save()
        own = {name: value for name, value in self.env.items() if self.options.environ.get(name) != value}
        keep_private(self.place.environment, json.dumps(own, indent=1))

    def _own_settings(self) -> dict[str, str]:
        """Return the environment of the children: what was given, and below it what one machine needs."""
        defaults = {
            "DJANGO_SECRET_KEY": self._kept.secret("django"),
            "PUBLIC_URL": self.url,
            "ONBOARDING_DEFAULT_MODE": "local",
            "WORK_ROOT": str(self.place.root / "work"),
            "PYTHONUNBUFFERED": "1",
            "MESHSIX_CLOCK_OFFSET_SECONDS": str(self.options.clock_offset.total_seconds()),
        }
        given = {name: value for name, value in self.options.environ.items() if value}
        return defaults | given

    def _start_foundations(self) -> None:
        """Start the servers and the sandbox side by side, then wait for each."""
        together = self._group()
        for server, name in self._embedded():
            self._servers[name] = server
            self.children[name] = server.child
            together.add(server.child)
            server.launch()
        vendors = played(self.options.environ)
        if vendors:
            together.add(self._launch_sandbox(vendors))
        for name, server in self._servers.items():
            self._say(f"starting {name}")
            server.wait_ready()
            self._tell(_settings_of(server))
        if vendors:
            self._say("starting the sandbox vendors")
            self._wait_for_sandbox(vendors)

    def _group(self) -> Group:
        """Return a group of children that is stopped before all that were started earlier."""
        group = Group()
        self._closing.callback(group.stop)
        return group

    def _embedded(self) -> Iterator[tuple[Server, str]]:
        environ, kept = self.options.environ, self._kept
        if not (environ.get("DATABASE_URL") or environ.get("DATABASE_URL_FILE")):
            port = kept.port("postgres", setting="MESHSIX_POSTGRES_PORT", environ=environ)
            yield Postgres(self.place, password=kept.secret("postgres"), port=port), "postgres"
        if not (environ.get("REDIS_URL") or environ.get("REDIS_URL_FILE")):
            port = kept.port("valkey", setting="MESHSIX_VALKEY_PORT", environ=environ)
            yield Valkey(self.place, password=kept.secret("valkey"), port=port), "valkey"
        if not environ.get("VAULT_ADDR"):
            port = kept.port("openbao", setting="MESHSIX_OPENBAO_PORT", environ=environ)
            yield OpenBao(self.place, port=port), "openbao"

    def _launch_sandbox(self, vendors: Sequence[Vendor]) -> Child:
        """Start the process of the sandbox vendors without waiting for it."""
        config = self.place.root / "sandbox.json"
        self._sandbox_ports.unlink(missing_ok=True)
        keep_private(config, json.dumps({each.name: each.config(self._kept, self.url) for each in vendors}))
        data = str(self._sandbox_ports.parent)
        child = self._make_child("sandbox", "-m", "deploy.sandbox", "--data", data, "--config", str(config))
        child.start()
        return child

    def _wait_for_sandbox(self, vendors: Sequence[Vendor]) -> None:
        self.children["sandbox"].wait_ready(self._probe("sandbox"), within=_READY_WITHIN)
        ports: dict[str, int] = json.loads(self._sandbox_ports.read_text(encoding="utf-8"))
        self.sandboxes = {name: f"http://{LOOPBACK}:{port}" for name, port in ports.items()}
        for each in vendors:
            told = each.settings(self._kept, self.sandboxes[each.name])
            self._tell(unchosen(told, self.options.environ))
            self._kept.address(f"sandbox {each.name}", self.sandboxes[each.name])
        self._tell(unchosen(smoke_targets(vendors), self.options.environ))

    @property
    def _sandbox_ports(self) -> Path:
        """The file that the sandbox writes once all its vendors answer."""
        return self.place.root / "sandbox" / "ports.json"

    def _prepare(self) -> None:
        """Migrate and make the account, in a process of its own, unless an earlier start has done just that."""
        if self._kept.is_prepared(schema.mark(self.env.get("DATABASE_URL", ""))):
            return
        self._say("bringing the database up to date")
        self.demo_password = self._prepared()["password"]
        self._kept.prepared(schema.mark(self.env.get("DATABASE_URL", "")))

    def new_password(self) -> str:
        """Set a new password for the demo account and return it."""
        return str(self._prepared("--new-password")["password"])

    def demo_token(self) -> str:
        """Issue a token that lets the demo use the API as the demo account for an hour."""
        return str(self._prepared("--token")["token"])

    def _prepared(self, *words: str) -> dict[str, str | None]:
        done = self._run("-m", "deploy.local.prepare", *words)
        if done.returncode:
            raise CannotStart("The database could not be brought up to date:", hint=_end_of(done.stderr))
        answer: dict[str, str | None] = json.loads(done.stdout.splitlines()[-1])
        return answer

    def _start_processes(self, web_port: int) -> None:
        self._say("starting web, workers and beat")
        processes: dict[str, tuple[str, ...]] = {}
        if self.options.web:
            processes["web"] = (*_WEB, "--port", str(web_port))
        for number in range(1, self.options.workers + 1):
            processes[f"worker-{number}"] = (*_CELERY, "worker", f"worker-{number}")
        for number in range(1, self.options.beats + 1):
            processes[f"beat-{number}"] = (*_CELERY, "beat", str(self.place.root / f"beat-{number}.schedule"))
        together = self._group()
        for name, words in processes.items():
            child = self._make_child(name, *words)
            together.add(child)
            child.start()
        for name in processes:
            self.children[name].wait_ready(self._probe(name), within=_READY_WITHIN)
        if self.options.agents:
            agents = self._make_child(AGENTS, *_WORKS_AS_AGENTS)
            together.add(agents)
            agents.start()  # they join a few seconds later: nobody has to wait for them to use the platform

    def _probe(self, name: str) -> Callable[[], bool]:
        """Return what tells whether a part of ours is ready."""
        if name == "web":
            return lambda: _answers(f"http://{LOOPBACK}:{self._kept.port_of('web')}/readyz")
        if name == "sandbox":
            return self._sandbox_ports.exists
        if name == AGENTS or name.startswith("worker-"):
            return self.children[name].logged(" ready.")
        return lambda: True

    def _make_child(self, name: str, *words: str) -> Child:
        child = Child(
            name=name,
            command=[sys.executable, *words],
            env=self.env,
            cwd=BASE,
            log=self.place.log(name),
            pid_file=self.place.pid_file(name),
        )
        self.children[name] = child
        return child

    def _run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *words], env=self.env, cwd=BASE, capture_output=True, text=True, check=False
        )

    def _tell(self, settings: Mapping[str, str]) -> None:
        """Add settings to the environment that all children share, also those that are started again."""
        self.env.update(settings)


def _settings_of(server: Server) -> dict[str, str]:
    match server:
        case Postgres():
            return {"DATABASE_URL": server.url()}
        case Valkey():
            return {"REDIS_URL": server.url}
        case OpenBao():
            return server.env
        case _:
            return {}


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=5, trust_env=False).is_success
    except httpx.HTTPError:
        return False


def _end_of(text: str) -> str:
    return "\n".join(f"    {line}" for line in text.splitlines()[-15:])
