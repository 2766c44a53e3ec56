"""A sandbox GitHub, our client of it, and the facts of a step, for tests of the steps that write to GitHub."""

import uuid
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from deploy.local.servers import Valkey
from meshsix.durable.definition import StepFacts
from meshsix.integrations.github.budget import connect
from meshsix.kit import clock
from tests.github_bench import Bench, with_github
from tests.sandbox_github import running_sandbox


@pytest.fixture
def bench(tmp_path: Path, broker: Valkey) -> Iterator[Bench]:
    """A sandbox of one test alone."""
    with running_sandbox(tmp_path / "github") as sandbox:
        client = sandbox.client(connect(broker.url))
        yield Bench(sandbox=sandbox, clients=with_github(client), redis_url=broker.url)


@pytest.fixture
def this() -> StepFacts:
    """The run and attempt in which a step is called."""
    now = clock.now()
    return StepFacts(
        run_id=uuid.uuid4(), step="x", attempt=1, first_started_at=now, deadline=now + timedelta(seconds=60)
    )
