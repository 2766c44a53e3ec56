"""A server to which the tests have all keys."""

from collections.abc import Iterator

import pytest

from tests.rooted_bao import RootedBao, rooted_bao


@pytest.fixture(scope="session")
def rooted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RootedBao]:
    with rooted_bao(tmp_path_factory.mktemp("bao")) as server:
        yield server
