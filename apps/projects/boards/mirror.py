"""From GitHub's card to a row of the mirror, and back to the plain values on which decisions are made. No writes."""

from collections.abc import Mapping

from apps.projects.boards.columns import Place, option_ids, place
from apps.projects.boards.decisions import Expected, Standing
from apps.projects.boards.models import BoardCard, Content, ExpectedMove
from apps.projects.models import Project
from meshsix.integrations.github.messages import Card, CardContent

CONTENT: Mapping[CardContent, Content] = {kind: Content(kind.value.lower()) for kind in CardContent}
QUIET = frozenset({"item_updated_at", "in_column_since", "missing_since", "issue_node_id", "status_option_id"})
"""Columns whose change alone nobody needs to hear of."""


def standing(row: BoardCard | None) -> Standing | None:
    """Return where the mirror has the card, None where it is not on the board."""
    if row is None or row.removed_at is not None:
        return None
    return Standing(place=place_of(row), workable=row.workable, updated_at=row.item_updated_at)


def place_of(row: BoardCard) -> Place:
    """Return where the card was last seen."""
    return Place(option_id=row.status_option_id, column=row.column)


def seen(card: Card, row: BoardCard | None, project: Project) -> Standing:
    """Return where GitHub has the card."""
    where = place(card.status_option_id, card.status, option_ids(project.metadata))
    return Standing(place=where, workable=is_workable(card, row, project), updated_at=card.updated_at)


def is_workable(card: Card, row: BoardCard | None, project: Project) -> bool:
    """Return whether the card is of an issue of the project's repository.

    An issue that was so once stays so while it is the same issue: a repository that is renamed at GitHub before the
    registry knows must not look as if all its cards had left. What we may no longer see is what it was.
    """
    if row is not None and card.content is CardContent.REDACTED:
        return row.workable
    if card.content is not CardContent.ISSUE or card.issue is None:
        return False
    known = row is not None and row.workable and row.issue_node_id == card.issue_node_id
    return known or card.repository.casefold() == project.full_name.casefold()


def columns_of(card: Card, row: BoardCard | None, project: Project, *, moved: bool) -> dict[str, object]:
    """Return the mirror's columns as GitHub has the card; `moved` where it came to its column by this change."""
    where = seen(card, row, project)
    columns: dict[str, object] = {
        "workable": where.workable,
        "status_option_id": where.place.option_id,
        "status": card.status,
        "column": where.place.column,
        "item_updated_at": card.updated_at,
        "missing_since": None,
        "removed_at": None,
    }
    if moved or row is None:
        columns["in_column_since"] = card.updated_at
    if row is None or card.content is not CardContent.REDACTED:
        columns |= _content(card)
    return columns


def _content(card: Card) -> dict[str, object]:
    return {
        "content": CONTENT[card.content].value,
        "repository": card.repository,
        "issue": card.issue,
        "issue_node_id": card.issue_node_id,
        "issue_open": card.issue_open,
        "title": card.title,
        "url": card.url,
        "author": card.author,
        "labels": list(card.labels),
        "assignees": list(card.assignees),
    }


def expectation(row: ExpectedMove, ids: Mapping[str, str]) -> Expected:
    """Return a stored move of ours as a plain value."""
    return Expected(
        target=place(row.option_id, "", ids),
        from_option_id=row.from_option_id,
        made=row.made_at is not None,
        expires_at=row.expires_at,
    )
