"""The agents that ship, in the test's own process, with LiteLLM's sandbox and Vault by the platform's own settings."""

from collections.abc import Iterator

import pytest
from pytest_django import Settings

from apps.agents.registry import definitions
from apps.agents.registry.here import HERE
from apps.agents.registry.services import checks
from deploy.local.servers import OpenBao
from meshsix import wiring
from meshsix.durable import registry
from tests.agents_platform import litellm, litellm_server
from tests.models_sandbox import MASTER_KEY, ModelsSandbox
from tests.service.registry.conftest import Office

__all__ = ["litellm", "litellm_server"]


@pytest.fixture
def office(
    transactional_db: None,  # noqa: ARG001 - calls of models are recorded outside of transactions
    litellm: ModelsSandbox,
    vault_environment: OpenBao,  # noqa: ARG001 - keys lie there
    settings: Settings,
) -> Iterator[Office]:
    """simple-agent, registered and well."""
    settings.LITELLM_URL, settings.LITELLM_ADMIN_KEY = litellm.url, MASTER_KEY
    settings.LLM_MODELS = {**settings.LLM_MODELS, "fast": "claude-haiku", "embed": "text-embedding"}
    for cache in (wiring.clients.cache_clear, registry.forget, definitions.deployed.cache_clear):
        cache()
    wiring.clients().vault.remove("mesh-six/litellm/_platform")
    HERE.instance_id = "here"
    made = Office()
    made.register("simple-agent")
    checks.refresh(wiring.clients())
    yield made
    HERE.instance_id = ""
    for client in (wiring.clients().litellm, wiring.clients().models):
        if client is not None:
            client.close()
    wiring.clients.cache_clear()
