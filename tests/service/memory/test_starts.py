"""Processes that write memories start only where setting, column and model agree: real ones, by their commands."""

import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
from django.conf import settings

from deploy.local.servers import OpenBao
from meshsix.celery import WORKER_OPTIONS
from tests.engine_process import kill
from tests.models_sandbox import MASTER_KEY, ModelsSandbox
from tests.platform import eventually
from tests.registry_agents import AGENTS
from tests.tree import BASE

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("clients")]

AGENT = ["manage.py", "runagent", "alpha"]
WORKER = ["-m", "celery", "-A", "meshsix.celery", "worker", "--loglevel=INFO", *WORKER_OPTIONS]
WEB = ["-m", "uvicorn", "meshsix.asgi:application", "--port", "0"]
EIGHT = {"object": "list", "data": [{"index": 0, "embedding": [0.1] * 8}], "usage": {"prompt_tokens": 1}}


@pytest.fixture
def environment(litellm: ModelsSandbox, vault_server: OpenBao) -> dict[str, str]:
    """Return the settings of a process on the database, broker, models and secrets of this test."""
    database = settings.DATABASES["default"]
    return {
        **os.environ,
        "DATABASE_URL": "postgresql://{USER}:{PASSWORD}@{HOST}:{PORT}/{NAME}".format(**database),
        "AGENTS": f"alpha={AGENTS['alpha']}",
        "LITELLM_URL": litellm.url,
        "LITELLM_ADMIN_KEY": MASTER_KEY,
        "EMBEDDING_MODEL": "text-embedding",
        "VAULT_ADDR": vault_server.url,
        "VAULT_ROLE_ID": vault_server.approle.role_id,
        "VAULT_SECRET_ID": vault_server.approle.secret_id,
    }


def told(words: list[str], environment: dict[str, str]) -> str:
    """Return what a process says that does not start."""
    done = subprocess.run(
        [sys.executable, *words], cwd=BASE, env=environment, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode not in {0, None}
    return done.stdout + done.stderr


@pytest.mark.parametrize("words", [AGENT, WORKER, WEB], ids=["agent", "worker", "web"])
def test_another_length_in_the_setting_than_in_the_column_stops_the_start(
    words: list[str], environment: dict[str, str]
) -> None:
    said = told(words, {**environment, "EMBEDDING_DIMENSION": "32"})
    assert "EMBEDDING_DIMENSION is 32, but the memories' vectors have 768 numbers." in said
    assert "manage.py reembed_memories" in said


REFUSED = {"error": {"message": "no such dimension"}}
ANSWERS = [
    ({"status": 200, "body": EIGHT}, "EMBEDDING_DIMENSION is 768, but text-embedding gives vectors of 8 numbers."),
    ({"status": 400, "body": REFUSED}, "text-embedding gives no vector"),
]


@pytest.mark.parametrize("words", [AGENT, WORKER], ids=["agent", "worker"])
@pytest.mark.parametrize(("answer", "problem"), ANSWERS, ids=["other length", "refused"])
def test_another_length_of_the_model_than_in_the_setting_stops_the_start(
    words: list[str], answer: dict[str, object], problem: str, litellm: ModelsSandbox, environment: dict[str, str]
) -> None:
    litellm.fault("answer", match={"path": "/embeddings"}, times=None, **answer)
    said = told(words, environment)
    assert problem in said
    assert "manage.py reembed_memories" in said


AWAY = {"kind": "timeout", "match": {"path": "/embeddings"}}
UNKNOWN = {
    "kind": "answer",
    "match": {"path": "/embeddings"},
    "status": 400,
    "body": {"error": {"message": "Invalid model name passed in model=text-embedding"}},
}


@pytest.mark.parametrize(
    "start",
    [
        (AGENT, " ready.", AWAY, {}),
        (WORKER, " ready.", AWAY, {}),
        (WORKER, " ready.", UNKNOWN, {}),
        (WORKER, " ready.", AWAY, {"VAULT_SECRET_ID": "nobody"}),
        (WEB, "startup complete", AWAY, {}),
    ],
    ids=["agent", "worker", "worker without the model", "worker that Vault refuses", "web"],
)
def test_a_start_waits_for_no_litellm_and_no_vault(
    start: tuple[list[str], str, dict[str, object], dict[str, str]],
    environment: dict[str, str],
    litellm: ModelsSandbox,
    tmp_path: Path,
) -> None:
    words, sign, fault, own = start
    litellm.fault(times=None, **fault)
    log = tmp_path / "process.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [sys.executable, *words],
            cwd=BASE,
            env={**environment, **own},
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        eventually(lambda: sign in log.read_text() or process.poll() is not None, within=timedelta(minutes=2))
        assert process.poll() is None, log.read_text()
        assert ("no probe vector" in log.read_text()) == (words is not WEB)
        assert len(litellm.asked("/embeddings")) == (0 if words is WEB or own else 1)
    finally:
        kill(process)
