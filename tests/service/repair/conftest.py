"""A hook that really reaches us: the sandbox GitHub, our own door on a port, OpenBao, ntfy, and a project."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from apps.webhooks import keyring
from deploy.local.servers import OpenBao, Valkey
from meshsix import wiring
from meshsix.integrations.github.budget import connect
from tests.github_bench import Bench, with_github
from tests.sandbox_github import running_sandbox
from tests.sandboxes import Sandbox, sandbox
from tests.service.repair.site import Site


@pytest.fixture(scope="session")
def ntfy_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with sandbox("ntfy", tmp_path_factory.mktemp("ntfy"), {"token": "planted-ntfy-token"}) as server:
        yield server


@pytest.fixture
def bench(
    tmp_path: Path,
    broker: Valkey,
    ntfy_server: Sandbox,
    vault_environment: OpenBao,  # noqa: ARG001 - settings point to it
    settings: Settings,
) -> Iterator[Bench]:
    """A sandbox GitHub of one test alone, and clients of all that the watch speaks with."""
    ntfy_server.reset()
    settings.NTFY_URL, settings.NTFY_TOKEN = ntfy_server.url, "planted-ntfy-token"
    wiring.clients.cache_clear()
    with running_sandbox(tmp_path / "github") as server:
        clients = with_github(server.client(connect(broker.url)))
        yield Bench(sandbox=server, clients=clients, redis_url=broker.url)
        assert clients.ntfy is not None
        clients.ntfy.close()
    wiring.clients.cache_clear()


@pytest.fixture
def site(bench: Bench, live_server: LiveServer, settings: Settings, ntfy_server: Sandbox) -> Site:
    """The project octo-org/bookmarks with a hook whose first ping has arrived."""
    settings.PUBLIC_URL = live_server.url
    settings.GITHUB_API_URL, settings.GITHUB_TOKEN = bench.sandbox.url, bench.sandbox.tokens["full"]
    settings.GITHUB_WRITE_INTERVAL = timedelta()
    keyring.KEYRING.forget()
    made = Site(bench=bench, ntfy=ntfy_server)
    made.hook_up("octo-org/bookmarks")
    return made
