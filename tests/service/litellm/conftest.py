"""A LiteLLM with models, keys and a script."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from meshsix.integrations.litellm.models import Models
from tests.models_sandbox import ModelsSandbox, models_sandbox


@pytest.fixture(scope="session")
def litellm_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModelsSandbox]:
    with models_sandbox(tmp_path_factory.mktemp("litellm")) as server:
        yield server


@pytest.fixture
def litellm(litellm_server: ModelsSandbox) -> ModelsSandbox:
    litellm_server.reset()
    return litellm_server


@pytest.fixture
def models(litellm: ModelsSandbox) -> Iterator[Models]:
    with closing(Models(url=litellm.url)) as client:
        yield client
