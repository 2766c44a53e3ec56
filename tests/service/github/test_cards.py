"""Cards as our client sees them on a sandbox's boards: what is on them, where they are, and that they can be gone."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest

from deploy.local.servers import Valkey
from meshsix.integrations.errors import Missing, Refused
from meshsix.integrations.github.budget import connect
from meshsix.integrations.github.client import GitHub
from meshsix.integrations.github.messages import Board, Card, CardContent
from meshsix.kit import clock
from meshsix.kit.names import RepositoryName
from tests.sandbox_github import Sandbox, running_sandbox

OWNER = "octo-org"
REPO = RepositoryName(owner=OWNER, name="bookmarks")
DRAFT = """mutation($board: ID!) {
  addProjectV2DraftIssue(input: {projectId: $board, title: "An idea"}) { projectItem { id } } }"""
ARCHIVE = "mutation($b: ID!, $i: ID!) { archiveProjectV2Item(input: {projectId: $b, itemId: $i}) { item { id } } }"
TAKE_OFF = "mutation($b: ID!, $i: ID!) { deleteProjectV2Item(input: {projectId: $b, itemId: $i}) { deletedItemId } }"


@dataclass(frozen=True, kw_only=True)
class Desk:
    """A board, our client, and the sandbox beside it."""

    sandbox: Sandbox
    github: GitHub
    board: Board

    def issue(self, title: str, **facts: object) -> str:
        """Make an issue and return its global id."""
        body = {"title": title, **facts}
        return str(self.sandbox.rest("POST", f"/repos/{REPO.full_name}/issues", body)["node_id"])

    def add(self, content_id: str) -> Card:
        """Put it on the board."""
        return self.github.boards.add(OWNER, board_id=self.board.id, content_id=content_id)

    def move(self, card: Card, column: str) -> Card:
        """Move a card to a column of this name."""
        status = self.board.field("Status")
        assert status is not None
        option = status.option_ids[column]
        return self.github.boards.move(
            OWNER, board_id=self.board.id, item_id=card.id, field_id=status.id, option_id=option
        )


@pytest.fixture
def desk(tmp_path: Path, broker: Valkey) -> Iterator[Desk]:
    with running_sandbox(tmp_path / "github") as sandbox:
        github = sandbox.client(connect(broker.url))
        home = github.repository(REPO)
        board = github.boards.create(
            owner=OWNER, owner_node_id=home.owner_node_id, repository_node_id=home.node_id, title="One"
        )
        yield Desk(sandbox=sandbox, github=github, board=board)


def test_a_card_shows_its_issue_and_its_column(desk: Desk) -> None:
    added = desk.add(desk.issue("Tag it", labels=["bug", "later"], assignees=["octo-user"]))
    assert (added.status, added.status_option_id) == ("", "")
    moved = desk.move(added, "Todo")
    card = desk.github.boards.card(OWNER, added.id)
    assert card == moved
    assert (card.content, card.repository, card.title, card.author) == (
        CardContent.ISSUE,
        "octo-org/bookmarks",
        "Tag it",
        "octo-user",
    )
    assert (card.labels, card.assignees, card.issue_open, card.archived) == (
        ("bug", "later"),
        ("octo-user",),
        True,
        False,
    )
    assert card.url.endswith(f"/octo-org/bookmarks/issues/{card.issue}")
    status = desk.board.field("Status")
    assert status is not None
    assert (card.status, card.status_option_id, card.board_id) == ("Todo", status.option_ids["Todo"], desk.board.id)
    assert clock.now() - card.updated_at < timedelta(minutes=1)


def test_a_closed_issue_and_a_pull_request_are_told_apart(desk: Desk) -> None:
    card = desk.add(desk.issue("Done already"))
    desk.sandbox.rest("PATCH", f"/repos/{REPO.full_name}/issues/{card.issue}", {"state": "closed"})
    assert not desk.github.boards.card(OWNER, card.id).issue_open
    head = desk.github.branch(REPO, "main").sha
    desk.github.contents.create_branch(REPO, "topic", sha=head)
    desk.github.contents.commit(REPO, branch="topic", expected_head=head, headline="One", write={"one": "1"})
    desk.github.contents.create_pull_request(REPO, head="topic", base="main", title="A pull", body="")
    number = desk.github.contents.pull_requests(REPO, head="topic", base="main")[0].number
    pull = desk.add(str(desk.sandbox.rest("GET", f"/repos/{REPO.full_name}/pulls/{number}")["node_id"]))
    assert (pull.content, pull.issue, pull.title, pull.issue_open) == (CardContent.PULL_REQUEST, number, "A pull", True)


def test_a_draft_has_a_title_and_nothing_of_an_issue(desk: Desk) -> None:
    item = desk.sandbox.graphql(DRAFT, board=desk.board.id)["addProjectV2DraftIssue"]["projectItem"]["id"]
    card = desk.github.boards.card(OWNER, item)
    assert (card.content, card.title, card.author) == (CardContent.DRAFT_ISSUE, "An idea", "octo-user")
    assert (card.repository, card.issue, card.issue_node_id, card.url, card.labels) == ("", None, "", "", ())
    assert not card.issue_open


def test_a_card_that_we_may_not_see_is_redacted() -> None:
    told = {"id": "PVTI_1", "type": "REDACTED", "isArchived": False, "updatedAt": "2026-01-31T09:00:00Z"}
    card = Card.parse({**told, "project": {"id": "PVT_1"}, "content": None, "status": None})
    assert (card.content, card.title, card.repository, card.status) == (CardContent.REDACTED, "", "", "")


def test_a_moved_card_is_moved_once_and_only_to_a_column_that_exists(desk: Desk) -> None:
    card = desk.move(desk.add(desk.issue("One")), "Done")
    again = desk.move(card, "Done")
    assert replace(again, updated_at=card.updated_at) == card
    status = desk.board.field("Status")
    assert status is not None
    with pytest.raises(Refused):
        desk.github.boards.move(
            OWNER, board_id=desk.board.id, item_id=card.id, field_id=status.id, option_id="no-such-option"
        )


def test_what_is_gone_is_missing_and_an_archived_card_is_not(desk: Desk) -> None:
    card = desk.add(desk.issue("One"))
    desk.sandbox.graphql(ARCHIVE, b=desk.board.id, i=card.id)
    assert desk.github.boards.card(OWNER, card.id).archived
    assert desk.github.boards.cards(OWNER, desk.board.id).cards == ()
    desk.sandbox.graphql(TAKE_OFF, b=desk.board.id, i=card.id)
    with pytest.raises(Missing):
        desk.github.boards.card(OWNER, card.id)
    with pytest.raises(Missing):
        desk.move(card, "Todo")
    with pytest.raises(Missing):
        desk.github.boards.cards(OWNER, "PVT_kwDOAAAAAAAAAAE")
    with pytest.raises(Missing):
        desk.github.boards.card(OWNER, desk.board.id)


def test_a_board_is_read_in_pages_of_a_hundred_with_one_question_each(desk: Desk) -> None:
    names = [f"Issue {number}" for number in range(103)]
    for name in names:
        desk.add(desk.issue(name))
    desk.sandbox.forget_requests()
    first = desk.github.boards.cards(OWNER, desk.board.id)
    second = desk.github.boards.cards(OWNER, desk.board.id, after=first.following)
    assert (len(first.cards), first.total, second.following, second.total) == (100, 103, None, 103)
    assert [card.title for card in (*first.cards, *second.cards)] == names
    assert len(desk.sandbox.requests()) == 2
