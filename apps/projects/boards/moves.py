"""The platform's own moves: announced to the mirror before GitHub is asked, so that their echo starts nothing."""

from dataclasses import dataclass, replace
from datetime import timedelta
from uuid import UUID

from django.db import transaction

from apps.projects import services as projects
from apps.projects.boards import mirror, observing, queries
from apps.projects.boards.columns import STATUS_FIELD, Column, option_ids
from apps.projects.boards.models import BoardCard, ExpectedMove
from apps.projects.boards.observing import News, Overtaken, Sighting
from apps.projects.boards.polling import poll_soon
from apps.projects.canonical import Source
from apps.projects.models import Project
from meshsix.integrations.errors import Refused, TryLater
from meshsix.integrations.github.messages import Card
from meshsix.kit import clock, names
from meshsix.kit.actor import SYSTEM, Actor
from meshsix.live.services import publish, publish_all
from meshsix.wiring import Clients

ECHO_WITHIN = timedelta(minutes=5)
_LOOKS = 5


class CannotMove(Exception):  # noqa: N818 - reads as a word of the domain
    """The card cannot be moved there: it is gone, or the board has no such column. A person must act."""


class MovedElsewhere(Exception):  # noqa: N818 - reads as a word of the domain
    """Somebody has moved the card, and nobody was told yet: their move comes first. The board is polled at once."""

    def __init__(self, column: str) -> None:
        super().__init__(f"The card was moved to {column or 'no column'} meanwhile; that is told first.")
        self.column = column


@dataclass(frozen=True, kw_only=True)
class Moved:
    """Where the card is now; `changed` is False where it was there already and GitHub was not asked to move it."""

    item_id: str
    column: str
    changed: bool


@dataclass(frozen=True, kw_only=True)
class _Target:
    field_id: str
    option_id: str
    column: str


def expect_move(project_id: UUID, item_id: str, option_id: str, *, from_option_id: str = "") -> ExpectedMove:
    """Store that we are about to move the card to this option: the echo within five minutes tells nothing.

    Call it before GitHub is asked, and `move_failed` where GitHub refuses. A repeat begins the five minutes anew.
    """
    now = clock.now()
    fresh = {
        "from_option_id": from_option_id,
        "created_at": now,
        "expires_at": now + ECHO_WITHIN,
        "made_at": None,
    }
    row, _ = ExpectedMove.objects.update_or_create(
        project_id=project_id, item_id=item_id, option_id=option_id, defaults=fresh
    )
    return row


def move_failed(project_id: UUID, item_id: str, option_id: str) -> None:
    """Forget the expected move: GitHub did not do it."""
    ExpectedMove.objects.filter(project_id=project_id, item_id=item_id, option_id=option_id).delete()


def move_card(project: Project, card: int | str, column: Column, clients: Clients, *, actor: Actor = SYSTEM) -> Moved:
    """Move the card of an issue (by its number) or an item (by its id) to a column, through GitHub.

    Looks first: a card that is there already is not moved. Call it outside of any transaction. A repeat after a crash
    at any point brings the card to the column once and tells nobody of it. Raises CannotMove, MovedElsewhere, and
    what the GitHub client raises.
    """
    target, item_id = _target(project, column), _item_id(project, card)
    sighting = _settled_look(project, item_id, clients)
    if sighting.card is None:
        raise CannotMove(f"Card {item_id} is not on the board of {project.full_name}.")
    if sighting.card.status_option_id == target.option_id:
        return Moved(item_id=item_id, column=column, changed=False)
    made = _made(project, sighting.card, target, clients)
    _confirm(project, sighting, made, target, actor)
    return Moved(item_id=item_id, column=column, changed=True)


def _target(project: Project, column: Column) -> _Target:
    fields = project.metadata.get("field_ids") or {}
    field_id = next((known for name, known in fields.items() if name.casefold() == STATUS_FIELD.casefold()), "")
    option_id = option_ids(project.metadata).get(column, "")
    if not field_id or not option_id:
        raise CannotMove(f"The board of {project.full_name} has no column {column}; onboard the repository again.")
    return _Target(field_id=field_id, option_id=option_id, column=column)


def _item_id(project: Project, card: int | str) -> str:
    if isinstance(card, str):
        return card
    row = queries.card_of_issue(project.pk, card)
    if row is None:
        raise CannotMove(f"Issue {card} of {project.full_name} has no card on its board.")
    return row.item_id


def _settled_look(project: Project, item_id: str, clients: Clients) -> Sighting:
    """Look until nobody records meanwhile, and bring the mirror in line where that tells nothing.

    Raises MovedElsewhere where it would tell something: that is for whoever emits events.
    """
    for _ in range(_LOOKS):
        sighting = observing.look(project, item_id, clients)
        try:
            return _recorded_silently(project, sighting)
        except Overtaken:
            continue
        except MovedElsewhere:
            poll_soon(project.pk)
            raise
    raise TryLater(f"Card {item_id} changes faster than it can be read.", counts=False)


@transaction.atomic
def _recorded_silently(project: Project, sighting: Sighting) -> Sighting:
    """Record the sighting; return it with the version that the mirror has then.

    Raises Overtaken too where GitHub shows an older state than the one that is known: a move must not trust it.
    """
    news = News()
    decision = observing.settle(project, sighting, observing.Heard(source=Source.MANUAL, cause="move"), news)
    if decision.stale:
        raise Overtaken
    if news.told:  # leaving the transaction by this error takes everything back
        raise MovedElsewhere(str(news.told[0].facts["to"]))
    publish_all(news.changes)
    return replace(sighting, version=queries.version(project.pk, sighting.item_id))


def _made(project: Project, card: Card, target: _Target, clients: Clients) -> Card:
    """Announce the move, then let GitHub make it; an answer that never came leaves the announcement standing."""
    expect_move(project.pk, card.id, target.option_id, from_option_id=card.status_option_id)
    try:
        return clients.github.boards.move(
            project.owner,
            board_id=project.board_id,
            item_id=card.id,
            field_id=target.field_id,
            option_id=target.option_id,
        )
    except Refused:
        move_failed(project.pk, card.id, target.option_id)
        raise
    except TryLater as error:
        if not error.counts:  # a limit: GitHub says that it has done nothing
            move_failed(project.pk, card.id, target.option_id)
        raise


@transaction.atomic
def _confirm(project: Project, before: Sighting, made: Card, target: _Target, actor: Actor) -> None:
    """Bring the mirror to the move that GitHub has made, unless somebody has recorded the card since we looked.

    Which of the two came first is not known then: the announcement is marked as made, looks that began earlier become
    void, and the next one decides.
    """
    row = BoardCard.objects.select_for_update().get(project=project, item_id=before.item_id)
    expected = ExpectedMove.objects.filter(project=project, item_id=before.item_id, option_id=target.option_id)
    if row.version != before.version:
        if expected.update(made_at=clock.now()):
            row.version += 1
            row.save(update_fields=["version"])
        return
    expected.delete()
    for name, value in mirror.columns_of(made, row, project, moved=True).items():
        setattr(row, name, value)
    row.version += 1
    row.seen_at = clock.now()
    row.save()
    publish(
        event_type=observing.CARD_CHANGED,
        aggregate_id=projects.aggregate(names.RepositoryName(owner=project.owner, name=project.name)),
        payload=observing.facts_of_change(project, row, own=True) | {"changed": ["column", "status"]},
        actor=actor,
    )
