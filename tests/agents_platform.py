"""Fixtures of a platform with models: LiteLLM's sandbox, Vault, onboarded projects with keys and budgets, prompts.

A conftest imports those that it needs.
"""

import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path

import pytest
from pytest_django import Settings

from apps.agents.llm.services import Llm
from apps.agents.llm.words import Work
from apps.projects.models import Project
from deploy.local.servers import OpenBao
from meshsix.integrations.litellm import LiteLLM
from meshsix.integrations.litellm.models import Models
from meshsix.integrations.vault import AppRole, Vault
from meshsix.kit import names
from meshsix.wiring import Clients
from tests.models_sandbox import MASTER_KEY, ModelsSandbox, models_sandbox

PROMPT = "---\nversion: 3\ntier: fast\ntemperature: 0\nmax_tokens: 300\n---\nYou are {{ who }}.\n"


@pytest.fixture(scope="session")
def litellm_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModelsSandbox]:
    with models_sandbox(tmp_path_factory.mktemp("litellm")) as server:
        yield server


@pytest.fixture
def litellm(litellm_server: ModelsSandbox) -> ModelsSandbox:
    litellm_server.reset()
    return litellm_server


@pytest.fixture
def clients(litellm: ModelsSandbox, vault_server: OpenBao, settings: Settings, tmp_path: Path) -> Iterator[Clients]:
    prompts = tmp_path / "prompts"
    shutil.copytree(settings.PROMPTS_ROOT, prompts)
    (prompts / "tester").mkdir()
    (prompts / "tester" / "answer.md").write_text(PROMPT)
    (prompts / "tester" / "plain.md").write_text(PROMPT.replace("fast", "strong"))
    (prompts / "tester" / "unpriced.md").write_text(PROMPT.replace("fast", "standard"))
    settings.PROMPTS_ROOT = prompts
    settings.LLM_MODELS = {
        "fast": "claude-haiku",
        "standard": "unpriced-model",
        "strong": "plain-model",
        "compress": "claude-haiku",
        "embed": "text-embedding",
    }
    role = vault_server.approle
    sign_in = AppRole(role_id=role.role_id, secret_id=role.secret_id)
    vault = Vault(url=vault_server.url, mount="secret", sign_in=sign_in, timeout=timedelta(seconds=10))
    vault.remove(names.litellm_key_path("_platform"))
    made = Clients()
    with (
        closing(LiteLLM(url=litellm.url, admin_key=MASTER_KEY, timeout=timedelta(seconds=30))) as admin,
        closing(Models(url=litellm.url)) as models,
    ):
        made.__dict__.update(litellm=admin, models=models, vault=vault)
        yield made


def onboarded(
    clients: Clients,
    litellm: ModelsSandbox,
    *,
    budget: Decimal | None = Decimal(50),
    at_litellm: float = 50.0,
    **own: object,
) -> str:
    """Make an onboarded project with a key; return its `owner/name`."""
    name = f"app-{uuid.uuid4().hex[:8]}"
    row = Project.objects.create(
        service_name=name,
        owner="Octo-Org",
        name=name,
        repo_url="https://example.org",
        default_branch="main",
        execution_mode="local",
        env_name=f"env-{name}",
        auth_project_id=f"env-{name}",
        settings={"models": {"default": "claude-haiku", "max_budget": str(budget)}, **own},
    )
    key = litellm.key(team_id=name, max_budget=at_litellm)
    clients.vault.write(names.litellm_key_path(row.auth_project_id), {"key": key}, cas=0)
    return row.full_name


@pytest.fixture
def project(clients: Clients, litellm: ModelsSandbox) -> Callable[..., str]:
    """What makes an onboarded project with a key."""
    return partial(onboarded, clients, litellm)


@pytest.fixture
def work() -> Work:
    return Work(agent_id="tester", task_id=str(uuid.uuid4()), attempt=1, trace_id=uuid.uuid4().hex)


@pytest.fixture
def llm(work: Work, clients: Clients) -> Llm:
    return Llm(work, clients)
