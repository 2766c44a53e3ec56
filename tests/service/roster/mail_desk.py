"""notifier in the test's own process, with the sandboxes of ntfy and of the chats, and what arrives there."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from pytest_django import Settings

from apps.agents.registry import definitions
from apps.agents.registry.here import HERE
from apps.agents.registry.models import Task
from apps.agents.roster.notices import services
from apps.agents.roster.notices.states import ChannelName
from deploy.local.servers import OpenBao
from meshsix import wiring
from meshsix.durable import registry
from tests.sandboxes import Sandbox, sandbox
from tests.service.registry.conftest import Office

TOKEN = "planted-chat-token"
TOPIC = "topic-7f3a"
SLACK, DISCORD, NTFY, CONSOLE = (ChannelName(each) for each in ("slack", "discord", "ntfy", "console"))


@pytest.fixture(scope="module")
def chat_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with sandbox("chat", tmp_path_factory.mktemp("chat"), {"token": TOKEN}) as server:
        yield server


@pytest.fixture(scope="module")
def ntfy_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with sandbox("ntfy", tmp_path_factory.mktemp("ntfy"), {"token": "planted-ntfy-token"}) as server:
        yield server


class Mail:
    """What arrived."""

    def __init__(self, chat: Sandbox, ntfy: Sandbox) -> None:
        self.chat, self.ntfy = chat, ntfy

    def server(self, channel: ChannelName) -> Sandbox:
        return self.ntfy if channel is NTFY else self.chat

    def posts(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = httpx.get(f"{self.chat.url}/_sandbox/posts", timeout=60).json()["posts"]
        return found

    def notices(self) -> list[dict[str, Any]]:
        head = {"Authorization": "Bearer planted-ntfy-token"}
        lines = httpx.get(f"{self.ntfy.url}/{TOPIC}/json?poll=1", headers=head, timeout=60).text.splitlines()
        return [json.loads(line) for line in lines]

    def count(self, channel: ChannelName) -> int:
        return len(self.notices() if channel is NTFY else self.posts())

    def shown(self) -> int:
        """Return how many messages ntfy's page shows."""
        return httpx.get(f"{self.ntfy.url}/{TOPIC}", timeout=60).text.count("<article")


@pytest.fixture
def mail(chat_server: Sandbox, ntfy_server: Sandbox, settings: Settings) -> Mail:
    chat_server.reset()
    ntfy_server.reset()
    settings.NTFY_URL, settings.NTFY_TOKEN = ntfy_server.url, "planted-ntfy-token"
    settings.NOTIFY_HOSTS = [chat_server.url.removeprefix("http://")]
    return Mail(chat_server, ntfy_server)


@pytest.fixture
def office(
    db: None,  # noqa: ARG001 - it works on the database
    mail: Mail,
    vault_environment: OpenBao,  # noqa: ARG001 - addresses lie there
) -> Iterator[Office]:
    """notifier, registered, with a destination a channel that is named like it."""
    for cache in (wiring.clients.cache_clear, registry.forget, definitions.deployed.cache_clear):
        cache()
    secrets = {
        SLACK: f"{mail.chat.url}/services/T/C/{TOKEN}",
        DISCORD: f"{mail.chat.url}/api/webhooks/1/{TOKEN}",
        NTFY: TOPIC,
    }
    vault = wiring.clients().vault
    for channel, secret in secrets.items():
        services.add_destination(channel.value, channel=channel, project="", secret=secret, vault=vault)
    HERE.instance_id = "here"
    made = Office()
    made.register("notifier")
    yield made
    HERE.instance_id = ""
    wiring.clients().chat.close()
    if ntfy := wiring.clients().ntfy:
        ntfy.close()
    wiring.clients.cache_clear()


def submitted(office: Office, channel: ChannelName, **payload: object) -> Task:
    given = {"text": None, "modes": None, "channel": channel.value, "message": "3 findings", **payload}
    return office.submit("notify", payload=given)


def error_of(task: Task) -> tuple[str, str, str]:
    assert task.error is not None
    return task.status, task.error["type"], task.error["code"]
