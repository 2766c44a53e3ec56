"""Every request that our client can send is one that GitHub describes, in OpenAPI or in its GraphQL schema.

The client's words are all said once to a sandbox, and the sandbox's log is held against what GitHub publishes.
"""

import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from graphql import parse
from graphql.execution.values import get_variable_values

from deploy.local.servers import Valkey
from meshsix.integrations.errors import VendorError
from meshsix.integrations.github import documents
from meshsix.integrations.github.budget import connect
from meshsix.integrations.github.client import GitHub
from meshsix.integrations.github.credential import AppCredential
from meshsix.integrations.github.hooks import Place
from meshsix.integrations.github.messages import Board, FieldType, Option, Permission
from meshsix.kit.names import RepositoryName
from tests.contract import published
from tests.sandbox_github import Sandbox, running_sandbox

REPO = RepositoryName(owner="octo-org", name="bookmarks")
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
NOWHERE = "http://127.0.0.1:1/webhooks/github/x"


def say_everything(github: GitHub, issue: str) -> None:
    """Say every word of the client once; `issue` is the global id of one that may go on a board."""
    github.identity(REPO.owner)
    repository = github.repository(REPO)
    head = github.branch(REPO, "main").sha
    _boards(github, repository.owner_node_id, repository.node_id, issue)
    assert github.repository_by_id(REPO.owner, repository.id) == repository
    assert github.permission(REPO, "octo-user") is Permission.ADMIN
    for place in (REPO, REPO.owner):
        events = ["push"] if place is REPO else ["projects_v2_item"]
        hook = github.hooks.create(place, url=NOWHERE, secret="s", events=events)
        github.hooks.update(place, hook.id, url=NOWHERE, secret="t", events=events)
        github.hooks.ping(place, hook.id)
        github.hooks.set_secret(place, hook.id, "u")
        assert github.hooks.one(place, hook.id).active
        assert [each.id for each in github.hooks.of(place)] == [hook.id]
        _deliveries(github, place, hook.id)
    github.contents.create_branch(REPO, "topic/one", sha=head)
    commit = github.contents.commit(
        REPO, branch="topic/one", expected_head=head, headline="One", body="Two", write={"a/b c.txt": "x", "z": b"\0"}
    )
    github.contents.commit(REPO, branch="topic/one", expected_head=commit.sha, headline="Three", write={}, delete=["z"])
    assert github.contents.branch(REPO, "topic/one").sha != commit.sha
    assert github.contents.file(REPO, "a/b c.txt", ref="topic/one") is not None
    assert github.contents.file(REPO, "z", ref="topic/one") is None
    assert [entry.name for entry in github.contents.folder(REPO, "a", ref="topic/one")] == ["b c.txt"]
    assert github.contents.commits(REPO, path="a", ref="topic/one", most=5)[0].message == "One\n\nTwo"
    assert not github.contents.ruled(REPO, "main")
    made = github.contents.create_pull_request(REPO, head="topic/one", base="main", title="One", body="Two")
    assert [each.number for each in github.contents.pull_requests(REPO, head="topic/one", base="main")] == [made.number]


def _deliveries(github: GitHub, place: Place, hook_id: int) -> None:
    """Wait for the first ping to be in GitHub's log, and have it sent again."""
    pause = threading.Event()
    for _ in range(1000):
        found = list(github.hooks.deliveries(place, hook_id, since=LONG_AGO))
        if found:
            github.hooks.redeliver(place, hook_id, found[-1].id)
            return
        pause.wait(0.01)
    raise AssertionError("GitHub's log stays empty")


def _boards(github: GitHub, owner_id: str, repository_id: str, content_id: str) -> None:
    board = github.boards.create(
        owner=REPO.owner, owner_node_id=owner_id, repository_node_id=repository_id, title="One"
    )
    github.boards.set_readme(board, "two")
    github.boards.create_field(board, name="Text", kind=FieldType.TEXT)
    field = github.boards.create_field(board, name="Choice", kind=FieldType.SINGLE_SELECT, options=[Option(name="A")])
    github.boards.accepts_option_ids(REPO.owner)
    github.boards.set_options(board, field, [Option(name="B", description="b")])
    assert [each.id for each in github.boards.linked(REPO)] == [board.id]
    _cards(github, board, content_id)


def _cards(github: GitHub, board: Board, content_id: str) -> None:
    status = board.field("Status")
    assert status is not None
    item_id = github.boards.add(REPO.owner, board_id=board.id, content_id=content_id).id
    facts = {"board_id": board.id, "item_id": item_id, "field_id": status.id, "option_id": status.options[0].id}
    assert github.boards.move(REPO.owner, **facts) == github.boards.card(REPO.owner, item_id)
    assert [card.id for card in github.boards.cards(REPO.owner, board.id).cards] == [item_id]


def _app_hook(github: GitHub) -> None:
    """Say every word about the hook of a GitHub App once, after it got the events of say_everything."""
    pause = threading.Event()
    for _ in range(1000):
        found = list(github.app_hook.deliveries(since=LONG_AGO))
        if found:
            break
        pause.wait(0.01)
    assert github.app_hook.url() == NOWHERE
    github.app_hook.redeliver(found[0].id)
    github.app_hook.set_secret("v")


def first_issue(sandbox: Sandbox) -> str:
    """Return the global id of the issue that the seed brings, leaving no trace in the request log."""
    issue = sandbox.rest("GET", f"/repos/{REPO.full_name}/issues/1")["node_id"]
    sandbox.forget_requests()
    return str(issue)


def problems(entry: dict[str, Any]) -> list[str]:
    """Return what GitHub would not take of a request in the log."""
    if entry["path"].endswith("/graphql"):
        return _graphql_problems(entry["body"])
    return published.rest().request_problems(entry["method"], entry["path"], entry["query"], entry["body"])


def _graphql_problems(body: dict[str, Any]) -> list[str]:
    schema, tree = published.graphql_schema(), parse(body["query"])
    definition = tree.definitions[0]
    found = get_variable_values(schema, definition.variable_definitions or (), body["variables"])  # type: ignore[attr-defined] # an operation
    return [str(error) for error in found] if isinstance(found, list) else []


@pytest.fixture
def sandbox(tmp_path: Path) -> Any:  # noqa: ANN401 - a generator of Sandbox
    with running_sandbox(tmp_path / "github") as found:
        yield found


def test_every_request_is_one_that_github_describes(sandbox: Sandbox, broker: Valkey) -> None:
    say_everything(sandbox.client(connect(broker.url)), first_issue(sandbox))
    entries = sandbox.requests()
    assert [problem for entry in entries for problem in problems(entry)] == []
    sent = {operation["name"] for entry in entries for operation in entry["operations"]}
    names = {path.stem for path in Path(documents.__file__).parent.glob("*.graphql")}
    assert {"".join([name.split("_")[0], *map(str.title, name.split("_")[1:])]) for name in names} == sent


def test_a_github_app_signs_in_as_github_describes(tmp_path: Path, broker: Valkey) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    public = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    app = {
        "id": 4711,
        "slug": "mesh-six",
        "owner": "octo-org",
        "public_key": public.decode(),
        "events": ["projects_v2_item"],
        "installations": [{"id": 1, "owner": "octo-org"}],
        "webhook": {"url": NOWHERE, "secret": "of-the-app"},
    }
    with running_sandbox(tmp_path / "github", apps=[app]) as sandbox:
        github = sandbox.client_with(connect(broker.url), AppCredential(app_id="4711", private_key=private))
        say_everything(github, first_issue(sandbox))
        _app_hook(github)
        entries = sandbox.requests()
        assert [problem for entry in entries for problem in problems(entry)] == []
        issued = [entry for entry in entries if entry["path"].endswith("/access_tokens")]
        assert len(issued) == 1, "the installation's token is kept"
        with pytest.raises(VendorError) as caught:
            github.identity("octo-user")
        assert caught.value.status == 404
