"""The vendors that credentials speak with: OpenBao, and the sandboxes of LiteLLM, sign-in, ntfy and S3."""

from collections.abc import Iterator
from contextlib import closing

import httpx
import pytest

from deploy.local.servers import OpenBao
from meshsix.integrations.claude import Claude
from meshsix.integrations.litellm import LiteLLM
from meshsix.integrations.ntfy import Ntfy
from meshsix.integrations.storage import Storage
from meshsix.integrations.vault import AppRole, Vault
from meshsix.wiring import Clients
from tests.sandboxes import Sandbox, sandbox
from tests.service.credentials.runs import Run
from tests.service.credentials.vendors import TIMEOUT, claude_at, storage_at


@pytest.fixture(scope="session")
def sign_in_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    config = {
        "client_id": "client-of-tests",
        "api_keys": ["planted-api-key-0001"],
        "setup_tokens": ["planted-setup-token-0001"],
        "device_interval": 1,
    }
    with sandbox("sign_in", tmp_path_factory.mktemp("sign_in"), config) as server:
        yield server


@pytest.fixture(scope="session")
def litellm_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    config = {"master_key": "planted-master-key"}
    with sandbox("litellm", tmp_path_factory.mktemp("litellm"), config) as server:
        yield server


@pytest.fixture(scope="session")
def ntfy_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with sandbox("ntfy", tmp_path_factory.mktemp("ntfy"), {"token": "planted-ntfy-token"}) as server:
        yield server


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with sandbox("s3", tmp_path_factory.mktemp("s3"), {}) as server:
        httpx.get(server.url, timeout=30)  # moto loads in a thread; its first answer tells that it has
        yield server


@pytest.fixture
def vault(vault_server: OpenBao) -> Vault:
    role = vault_server.approle
    sign_in = AppRole(role_id=role.role_id, secret_id=role.secret_id)
    return Vault(url=vault_server.url, mount="secret", sign_in=sign_in, timeout=TIMEOUT)


@pytest.fixture
def sign_in(sign_in_server: Sandbox) -> Sandbox:
    sign_in_server.reset()
    return sign_in_server


@pytest.fixture
def claude(sign_in: Sandbox) -> Iterator[Claude]:
    with closing(claude_at(sign_in)) as client:
        yield client


@pytest.fixture
def litellm_sandbox(litellm_server: Sandbox) -> Sandbox:
    litellm_server.reset()
    return litellm_server


@pytest.fixture
def litellm(litellm_sandbox: Sandbox) -> Iterator[LiteLLM]:
    with closing(LiteLLM(url=litellm_sandbox.url, admin_key="planted-master-key", timeout=TIMEOUT)) as client:
        yield client


@pytest.fixture
def ntfy_sandbox(ntfy_server: Sandbox) -> Sandbox:
    ntfy_server.reset()
    return ntfy_server


@pytest.fixture
def ntfy(ntfy_sandbox: Sandbox) -> Iterator[Ntfy]:
    made = Ntfy(url=ntfy_sandbox.url, topic="mesh-six", token="planted-ntfy-token", timeout=TIMEOUT)
    with closing(made) as client:
        yield client


@pytest.fixture
def s3(s3_server: Sandbox) -> Sandbox:
    s3_server.reset()
    return s3_server


@pytest.fixture(scope="session")
def storage_client(s3_server: Sandbox) -> Storage:
    return storage_at(s3_server.url)  # one for all: boto3 takes a second to make a client


@pytest.fixture
def storage(storage_client: Storage, s3: Sandbox) -> Storage:
    assert s3.requests() == []
    return storage_client


@pytest.fixture
def clients(vault: Vault, claude: Claude, litellm: LiteLLM, ntfy: Ntfy, storage: Storage) -> Clients:
    made = Clients()
    made.__dict__.update(vault=vault, claude=claude, litellm=litellm, ntfy=ntfy, storage=storage)
    return made


@pytest.fixture
def run(clients: Clients) -> Run:
    return Run(clients)
