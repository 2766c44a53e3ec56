"""A sandbox GitHub that the platform's own client speaks to."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django import Settings

from meshsix import wiring
from tests.sandbox_github import Sandbox, running_sandbox


@pytest.fixture
def github(tmp_path: Path, settings: Settings) -> Iterator[Sandbox]:
    """Point the platform's settings to a sandbox GitHub of this test."""
    with running_sandbox(tmp_path / "github") as sandbox:
        settings.GITHUB_API_URL = sandbox.url
        settings.GITHUB_TOKEN = sandbox.tokens["full"]
        settings.GITHUB_APP_ID = ""
        wiring.clients.cache_clear()
        yield sandbox
    wiring.clients.cache_clear()
