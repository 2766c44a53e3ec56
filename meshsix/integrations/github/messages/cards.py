"""Cards of Projects v2 boards, with what they show of their issue."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Self

Json = Mapping[str, Any]


class CardContent(StrEnum):
    """What is on a card. REDACTED: something that we may not see."""

    ISSUE = "ISSUE"
    PULL_REQUEST = "PULL_REQUEST"
    DRAFT_ISSUE = "DRAFT_ISSUE"
    REDACTED = "REDACTED"


@dataclass(frozen=True, kw_only=True)
class Card:
    """A card as it is now. What a kind of content lacks is empty: a draft has no repository, issue, url and labels.

    `issue` is the number of the issue or pull request, `issue_node_id` its global id; `status` and
    `status_option_id` name the column, both empty for a card without one. `updated_at` is exact to the second, and
    no change of the issue touches it.
    """

    id: str
    board_id: str
    content: CardContent
    repository: str
    issue: int | None
    issue_node_id: str
    title: str
    url: str
    author: str
    labels: tuple[str, ...]
    assignees: tuple[str, ...]
    issue_open: bool
    status_option_id: str
    status: str
    updated_at: datetime
    archived: bool

    @classmethod
    def parse(cls, data: Json) -> Self:
        """Read a ProjectV2Item as our documents ask for it."""
        shown = data.get("content") or {}
        status = data.get("status") or {}
        return cls(
            id=data["id"],
            board_id=data["project"]["id"],
            content=CardContent(data["type"]),
            repository=(shown.get("repository") or {}).get("nameWithOwner", ""),
            issue=shown.get("number"),
            issue_node_id=shown.get("id", ""),
            title=shown.get("title", ""),
            url=shown.get("url", ""),
            author=(shown.get("author") or {}).get("login", ""),
            labels=tuple(label["name"] for label in _nodes(shown, "labels")),
            assignees=tuple(person["login"] for person in _nodes(shown, "assignees")),
            issue_open=shown.get("closed") is False,
            status_option_id=status.get("optionId") or "",
            status=status.get("name") or "",
            updated_at=datetime.fromisoformat(data["updatedAt"]),
            archived=data["isArchived"],
        )


@dataclass(frozen=True, kw_only=True)
class CardPage:
    """Up to 100 cards of a board in its order; `following` asks for the next page, None on the last one.

    `total` counts the cards of the whole board.
    """

    cards: tuple[Card, ...]
    following: str | None
    total: int

    @classmethod
    def parse(cls, data: Json) -> Self:
        """Read a ProjectV2ItemConnection."""
        page = data["pageInfo"]
        return cls(
            cards=tuple(Card.parse(node) for node in data["nodes"] if node),
            following=page["endCursor"] if page["hasNextPage"] else None,
            total=data["totalCount"],
        )


def _nodes(data: Json, name: str) -> list[Json]:
    return [node for node in (data.get(name) or {}).get("nodes") or () if node]
