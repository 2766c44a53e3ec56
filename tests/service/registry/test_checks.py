"""What agents depend on, looked at through real servers."""

import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from pytest_django import Settings

from apps.agents.registry.models import Agent, Capability, Check
from apps.agents.registry.queries import scores
from apps.agents.registry.services import checks
from apps.agents.registry.states import CheckKind
from deploy.local.servers import OpenBao
from meshsix.kit import clock
from meshsix.live.models import Event
from meshsix.wiring import Clients
from tests.service.registry.conftest import Office


class Door(ThreadingHTTPServer):
    """Counts what it is asked."""

    daemon_threads = True
    asked: int = 0


class Answers(BaseHTTPRequestHandler):
    """Answers with the status that stands in the path; /slow takes too long."""

    server: Door

    def do_GET(self) -> None:
        self.server.asked += 1
        if self.path == "/slow":
            time.sleep(3)
        self.send_response(int(self.path.strip("/")) if self.path != "/slow" else 200)
        self.send_header("Location", "/200")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def door() -> Iterator[Door]:
    with Door(("127.0.0.1", 0), Answers) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def needs(name: str, door: Door, path: str) -> Check:
    """Let an agent depend on an address."""
    agent = Agent.objects.create(agent_id=name, title="N", kind="python", type="API", version="1")
    target = f"http://127.0.0.1:{door.server_port}{path}"
    return Check.objects.create(agent=agent, key="there", kind=CheckKind.URL, target=target)


def look_again(row: Check) -> Check:
    Check.objects.update(due_at=clock.now())
    checks.refresh(Clients())
    row.refresh_from_db()
    return row


@pytest.mark.parametrize(("path", "ok"), [("/200", True), ("/204", True), ("/302", False), ("/500", False)])
def test_an_address_is_well_if_it_answers_2xx_itself(
    office: Office,  # noqa: ARG001 - the database
    door: Door,
    settings: Settings,
    path: str,
    ok: bool,  # noqa: FBT001 - a column of the table
) -> None:
    settings.AGENT_CHECK_HOSTS = ["127.0.0.1"]
    row = look_again(needs("one", door, path))
    assert (row.ok, row.detail) == (ok, f"answered {path.strip('/')}")
    assert door.asked == 1, "a redirect is not followed"
    assert row.checked_at is not None


def test_a_host_that_nobody_allowed_is_not_asked(office: Office, door: Door) -> None:  # noqa: ARG001 - the database
    row = look_again(needs("one", door, "/200"))
    assert (row.ok, door.asked) == (False, 0)
    assert "AGENT_CHECK_HOSTS" in row.detail


def test_what_does_not_answer_in_time_is_not_well(office: Office, door: Door, settings: Settings) -> None:  # noqa: ARG001 - the database
    settings.AGENT_CHECK_HOSTS = ["127.0.0.1"]
    settings.AGENT_CHECK_TIMEOUT = timedelta(seconds=0.5)
    assert look_again(needs("one", door, "/slow")).ok is False


@pytest.mark.parametrize("target", ["http://[", "http://127.0.0.1:99999/"])
def test_a_target_that_cannot_even_be_looked_at_keeps_nobody_from_looking_at_the_others(
    office: Office,  # noqa: ARG001 - the database
    door: Door,
    settings: Settings,
    target: str,
) -> None:
    settings.AGENT_CHECK_HOSTS = ["127.0.0.1", "127.0.0.1:99999"]
    bad, good = needs("bad", door, "/200"), needs("good", door, "/200")
    Check.objects.filter(pk=bad.pk).update(target=target)
    assert look_again(good).ok is True
    bad.refresh_from_db()
    assert bad.ok is False
    assert bad.detail


def test_a_target_is_looked_at_once_however_many_agents_share_it_and_not_before_it_is_due(
    office: Office,  # noqa: ARG001 - the database
    door: Door,
    settings: Settings,
) -> None:
    settings.AGENT_CHECK_HOSTS = ["127.0.0.1"]
    for name in ("one", "two", "three"):
        needs(name, door, "/200")
    assert checks.refresh(Clients()) == 1
    assert checks.refresh(Clients()) == 0
    assert door.asked == 1
    assert Check.objects.filter(ok=True).count() == 3
    with clock.moved(timedelta(seconds=31)):
        assert checks.refresh(Clients()) == 1


def test_a_healed_dependency_needs_two_good_looks_and_gives_a_new_start_where_the_policy_explores(
    office: Office, door: Door, settings: Settings
) -> None:
    settings.AGENT_CHECK_HOSTS = ["127.0.0.1"]
    row = needs("one", door, "/500")
    office.register("alpha")
    Capability.objects.filter(agent="alpha").update(agent_id="one", requirements=["there"])
    assert look_again(row).ok is False
    Check.objects.update(target=row.target.replace("/500", "/200"))
    office.policy(exploration_rate=0.1)
    assert look_again(row).ok is False
    assert look_again(row).ok is True
    assert row.healed_at is not None
    assert Capability.objects.get(agent="one").window_since == row.healed_at


def test_a_vendor_is_asked_through_the_platforms_own_client(office: Office, vault_environment: OpenBao) -> None:
    assert vault_environment.url
    office.register("needy")
    row = look_again(Check.objects.get())
    assert (row.ok, row.detail) == (True, "takes our token")
    assert scores.candidates("keep", now=clock.now())[0].eligible


def test_a_vendor_that_is_not_configured_or_away_is_not_well(office: Office, settings: Settings) -> None:
    office.register("needy")
    settings.VAULT_ADDR = ""
    row = look_again(Check.objects.get())
    assert (row.ok, row.detail) == (False, "vault is not configured.")
    settings.VAULT_ADDR, settings.VAULT_TOKEN = "http://127.0.0.1:9", "unused-token"
    assert look_again(row).ok is False
    assert "not configured" not in row.detail


def test_each_change_of_a_check_is_told_and_no_look_that_finds_the_same(office: Office) -> None:
    office.register("needy")
    target = (CheckKind.VENDOR, "vault")
    for good in (True, True, False, False, True, True):
        finding = checks.Finding(good=good, detail="as seen", duration=timedelta(0))
        checks.record(target, finding, now=clock.now())
    told = Event.objects.filter(aggregate_id="agent:needy", payload__entity="check vault-healthy").order_by("seq")
    assert [(row.payload["from"], row.payload["to"]) for row in told] == [
        ("unknown", "well"),
        ("well", "down"),
        ("down", "well"),
    ]
