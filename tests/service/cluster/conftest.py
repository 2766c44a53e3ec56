"""GitHub, Kubernetes and Argo CD of this directory's tests: one process a session, emptied before each test."""

from collections.abc import Iterator

import pytest
from pytest_django import Settings

from meshsix import wiring
from tests.cluster_bench import Bench, close, point_settings, vendors
from tests.sandboxes import Sandbox
from tests.service.sandbox.process import Process


@pytest.fixture(scope="session")
def process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    with vendors(tmp_path_factory.mktemp("cluster")) as served:
        yield served


@pytest.fixture
def bench(process: Process, settings: Settings) -> Iterator[Bench]:
    """The vendors as they are at the beginning."""
    point_settings(settings, process.urls)
    parts = {name: Sandbox(url) for name, url in process.urls.items()}
    for part in parts.values():
        part.reset()
        part.no_faults()
    wiring.clients.cache_clear()
    clients = wiring.clients()
    yield Bench(**parts, clients=clients)
    close(clients)
    wiring.clients.cache_clear()
