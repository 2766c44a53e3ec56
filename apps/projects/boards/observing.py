"""A card is looked at, outside of any transaction; what was seen is recorded, if nobody recorded meanwhile."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.db import IntegrityError, transaction

from apps.projects import services as projects
from apps.projects.boards import mirror, queries
from apps.projects.boards.columns import option_ids
from apps.projects.boards.decisions import Decision, decide
from apps.projects.boards.models import BoardCard, ExpectedMove
from apps.projects.canonical import CanonicalEvent, JsonValue, Kind, Source, key_of
from apps.projects.models import Project
from meshsix.integrations.errors import Missing
from meshsix.integrations.github.messages import Card
from meshsix.kit import clock, names
from meshsix.live.services import NewEvent, publish_all
from meshsix.wiring import Clients

CARD_CHANGED = "board-card-changed"
"""The event of the mirror itself, besides what is told to those who react: it makes pages live."""


@dataclass(frozen=True, kw_only=True)
class Sighting:
    """A card as GitHub had it at `looked_at`, and the version that the mirror had of it before (0: none).

    `card` is None where it is not on the project's board: deleted, or archived.
    """

    project_id: UUID
    item_id: str
    version: int
    card: Card | None
    looked_at: datetime


@dataclass(frozen=True, kw_only=True)
class Heard:
    """How a change was heard of: `cause` names the delivery or poll, `by` the login of the person, where known."""

    source: Source
    cause: str
    by: str = ""


@dataclass
class News:
    """What recording led to: `told` for those who react, `changes` for those who look."""

    told: list[CanonicalEvent] = field(default_factory=list)
    changes: list[NewEvent] = field(default_factory=list)


class Overtaken(Exception):  # noqa: N818 - reads as a word of the domain
    """Somebody has recorded the card since it was looked at."""


def look(project: Project, item_id: str, clients: Clients) -> Sighting:
    """Look at the card at GitHub. Call it outside of any transaction: it waits for the network.

    The version is read first, so that whatever is recorded while GitHub answers makes this sighting void.
    """
    version, looked_at = queries.version(project.pk, item_id), clock.now()
    try:
        card: Card | None = clients.github.boards.card(project.owner, item_id)
    except Missing:
        card = None
    return Sighting(
        project_id=project.pk,
        item_id=item_id,
        version=version,
        card=on_board(card, project),
        looked_at=looked_at,
    )


def on_board(card: Card | None, project: Project) -> Card | None:
    """Return the card if it lies open on the project's board, else None."""
    return card if card is not None and not card.archived and card.board_id == project.board_id else None


def record(sighting: Sighting, *, source: Source, cause: str, actor: str = "") -> tuple[CanonicalEvent, ...] | None:
    """Bring the mirror to what was seen, in the caller's transaction; return what is to be told.

    None where the mirror's version moved on: look again. The caller emits what it gets in the same transaction, and
    records one sighting in it, since the project's event counter stays locked from here on. `actor` is the login of
    the person who made the change, where the source knows.
    """
    (project,) = projects.lock([sighting.project_id])
    news = News()
    try:
        settle(project, sighting, Heard(source=source, cause=cause, by=actor), news)
    except Overtaken:
        return None
    publish_all(news.changes)
    return tuple(news.told)


def settle(project: Project, sighting: Sighting, heard: Heard, news: News, *, introducing: bool = False) -> Decision:
    """Decide about one sighting and write its row; add what is to be told and published to `news`.

    Nothing is written where the decision is that the look is stale. Raises Overtaken where the row is of another
    version by now.
    """
    row = BoardCard.objects.select_for_update().filter(project=project, item_id=sighting.item_id).first()
    if (row.version if row is not None else 0) != sighting.version:
        raise Overtaken
    decision = decided(project, row, sighting, introducing=introducing)
    if decision.stale:
        return decision
    forget(sighting, decision.settled)
    changed, row = _write(project, row, sighting, decision)
    if row is None:
        return decision
    if changed - mirror.QUIET or decision.kind is not None:
        news.changes.append(_change(project, row, decision, heard, changed))
    if decision.kind is not None:
        news.told.append(_told(decision.kind, project, row, decision, heard))
    return decision


def decided(project: Project, row: BoardCard | None, sighting: Sighting, *, introducing: bool = False) -> Decision:
    """Return what the sighting means beside this row."""
    ids = option_ids(project.metadata)
    expected = ExpectedMove.objects.filter(project=project, item_id=sighting.item_id)
    return decide(
        mirror.standing(row),
        mirror.seen(sighting.card, row, project) if sighting.card is not None else None,
        [mirror.expectation(each, ids) for each in expected],
        now=sighting.looked_at,
        introducing=introducing,
    )


def forget(sighting: Sighting, targets: frozenset[str]) -> None:
    """Forget the expected moves to these options."""
    if targets:
        ExpectedMove.objects.filter(
            project_id=sighting.project_id, item_id=sighting.item_id, option_id__in=targets
        ).delete()


def _write(
    project: Project, row: BoardCard | None, sighting: Sighting, decision: Decision
) -> tuple[frozenset[str], BoardCard | None]:
    """Write the row; return the names of the columns that changed, and the row, None where there is none to write."""
    card = sighting.card
    if card is None:
        return _remove(row, sighting)
    columns = mirror.columns_of(card, row, project, moved=decision.moved)
    if row is None:
        made = BoardCard(project=project, item_id=sighting.item_id, seen_at=sighting.looked_at, **columns)
        _insert(made)
        return frozenset(columns), made
    changed = frozenset(name for name, value in columns.items() if getattr(row, name) != value)
    for name in changed:
        setattr(row, name, columns[name])
    _save(row, sighting, again=bool(changed) or decision.kind is not None)
    return changed, row


def _remove(row: BoardCard | None, sighting: Sighting) -> tuple[frozenset[str], BoardCard | None]:
    if row is None or row.removed_at is not None:
        return frozenset(), None
    row.removed_at, row.missing_since = sighting.looked_at, None
    _save(row, sighting, again=True)
    return frozenset({"removed_at"}), row


def _save(row: BoardCard, sighting: Sighting, *, again: bool) -> None:
    """Save the row, which the caller has locked; as a new version where `again`."""
    row.version += 1 if again else 0
    row.seen_at = sighting.looked_at
    row.save()


def _insert(row: BoardCard) -> None:
    """Store a card that was never seen before. Raises Overtaken where somebody else was first."""
    try:
        with transaction.atomic():
            row.save(force_insert=True)
    except IntegrityError as error:
        if queries.version(row.project_id, row.item_id):
            raise Overtaken from error
        raise


def _told(kind: Kind, project: Project, row: BoardCard, decision: Decision, heard: Heard) -> CanonicalEvent:
    gone = kind is Kind.CARD_REMOVED
    return CanonicalEvent(
        kind=kind,
        repository=names.RepositoryName(owner=project.owner, name=project.name),
        project_id=project.pk,
        occurred_at=row.seen_at if gone else row.item_updated_at,
        source=heard.source,
        cause=heard.cause,
        key=key_of(kind, project.pk, row.item_id, row.version),
        issue=row.issue,
        item_id=row.item_id,
        facts=_facts(row, decision, heard) | {"to": "" if gone else row.column},
    )


def _facts(row: BoardCard, decision: Decision, heard: Heard) -> dict[str, JsonValue]:
    labels: Sequence[str] = row.labels
    assignees: Sequence[str] = row.assignees
    return {
        "title": row.title,
        "node_id": row.issue_node_id,
        "url": row.url,
        "author": row.author,
        "labels": labels,
        "assignees": assignees,
        "issue_open": row.issue_open,
        "from": decision.came_from,
        "item_updated_at": row.item_updated_at.isoformat(),
        "actor": heard.by,
    }


def _change(project: Project, row: BoardCard, decision: Decision, heard: Heard, changed: frozenset[str]) -> NewEvent:
    payload = facts_of_change(project, row, own=decision.own) | {
        "changed": sorted(changed - mirror.QUIET),
        "source": heard.source,
        "cause": heard.cause,
        "by": heard.by,
    }
    repository = names.RepositoryName(owner=project.owner, name=project.name)
    return NewEvent(event_type=CARD_CHANGED, aggregate_id=projects.aggregate(repository), payload=payload)


def facts_of_change(project: Project, row: BoardCard, *, own: bool) -> dict[str, object]:
    """Return what the mirror's own event says of a card; `own`: the platform moved it."""
    return {
        "project": project.full_name,
        "item_id": row.item_id,
        "issue": row.issue,
        "version": row.version,
        "column": row.column,
        "removed": row.removed_at is not None,
        "own_move": own,
    }
