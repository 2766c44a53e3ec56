"""A whole platform made to be broken: quick to recover, with a door before Vault that shows faults as a sandbox does.

Nothing here shortens a step's lease; a lease of a worker that was killed is ended in the database, since only time
stands between the kill and that moment.
"""

import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psutil
import psycopg
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from deploy.local.options import Options
from deploy.local.servers import OpenBao, Place
from deploy.local.stack import Stack
from deploy.sandbox.base import Frame
from deploy.sandbox.base import running as served
from tests import servers
from tests.platform import Platform, running

VAULT = "vault"
QUICK = {
    "DURABLE_RECOVERY_INTERVAL_SECONDS": "0.4",
    "DURABLE_NUDGE_GRACE_SECONDS": "0.4",
    "DURABLE_LEASE_MARGIN_SECONDS": "1",
    "ONBOARDING_GITHUB_ATTEMPTS": "600",
    "ONBOARDING_GITHUB_FIRST_PAUSE_SECONDS": "0.05",
    "ONBOARDING_GITHUB_LONGEST_PAUSE_SECONDS": "0.5",
    "ONBOARDING_ATTEMPTS": "600",
    "ONBOARDING_FIRST_PAUSE_SECONDS": "0.05",
    "ONBOARDING_LONGEST_PAUSE_SECONDS": "0.5",
    "SYNC_POLL_INTERVAL_SECONDS": "0.3",
    "POD_POLL_INTERVAL_SECONDS": "0.3",
    "RATE_LIMITS_ON": "false",
    # Nobody may hang up before the test has found out who it was.
    **{f"{name}_TIMEOUT_SECONDS": "50" for name in ("GITHUB", "VAULT", "LITELLM", "S3", "NTFY", "CLAUDE", "ARGOCD")},
}
_HOP_BY_HOP = {"connection", "content-length", "host", "transfer-encoding", "content-encoding", "accept-encoding"}


def before(origin: str) -> Frame:
    """Return a door that passes every request on to `origin`, unless a fault says otherwise."""

    async def passed_on(request: Request) -> Response:
        async with httpx.AsyncClient(timeout=60, trust_env=False) as client:
            answer = await client.request(
                request.method,
                f"{origin}{request.url.path}",
                params=request.url.query,
                headers=[(name, value) for name, value in request.headers.items() if name not in _HOP_BY_HOP],
                content=await request.body(),
            )
        kept = {name: value for name, value in answer.headers.items() if name not in _HOP_BY_HOP}
        return Response(answer.content, answer.status_code, kept)

    methods = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "LIST"]
    return Frame(Starlette(routes=[Route("/{path:path}", passed_on, methods=methods)]), reads=["/v1/auth/*"])


class Rig(Platform):
    """A platform, its database from behind, and the means to kill the worker that does a certain thing."""

    @property
    def database(self) -> str:
        """The address of the platform's database."""
        return self.stack.env["DATABASE_URL"]

    def sql(self, query: str, *values: object) -> list[tuple[object, ...]]:
        """Run a statement in the platform's database."""
        with psycopg.connect(self.database, autocommit=True) as connection:
            cursor = connection.execute(query.encode(), values)
            return cursor.fetchall() if cursor.description else []

    @property
    def workers(self) -> list[str]:
        """The names of the workers."""
        return [name for name in self.stack.children if name.startswith("worker-")]

    def pids(self, worker: str) -> list[int]:
        """Return the processes of a worker that runs."""
        child = self.stack.children[worker]
        if not child.alive:
            return []
        main = psutil.Process(child.pid)
        return [main.pid, *(each.pid for each in main.children(recursive=True))]

    def ports(self, worker: str, server: str) -> list[int]:
        """Return the ports from which a worker talks to the server at this address.

        The same port may serve another connection too, of the same process or another, to another server.
        """
        asked, found = urlsplit(server).port, []
        for pid in self.pids(worker):
            with suppress(psutil.NoSuchProcess):
                talks = psutil.Process(pid).net_connections(kind="tcp")
                found += [each.laddr.port for each in talks if each.raddr[1:] == (asked,)]
        return found

    def holder(self, port: int, server: str) -> str | None:
        """Return the worker that talks from this port to the server at this address, None where no worker does."""
        return next((worker for worker in self.workers if port in self.ports(worker, server)), None)

    def _sessions(self, worker: str) -> list[int]:
        """Return the database's processes that serve a worker."""
        ports = self.ports(worker, self.database)
        found = self.sql("SELECT pid FROM pg_stat_activity WHERE client_port = ANY(%s)", ports)
        return [int(str(pid)) for (pid,) in found]

    def close(self) -> None:
        """Close the connections of the test itself."""
        self.http.close()
        self.vault.adapter.close()

    def sign_in_again(self) -> None:
        """Forget the token, which has run out, and the connections."""
        self.__dict__.pop("http").close()
        del self.__dict__["token"]

    @contextmanager
    def asleep(self, *workers: str) -> Iterator[None]:
        """Let these workers do nothing for the length of the block."""
        groups = [self.stack.children[worker].pid for worker in workers]
        for group in groups:
            os.killpg(group, signal.SIGSTOP)
        try:
            yield
        finally:
            for group in groups:
                os.killpg(group, signal.SIGCONT)

    def kill_worker(self, worker: str) -> None:
        """Kill a worker with its whole group, let the time of its leases pass, and start it again without waiting."""
        # Before the kill: after it, their ports are free, and may be anybody's.
        pids, sessions = self.pids(worker), self._sessions(worker)
        self.stack.kill(worker)
        # A session that waits for a lock does not notice that its client is gone.
        self.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = ANY(%s)", sessions)
        self.sql(
            "UPDATE durable_steps SET lease_until = now() - interval '1 second' WHERE state = 'running'"
            " AND split_part(lease_owner, ':', 2)::int = ANY(%s)",
            pids,
        )
        self.stack.children[worker].start()


@contextmanager
def rig(data: Path, *, workers: int = 2, beats: int = 1, **settings: str) -> Iterator[Rig]:
    """Run a platform for the length of the block."""
    # An OpenBao of its own: secrets of another rig's repository of the same name would be found and kept in this one.
    place = Place(root=data.parent / "vault")
    place.make()
    with ExitStack() as closing:
        vault = closing.enter_context(OpenBao(place))
        door = closing.enter_context(served(before(vault.url)))
        environ = {**servers.plain_environment(), **QUICK, **vault.env, "VAULT_ADDR": door, **settings}
        stack = Stack(Options(data=data, environ=environ, workers=workers, beats=beats))
        closing.enter_context(running(stack))
        stack.sandboxes[VAULT] = door
        made = Rig(stack)
        closing.callback(made.close)
        yield made
