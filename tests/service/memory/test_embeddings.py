"""Setting, column and model must agree, and a command brings them in line."""

import os
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from io import StringIO
from urllib.parse import urlsplit

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from pytest_django import Settings
from structlog.testing import capture_logs

from apps.agents.llm.services import Llm
from apps.agents.memory import dimension, embeddings, queries
from apps.agents.memory.models import Memory
from apps.agents.memory.scopes import Scope
from apps.agents.memory.services import Memories
from deploy.local.servers import OpenBao
from meshsix import wiring
from meshsix.integrations.vault import AppRole, Vault
from meshsix.wiring import Clients
from tests.models_sandbox import MASTER_KEY, ModelsSandbox
from tests.tree import BASE

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def usual_length() -> Iterator[None]:
    yield
    Memory.objects.all().delete()
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE agent_memories ALTER COLUMN embedding TYPE vector(768)")


@pytest.fixture
def wired(litellm: ModelsSandbox, settings: Settings, vault_environment: OpenBao) -> Iterator[None]:
    """Let commands find the same LiteLLM and Vault by the settings."""
    settings.LITELLM_URL, settings.LITELLM_ADMIN_KEY = litellm.url, MASTER_KEY
    assert vault_environment.url == settings.VAULT_ADDR
    wiring.clients.cache_clear()
    yield
    wiring.clients().models.close()  # type: ignore[union-attr] # it is configured
    wiring.clients.cache_clear()


def test_agreement_is_proven_by_a_probe_and_without_a_model_by_the_column(
    clients: Clients, litellm: ModelsSandbox, settings: Settings
) -> None:
    assert embeddings.check(clients)
    litellm.fault("status", match={"path": "/embeddings"})
    assert not embeddings.check(clients)
    settings.LLM_MODELS = {**settings.LLM_MODELS, "embed": ""}
    assert not embeddings.check(clients)


def test_another_length_in_the_setting_stops_the_start(clients: Clients, settings: Settings) -> None:
    settings.EMBEDDING_DIMENSION = 32
    with pytest.raises(dimension.Disagreement, match=r"manage\.py reembed_memories"):
        embeddings.check(clients)


def test_another_length_of_the_model_stops_the_start(clients: Clients, litellm: ModelsSandbox) -> None:
    vectors = {"object": "list", "data": [{"index": 0, "embedding": [0.1] * 8}], "usage": {"prompt_tokens": 1}}
    litellm.fault("answer", match={"path": "/embeddings"}, status=200, body=vectors)
    with pytest.raises(dimension.Disagreement, match="Set EMBEDDING_DIMENSION to 8"):
        embeddings.check(clients)


NO_VECTOR: list[tuple[int, dict[str, str]]] = [
    (400, {"message": "litellm.UnsupportedParamsError: Setting dimensions is not supported"}),
    (422, {"message": "Dimensions: not a multiple of 64"}),
    (400, {"message": "Invalid value.", "param": "dimensions"}),
]


@pytest.mark.parametrize(("status", "said"), NO_VECTOR)
def test_a_model_that_refuses_such_a_vector_stops_the_start(
    clients: Clients, litellm: ModelsSandbox, status: int, said: dict[str, str]
) -> None:
    litellm.fault("answer", match={"path": "/embeddings"}, status=status, body={"error": said})
    with pytest.raises(dimension.Disagreement, match=r"text-embedding gives no vector of .* 768 .*reembed_memories"):
        embeddings.check(clients)


def answered(status: int, said: str, path: str = "/embeddings") -> dict[str, object]:
    return {"kind": "answer", "match": {"path": path}, "status": status, "body": {"error": {"message": said}}}


NO_PROBE: list[dict[str, object]] = [
    answered(503, "no dimension yet"),
    answered(429, "no"),
    answered(401, "no"),
    answered(404, "no"),
    answered(400, "no"),
    answered(422, "no"),
    answered(400, "Budget has been exceeded!"),
    answered(400, "Invalid model name passed in model=text-embedding"),
    answered(401, "key not allowed to access model"),
    answered(400, "no such dimension", path="/key/generate"),
    {"kind": "answer", "match": {"path": "/embeddings"}, "status": 200, "body": {}},
    {"kind": "drop-before-effect", "match": {"path": "/embeddings"}},
    {"kind": "timeout", "match": {"path": "/embeddings"}},
]


@pytest.mark.parametrize("fault", NO_PROBE)
def test_whatever_else_refuses_the_probe_is_a_warning_and_stops_no_start(
    clients: Clients, litellm: ModelsSandbox, fault: dict[str, object]
) -> None:
    litellm.fault(**fault)
    with capture_logs() as logs:
        assert not embeddings.check(clients)
    (told,) = [each for each in logs if each["event"] == "no probe vector"]
    assert (told["log_level"], told["model"], "litellm" in told["error"].lower()) == ("warning", "text-embedding", True)


def test_a_vault_that_refuses_us_is_a_warning_and_stops_no_start(
    clients: Clients, litellm: ModelsSandbox, vault_server: OpenBao
) -> None:
    sign_in = AppRole(role_id=vault_server.approle.role_id, secret_id="nobody")
    clients.__dict__["vault"] = Vault(
        url=vault_server.url, mount="secret", sign_in=sign_in, timeout=timedelta(seconds=10)
    )
    with capture_logs() as logs:
        assert not embeddings.check(clients)
    (told,) = [each for each in logs if each["event"] == "no probe vector"]
    assert (told["log_level"], bool(told["hint"])) == ("warning", True)
    assert litellm.asked("/embeddings") == []


@pytest.mark.usefixtures("wired")
def test_the_command_gives_all_memories_new_vectors_and_may_be_repeated(llm: Llm, settings: Settings) -> None:
    memory = Memories(llm.work, llm)
    memory.keep([f"fact {number}" for number in range(70)], scope=Scope.AGENT)
    settings.EMBEDDING_DIMENSION = 32
    with pytest.raises(CommandError, match="reembed_memories"):
        call_command("reembed_memories", "--check", "--json", stdout=StringIO())
    out = StringIO()
    call_command("reembed_memories", "--json", stdout=out)
    assert out.getvalue().strip() == '{"resized": true, "memories": 70}'
    assert queries.column_length() == 32
    assert {len(row.embedding) for row in Memory.objects.all()} == {32}
    again = StringIO()
    call_command("reembed_memories", "--json", stdout=again)
    assert again.getvalue().strip() == '{"resized": false, "memories": 0}'


@pytest.mark.usefixtures("wired")
def test_a_stopped_model_ends_the_command_with_what_to_do(llm: Llm, settings: Settings, litellm: ModelsSandbox) -> None:
    Memories(llm.work, llm).keep(["fact"], scope=Scope.AGENT)
    settings.LLM_MODELS = {**settings.LLM_MODELS, "embed": "claude-haiku"}
    litellm.fault("status", match={"path": "/embeddings"}, times=None)
    with pytest.raises(CommandError, match="Run the command again"):
        call_command("reembed_memories")


def test_a_role_that_may_not_make_the_extension_is_told_the_cure() -> None:
    """Migrating as a role without the right, in a database without the extension."""
    address = urlsplit(os.environ["DATABASE_URL"])
    with psycopg.connect(address.geturl(), autocommit=True) as admin:
        admin.execute("DROP DATABASE IF EXISTS no_vector WITH (FORCE)")
        admin.execute("DROP ROLE IF EXISTS weak")
        admin.execute("CREATE DATABASE no_vector")
        admin.execute("CREATE ROLE weak LOGIN PASSWORD 'planted'")
    with psycopg.connect(address._replace(path="/no_vector").geturl(), autocommit=True) as admin:
        admin.execute("GRANT CREATE ON SCHEMA public TO weak")
    weak = address._replace(netloc=f"weak:planted@{address.hostname}:{address.port}", path="/no_vector").geturl()
    done = subprocess.run(
        [sys.executable, "manage.py", "migrate", "agent_memory"],
        cwd=BASE,
        env={**os.environ, "DATABASE_URL": weak},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert "let an administrator run, in this database, CREATE EXTENSION vector; then migrate again" in done.stderr
