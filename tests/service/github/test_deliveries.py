"""What GitHub sent to a hook, told and sent again, and secrets that change, as our client says it."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from deploy.local.servers import Valkey
from meshsix.integrations.errors import Missing, Refused
from meshsix.integrations.github.budget import connect
from meshsix.integrations.github.client import GitHub
from meshsix.integrations.github.hooks import Place
from meshsix.integrations.github.messages import HookDelivery, LastResponse
from meshsix.kit import clock
from meshsix.kit.names import RepositoryName
from tests.sandbox_github import Sandbox, running_sandbox

REPO = RepositoryName(owner="octo-org", name="bookmarks")
NOWHERE = "http://127.0.0.1:1/webhooks/github/x"
DAY = timedelta(days=1)


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    with running_sandbox(tmp_path / "github") as found:
        yield found


@pytest.fixture
def github(sandbox: Sandbox, broker: Valkey) -> GitHub:
    return sandbox.client(connect(broker.url))


def hook(github: GitHub, place: Place = REPO) -> int:
    return github.hooks.create(place, url=NOWHERE, secret="of-the-hook", events=["push"]).id


def told(github: GitHub, place: Place, hook_id: int, count: int) -> list[HookDelivery]:
    """Return the log of the hook once there is so much in it."""
    pause = threading.Event()
    for _ in range(2000):
        found = list(github.hooks.deliveries(place, hook_id, since=clock.now() - DAY))
        if len(found) >= count:
            return found
        pause.wait(0.01)
    raise AssertionError(f"{len(found)} deliveries instead of {count}")


@pytest.mark.parametrize("place", [REPO, "octo-org"], ids=["repository", "organization"])
def test_a_delivery_is_told_and_sent_again_under_its_guid(github: GitHub, place: Place) -> None:
    number = hook(github, place)
    first = told(github, place, number, 1)[0]
    assert (first.event, first.action, first.status_code, first.redelivery) == ("ping", "", 502, False)
    github.hooks.redeliver(place, number, first.id)
    newest, oldest = told(github, place, number, 2)
    assert (oldest, newest.guid, newest.redelivery) == (first, first.guid, True)
    assert newest.id != first.id
    assert list(github.hooks.deliveries(place, number, since=clock.now() + DAY)) == []


def test_only_the_pages_that_are_wanted_are_asked_for(sandbox: Sandbox, github: GitHub) -> None:
    number = hook(github)
    for _ in range(104):
        sandbox.rest("POST", f"/repos/{REPO.full_name}/hooks/{number}/pings")
    assert len(told(github, REPO, number, 105)) == 105
    sandbox.forget_requests()
    next(github.hooks.deliveries(REPO, number, since=clock.now() - DAY))
    assert len(sandbox.requests()) == 1
    list(github.hooks.deliveries(REPO, number, since=clock.now() - DAY))
    assert len(sandbox.requests()) == 3


def test_what_is_gone_is_missing(sandbox: Sandbox, github: GitHub) -> None:
    number = hook(github)
    with pytest.raises(Missing):
        github.hooks.redeliver(REPO, number, 1)
    sandbox.rest("DELETE", f"/repos/{REPO.full_name}/hooks/{number}")
    with pytest.raises(Missing):
        github.hooks.one(REPO, number)
    with pytest.raises(Missing):
        list(github.hooks.deliveries(REPO, number, since=clock.now() - DAY))


def test_a_hook_says_whether_it_is_on_and_how_its_receiver_answered(sandbox: Sandbox, github: GitHub) -> None:
    number = hook(github)
    told(github, REPO, number, 1)
    sandbox.rest("PATCH", f"/repos/{REPO.full_name}/hooks/{number}", {"active": False})
    found = github.hooks.one(REPO, number)
    assert not found.active
    assert found.last_response == LastResponse(code=502, status="connection_error", message="failed to connect to host")
    assert github.hooks.one("octo-org", hook(github, "octo-org")).last_response is None


def test_a_new_secret_changes_nothing_else(sandbox: Sandbox, github: GitHub) -> None:
    number = hook(github)
    before = github.hooks.one(REPO, number)
    sandbox.forget_requests()
    github.hooks.set_secret(REPO, number, "another-one")
    after = github.hooks.one(REPO, number)
    assert (after.url, after.events, after.content_type, after.active) == (
        before.url,
        before.events,
        before.content_type,
        True,
    )
    assert "another-one" not in repr(after)


def test_only_an_app_has_a_hook_of_its_own(github: GitHub) -> None:
    with pytest.raises(Refused) as caught:
        github.app_hook.url()
    assert caught.value.code == "github:no-app"
    with pytest.raises(Refused):
        list(github.app_hook.deliveries(since=clock.now() - DAY))
