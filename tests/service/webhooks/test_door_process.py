"""The door process itself, run by granian as in production: what it answers, what it stores, what a kill takes."""

import http.client
import json
import secrets
import uuid
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import httpx
import psutil
import pytest

from apps.projects.models import Hook
from apps.webhooks import handling
from apps.webhooks.doors import calls
from apps.webhooks.models import Delivery
from apps.webhooks.signatures import sign
from apps.webhooks.states import DeliveryState
from deploy.local.servers import OpenBao
from meshsix import wiring
from tests import deliveries
from tests.web_process import WebProcess, door_process

PATIENCE_SECONDS = 60
MIB = 1024 * 1024
PING = json.dumps({"zen": "Keep it logically awesome.", "hook_id": 7}).encode()
MOST_GROWTH_BYTES = 120 * MIB
"""Far less than the bodies that are sent; the allocator keeps some of what was freed."""
pytestmark = [pytest.mark.xdist_group("door-process"), pytest.mark.timeout(600)]


@dataclass(frozen=True, kw_only=True)
class Door:
    """A door process and a hook that it knows."""

    serving: WebProcess
    key: str
    secret: str = deliveries.SECRET

    def post(self, body: bytes = PING, *, guid: str = "", key: str = "", signature: str = "") -> tuple[int, str]:
        """Send a delivery; return the answer's status and word."""
        headers = {
            "X-GitHub-Event": "ping",
            "X-GitHub-Delivery": guid or str(uuid.uuid4()),
            "X-Hub-Signature-256": signature or sign(body, self.secret.encode()),
        }
        url = f"{self.serving.http}/webhooks/github/{key or self.key}"
        answer = httpx.post(url, content=body, headers=headers, timeout=PATIENCE_SECONDS, trust_env=False)
        return answer.status_code, answer.json()["status"]

    def declare(self, length: int) -> int:
        """Say that so much will come, and send nothing; return the answer's status."""
        connection = self._began("Content-Length", str(length))
        try:
            return connection.getresponse().status
        finally:
            connection.close()

    def pour(self, length: int) -> int:
        """Send so many bytes in chunks, without an end; return the answer's status, 0 where the line broke first."""
        connection = self._began("Transfer-Encoding", "chunked")
        with suppress(ConnectionError):  # it may be refused before all was sent
            for start in range(0, length, MIB):
                part = b"x" * min(MIB, length - start)
                connection.send(b"%x\r\n%s\r\n" % (len(part), part))
        try:
            return connection.getresponse().status
        except ConnectionError:
            return 0
        finally:
            connection.close()

    def _began(self, header: str, value: str) -> http.client.HTTPConnection:
        connection = http.client.HTTPConnection("127.0.0.1", self.serving.port, timeout=PATIENCE_SECONDS)
        connection.putrequest("POST", f"/webhooks/github/{self.key}")
        connection.putheader(header, value)
        connection.endheaders()
        return connection

    def processes(self) -> list[psutil.Process]:
        """Return the server with its children."""
        parent = psutil.Process(self.serving.process.pid)
        return [parent, *parent.children(recursive=True)]

    def memory_bytes(self) -> int:
        return sum(each.memory_info().rss for each in self.processes())

    def kill(self) -> None:
        """End all of it at once, as the kernel does when memory is short."""
        for each in reversed(self.processes()):
            with suppress(psutil.NoSuchProcess):
                each.kill()


@pytest.fixture(scope="module")
def serving(
    django_db_setup: None,  # noqa: ARG001 - the process uses its database
    vault_server: OpenBao,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[WebProcess]:
    with door_process(tmp_path_factory.mktemp("door") / "log", vault_server.env) as process:
        yield process


@pytest.fixture
def hook(repository_hook: Hook) -> Hook:
    """A hook of this test alone: the process keeps rows of hooks for a moment."""
    return Hook.objects.create(
        key=secrets.token_hex(16),
        kind="organization",
        owner="octo-org",
        github_id=secrets.randbelow(2**40),
        secret_path=repository_hook.secret_path,
        secret_version=repository_hook.secret_version,
    )


@pytest.fixture
def door(serving: WebProcess, hook: Hook) -> Door:
    return Door(serving=serving, key=hook.pk)


def test_what_is_well_signed_is_stored_once_and_nothing_else(door: Door) -> None:
    assert door.post(guid="1") == (202, "accepted")
    assert door.post(guid="1") == (200, "duplicate")
    assert door.post(guid="2", signature=sign(PING, b"wrong")) == (401, "unauthorized")
    assert door.post(guid="3", signature="sha1=01dc10d0c83e72ed246219cdd91669667fe2ca59") == (401, "unauthorized")
    assert door.post(guid="4", key="ffff") == (401, "unauthorized")
    assert door.post(b"[" * 100_000, guid="5") == (400, "malformed")
    assert door.post(b'{"a": "\xff"}', guid="6") == (400, "malformed")
    stored = Delivery.objects.get()
    assert (stored.guid, stored.hook_id, stored.body) == ("1", door.key, json.loads(PING))


def test_what_is_too_large_is_refused_by_what_it_says_or_by_what_it_is(door: Door) -> None:
    assert door.declare(calls.MOST_BYTES + 1) == 413
    assert door.pour(calls.MOST_BYTES + 1) == 413
    assert not Delivery.objects.exists()
    assert door.post(b'{"x": "' + b"y" * (calls.MOST_BYTES - 9) + b'"}') == (202, "accepted")


def test_a_rotated_secret_is_believed_at_once(door: Door, hook: Hook) -> None:
    assert door.post() == (202, "accepted")
    vault = wiring.clients().vault
    data = {"secret": "the next one", "previous": door.secret, "previous_until": "9999-01-01T00:00:00+00:00"}
    version = vault.write(hook.secret_path, data, cas=hook.secret_version or 0)
    Hook.objects.filter(pk=hook.pk).update(secret_announced=version)
    assert replace(door, secret="the next one").post() == (202, "accepted")
    assert door.post() == (202, "accepted"), "GitHub may still sign with it"
    version = vault.write(hook.secret_path, {"secret": "the last one"}, cas=version)
    Hook.objects.filter(pk=hook.pk).update(secret_version=version, secret_announced=None)
    assert replace(door, secret="the last one").post() == (202, "accepted")


def test_bodies_beyond_the_cap_leave_memory_as_it_was(door: Door) -> None:
    for _ in range(3):
        door.pour(30 * MIB)
    before = door.memory_bytes()
    assert {door.pour(30 * MIB) for _ in range(20)} <= {413, 0}
    assert door.memory_bytes() - before < MOST_GROWTH_BYTES
    assert not Delivery.objects.exists()
    assert door.post() == (202, "accepted")


def test_what_was_accepted_is_there_after_a_kill_and_is_handled(
    hook: Hook, vault_server: OpenBao, tmp_path: Path
) -> None:
    with door_process(tmp_path / "log", vault_server.env) as process:
        door = Door(serving=process, key=hook.pk)
        assert door.post(guid="1") == (202, "accepted")
        door.kill()
    delivery = Delivery.objects.get(guid="1")
    assert delivery.state == DeliveryState.RECEIVED
    handling.handle(delivery.pk)
    delivery.refresh_from_db()
    assert delivery.state == DeliveryState.HANDLED
    hook.refresh_from_db()
    assert hook.verified_at is not None
