"""Fixtures for all tests. Servers start here, before Django reads its settings (see tests/servers.py).

- nothing to ask for: `DATABASE_URL`, `REDIS_URL` and the other settings point to servers of this session; `db` and
  `transactional_db` are those of pytest-django
- `broker`: the Valkey of this process: `.url`, `.empty()`, `.restart()`, `.child.kill()`, `.start()`
- `own_postgres`: a PostgreSQL for one test alone, which may be stopped, killed and restarted: `.url(database)`,
  `.ensure_database(name)`, `.restart()`
- `own_valkey`: a Valkey for one test alone
- `vault_server`: the OpenBao of this process: `.url`, `.approle.role_id`, `.approle.secret_id`, `.env`
- `vault_environment`: the same, with `settings.VAULT_*` pointing to it for the length of the test
- `stack_options`: how to run a whole platform in a directory of this test: `with Stack(stack_options) as stack: ...`
"""

import os
import secrets
from collections.abc import Iterator
from pathlib import Path

import django
import hypothesis
import pytest
from pytest_django import Settings

from deploy.local.options import Options
from deploy.local.servers import OpenBao, Place, Postgres, Valkey
from tests import flush, servers

servers.set_environment()
django.setup()
flush.install()
hypothesis.settings.register_profile("no-hurry", deadline=None)  # a busy machine is no failure
hypothesis.settings.load_profile("no-hurry")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Let `--chaos` add what is too long for every day."""
    parser.addoption("--chaos", action="store_true", help="also run the tests that are marked as chaos")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Skip the long tests unless they are asked for."""
    if not config.getoption("chaos"):
        for item in items:
            if item.get_closest_marker("chaos"):
                item.add_marker(pytest.mark.skip(reason="long; `make chaos` runs it"))


def pytest_configure(config: pytest.Config) -> None:
    """Let each xdist worker load the settings itself, after it has a broker of its own."""
    if config.getoption("numprocesses", default=None):
        del os.environ["DJANGO_SETTINGS_MODULE"]


def pytest_unconfigure() -> None:
    """Stop the servers of this process."""
    servers.close()


@pytest.fixture(scope="session")
def broker() -> Valkey:
    """The Valkey of this process."""
    return servers.broker()


@pytest.fixture
def own_place(tmp_path: Path) -> Place:
    """Directories for servers of one test."""
    place = Place(root=tmp_path / "servers")
    place.make()
    return place


@pytest.fixture
def own_postgres(own_place: Place) -> Iterator[Postgres]:
    """A PostgreSQL for one test alone."""
    with Postgres(own_place, password=secrets.token_hex(16), durable=False) as server:
        yield server


@pytest.fixture
def own_valkey(own_place: Place) -> Iterator[Valkey]:
    """A Valkey for one test alone."""
    with Valkey(own_place, password=secrets.token_hex(16), durable=False) as server:
        yield server


@pytest.fixture(scope="session")
def vault_server() -> OpenBao:
    """The OpenBao of this process, started when first asked for."""
    return servers.openbao()


@pytest.fixture
def vault_environment(vault_server: OpenBao, settings: Settings) -> OpenBao:
    """Point the platform's settings to OpenBao for the length of a test."""
    settings.VAULT_ADDR = vault_server.url
    settings.VAULT_ROLE_ID = vault_server.approle.role_id
    settings.VAULT_SECRET_ID = vault_server.approle.secret_id
    settings.VAULT_TOKEN = ""
    return vault_server


@pytest.fixture
def stack_options(tmp_path: Path) -> Options:
    """How to run a whole platform of its own: embedded servers, every vendor from the sandbox."""
    return Options(data=tmp_path / "stack", environ=servers.plain_environment(), workers=1)
