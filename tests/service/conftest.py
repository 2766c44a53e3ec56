"""What all service tests share: a web process, and that nothing in this process writes after its test is over."""

from collections.abc import Iterator

import pytest

from apps.webhooks.doors import refusals
from tests.web_process import WebProcess, web_process

refusals.WRITE_AFTER_SECONDS = 3600.0  # a test that wants refusals written says `REFUSALS.write()`


@pytest.fixture(scope="session")
def web(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[WebProcess]:
    """One web process for all tests of this process; what they stored is gone before the next."""
    request.getfixturevalue("django_db_setup")
    with web_process(tmp_path_factory.mktemp("web") / "web.log") as process:
        yield process
