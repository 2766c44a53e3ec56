"""The client's failures in transit, its limits and its threads, against a real server."""

import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from redis import Redis

from deploy.local.servers import Valkey
from meshsix.integrations.errors import Conflict, Missing, Refused, TryLater
from meshsix.integrations.github.budget import Budget, connect
from meshsix.integrations.github.client import GitHub
from meshsix.integrations.github.credential import AppCredential, TokenCredential
from meshsix.integrations.github.transport import Transport
from meshsix.kit.names import RepositoryName
from tests.sandbox_github import Sandbox, running_sandbox

REPO = RepositoryName(owner="octo-org", name="bookmarks")


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    with running_sandbox(tmp_path / "github") as found:
        yield found


@pytest.fixture
def redis(broker: Valkey) -> Iterator[Redis]:
    client = connect(broker.url)
    yield client
    client.close()


@pytest.fixture
def github(sandbox: Sandbox, redis: Redis) -> GitHub:
    return sandbox.client(redis)


def test_a_wrong_token_is_refused_with_a_fix(sandbox: Sandbox, redis: Redis) -> None:
    with pytest.raises(Refused) as caught:
        sandbox.client(redis, "no-such-token").identity("octo-org")
    assert (caught.value.code, caught.value.status) == ("github:unauthorized", 401)
    assert caught.value.request_id
    assert "GITHUB_TOKEN" in caught.value.hint


def test_what_does_not_exist_is_missing(github: GitHub) -> None:
    with pytest.raises(Missing):
        github.repository(RepositoryName(owner="octo-org", name="nothing"))
    with pytest.raises(Missing):
        github.boards.linked(RepositoryName(owner="octo-org", name="nothing"))
    assert github.contents.file(REPO, "no/such/file", ref="main") is None
    assert github.contents.folder(REPO, "no/such/folder", ref="main") == ()
    assert github.contents.file(REPO, "app", ref="main") is None, "a folder is no file"


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_trouble_on_their_side_is_tried_later(sandbox: Sandbox, github: GitHub, status: int) -> None:
    sandbox.fault("status", match={"path": "/user"}, status=status)
    with pytest.raises(TryLater) as caught:
        github.identity("octo-org")
    assert caught.value.counts
    assert len(sandbox.requests()) == 1, "the client itself never tries again"


@pytest.mark.parametrize("kind", ["drop-before-effect", "drop-after-effect"])
def test_a_dropped_connection_is_tried_later_and_only_once(sandbox: Sandbox, github: GitHub, kind: str) -> None:
    sandbox.fault(kind, match={"path": "/user"})
    with pytest.raises(TryLater) as caught:
        github.identity("octo-org")
    assert caught.value.counts
    assert len(sandbox.requests()) == 1
    assert github.identity("octo-org").login == "octo-user"


def test_silence_is_tried_later(sandbox: Sandbox, redis: Redis) -> None:
    sandbox.fault("timeout", match={"path": "/user"})
    with pytest.raises(TryLater):
        sandbox.client(redis, timeout=timedelta(seconds=1)).identity("octo-org")


def test_an_answer_that_is_no_json_is_tried_later(sandbox: Sandbox, github: GitHub) -> None:
    for body, headers in (("{broken", {}), ("[]", {}), ("<html>", {"content-type": "text/html"})):
        sandbox.fault("answer", match={"path": "/user"}, status=200, body=body, headers=headers)
        with pytest.raises(TryLater):
            github.identity("octo-org")


def test_an_unreachable_server_is_tried_later(redis: Redis) -> None:
    budget = Budget(redis, write_interval=timedelta(), longest_wait=timedelta())
    transport = Transport(
        api_url="http://127.0.0.1:1",
        credential=TokenCredential(token="x"),
        timeout=timedelta(seconds=1),
        budget=budget,
    )
    with pytest.raises(TryLater):
        GitHub(transport).identity("octo-org")


def test_a_commit_on_a_branch_that_moved_is_a_conflict(github: GitHub) -> None:
    head = github.branch(REPO, "main").sha
    github.contents.commit(REPO, branch="main", expected_head=head, headline="One", write={"one": "1"})
    with pytest.raises(Conflict):
        github.contents.commit(REPO, branch="main", expected_head=head, headline="Two", write={"two": "2"})
    with pytest.raises(Conflict):
        github.contents.create_branch(REPO, "main", sha=head)


def test_writes_wait_for_their_turn_and_far_ones_are_put_off(sandbox: Sandbox, redis: Redis) -> None:
    budget = Budget(redis, write_interval=timedelta(seconds=30), longest_wait=timedelta(seconds=1))
    transport = Transport(
        api_url=sandbox.url,
        credential=TokenCredential(token=sandbox.tokens["full"]),
        timeout=timedelta(seconds=5),
        budget=budget,
    )
    github = GitHub(transport)
    head = github.branch(REPO, "main").sha
    github.contents.create_branch(REPO, "one", sha=head)
    with pytest.raises(TryLater) as caught:
        github.contents.create_branch(REPO, "two", sha=head)
    assert not caught.value.counts
    assert caught.value.pause is not None
    assert timedelta(seconds=28) < caught.value.pause <= timedelta(seconds=30)
    assert len(sandbox.requests(changes=True)) == 1
    assert github.branch(REPO, "one").sha == head, "reading goes on"


def test_pages_are_followed_to_the_end(sandbox: Sandbox, github: GitHub) -> None:
    sandbox.repository(owner="octo-org", name="many", files={f"f/{number}": "x" for number in range(3)})
    many = RepositoryName(owner="octo-org", name="many")
    access = github.repository(many)
    for number in range(23):
        github.boards.create(
            owner="octo-org",
            owner_node_id=access.owner_node_id,
            repository_node_id=access.node_id,
            title=f"Board {number}",
        )
    assert [board.title for board in github.boards.linked(many)] == [f"Board {number}" for number in range(23)]


def test_threads_do_not_mix_up_their_answers(github: GitHub) -> None:
    seen: list[bool] = []

    def ask(name: str) -> None:
        repo = RepositoryName(owner="octo-org", name=name)
        seen.extend(github.repository(repo).name == name for _ in range(10))

    threads = [threading.Thread(target=ask, args=(name,)) for name in ("bookmarks", "platform", "handbook")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [True] * 30


def test_credentials_do_not_show_themselves() -> None:
    assert "s3cret" not in repr(TokenCredential(token="s3cret"))
    assert "s3cret" not in repr(AppCredential(app_id="1", private_key="s3cret"))
    assert "s3cret" not in TokenCredential(token="s3cret").key
