"""A project with a real board at a sandbox GitHub, for the tests of its mirror."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.servers import Valkey
from tests.board_desk import Desk, opened


@pytest.fixture
def desk(tmp_path: Path, broker: Valkey) -> Iterator[Desk]:
    """The board of one test alone."""
    with opened(tmp_path / "github", broker) as desk:
        yield desk
