"""Boards are polled: all pages are read outside of any transaction, then differences are applied card by card.

When a board is due stands in its BoardWatch; beat asks for those that are (apps.webhooks).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db.models import Case, F, Q, When

from apps.projects import services as projects
from apps.projects.boards import mirror, observing, queries
from apps.projects.boards.models import BoardCard, BoardWatch, ExpectedMove
from apps.projects.boards.observing import Heard, News, Overtaken, Sighting
from apps.projects.canonical import CanonicalEvent, Source
from apps.projects.models import Project, ProjectStatus
from meshsix.integrations.github.messages import Card
from meshsix.kit import clock, ids, redact
from meshsix.live.services import publish_all
from meshsix.wiring import Clients

_ERROR_LENGTH = 500
_LONGEST_PAUSE = timedelta(hours=1)


@dataclass(frozen=True, kw_only=True)
class Lease:
    """A board that is ours to poll, since `taken_at`."""

    id: UUID
    taken_at: datetime


@dataclass(frozen=True, kw_only=True)
class Poll:
    """All cards of a project's board, as read from `started_at` on; `versions` is what the mirror had before.

    `lease` is that under which it was read, None where nobody had claimed the board.
    """

    id: UUID
    project_id: UUID
    board_id: str
    cards: Mapping[str, Card]
    versions: Mapping[str, int]
    started_at: datetime
    lease: Lease | None = None

    @property
    def cause(self) -> str:
        """Return how events name this poll."""
        return f"poll:{self.id}"


def watch_all() -> int:
    """Make the missing watches: every project with a board has one. Return how many were made."""
    unwatched = Project.objects.filter(board_watch__isnull=True).exclude(board_id="")
    made = [BoardWatch(project_id=project_id) for project_id in unwatched.values_list("pk", flat=True)]
    BoardWatch.objects.bulk_create(made, ignore_conflicts=True)
    return len(made)


def due(*, most: int) -> list[UUID]:
    """Return the projects whose boards are to be polled now and are not being polled, the longest due first.

    Offboarded projects are left alone.
    """
    watch_all()
    rows = BoardWatch.objects.filter(_free(clock.now())).exclude(project__board_id="")
    rows = rows.exclude(project__status=ProjectStatus.OFFBOARDED)
    return list(rows.order_by("due_at").values_list("project_id", flat=True)[:most])


def claim(project_id: UUID, *, lease: timedelta) -> Lease | None:
    """Take the board to poll it, for so long; None where it is not due or somebody else has it.

    One statement on one table: only of such a one PostgreSQL looks at the condition again after waiting for a rival.
    """
    now, taken = clock.now(), Lease(id=ids.new_id(), taken_at=clock.now())
    mine = BoardWatch.objects.filter(_free(now), project_id=project_id)
    return taken if mine.update(lease_id=taken.id, leased_until=now + lease) else None


def _free(now: datetime) -> Q:
    return Q(due_at__lte=now) & (Q(leased_until__isnull=True) | Q(leased_until__lte=now))


def poll_soon(project_id: UUID) -> None:
    """Make the board due now, or again after the poll that runs: something has happened of which no event may tell."""
    BoardWatch.objects.filter(project_id=project_id).update(due_at=clock.now())


def poll(project: Project, clients: Clients, *, lease: Lease | None = None) -> Poll:
    """Read all cards of the project's board, a query a page. Raises what the GitHub client raises.

    Versions are read first: what is recorded while the pages come is left as it is.
    """
    started_at, versions = clock.now(), queries.versions(project.pk)
    cards: dict[str, Card] = {}
    after: str | None = None
    while True:
        page = clients.github.boards.cards(project.owner, project.board_id, after=after)
        cards |= {card.id: card for card in page.cards}
        after = page.following
        if after is None:
            break
    return Poll(
        id=ids.new_id(),
        project_id=project.pk,
        board_id=project.board_id,
        cards=cards,
        versions=versions,
        started_at=started_at,
        lease=lease,
    )


def record_poll(poll: Poll) -> tuple[CanonicalEvent, ...]:
    """Bring the mirror to what was read, in the caller's transaction; return what is to be told.

    Cards whose version moved meanwhile are left for the next time. A card that two polls miss is gone. The caller
    emits what it gets in the same transaction. A repeat changes nothing.
    """
    (project,) = projects.lock([poll.project_id])
    watch, _ = BoardWatch.objects.get_or_create(project=project)
    introducing = watch.board_id != poll.board_id
    heard, news = Heard(source=Source.POLL, cause=poll.cause), News()
    for sighting in _differences(project, poll):
        try:
            observing.settle(project, sighting, heard, news, introducing=introducing)
        except Overtaken:
            continue
    _polled(project, poll)
    publish_all(news.changes)
    return tuple(news.told)


def _differences(project: Project, poll: Poll) -> list[Sighting]:
    """Return a sighting of each card that differs from the mirror, by item: rows are locked in this order."""
    rows = {row.item_id: row for row in BoardCard.objects.filter(project=project)}
    seen = [_sighting(poll, item_id, observing.on_board(card, project)) for item_id, card in poll.cards.items()]
    gone = [_sighting(poll, row.item_id, None) for row in _missed(poll, rows.values())]
    awaited = set(ExpectedMove.objects.filter(project=project).values_list("item_id", flat=True))
    differing = [each for each in seen if each.item_id in awaited or _differs(project, rows.get(each.item_id), each)]
    return sorted([*differing, *gone], key=lambda sighting: sighting.item_id)


def _sighting(poll: Poll, item_id: str, card: Card | None) -> Sighting:
    return Sighting(
        project_id=poll.project_id,
        item_id=item_id,
        version=poll.versions.get(item_id, 0),
        card=card,
        looked_at=poll.started_at,
    )


def _differs(project: Project, row: BoardCard | None, sighting: Sighting) -> bool:
    if sighting.card is None:
        return row is not None and row.removed_at is None
    if row is None:
        return True
    columns = mirror.columns_of(sighting.card, row, project, moved=False)
    return any(getattr(row, name) != value for name, value in columns.items())


def _missed(poll: Poll, rows: Iterable[BoardCard]) -> list[BoardCard]:
    """Return the rows that an earlier poll missed too; note this miss on those that were there until now.

    A card that was looked at since the poll began is there.
    """
    missed = [
        row
        for row in rows
        if row.removed_at is None
        and row.item_id not in poll.cards
        and poll.versions.get(row.item_id) == row.version
        and row.seen_at < poll.started_at
    ]
    first = [row.pk for row in missed if row.missing_since is None]
    BoardCard.objects.filter(pk__in=first, missing_since__isnull=True).update(missing_since=clock.now())
    return [row for row in missed if row.missing_since is not None and row.missing_since < poll.started_at]


def _polled(project: Project, poll: Poll) -> None:
    """Write down that the board was polled, unless somebody else has it by now."""
    interval = settings.BOARD_POLL_INTERVAL if project.trigger_method == "poll" else settings.BOARD_SAFETY_POLL_INTERVAL
    lease_id = poll.lease.id if poll.lease is not None else None
    BoardWatch.objects.filter(project=project, lease_id=lease_id).update(
        due_at=_unless_hurried(poll.started_at, clock.now() + interval),
        polled_at=poll.started_at,
        board_id=poll.board_id,
        cards=sum(observing.on_board(card, project) is not None for card in poll.cards.values()),
        lease_id=None,
        leased_until=None,
        failures=0,
        error="",
    )


def _unless_hurried(started_at: datetime, due_at: datetime) -> Case:
    """Return when the board is due: at `due_at`, but where somebody made it due since the poll began, then."""
    return Case(When(due_at__lte=started_at, then=due_at), default=F("due_at"))


def poll_failed(project_id: UUID, error: str, *, lease: Lease, pause: timedelta | None = None) -> None:
    """Record that the board could not be polled; it is due again after `pause`, else after a pause that doubles.

    Nothing where the board is somebody else's by now.
    """
    rows = BoardWatch.objects.filter(project_id=project_id, lease_id=lease.id)
    watch = rows.first()
    if watch is None:
        return
    doubled = min(settings.BOARD_POLL_INTERVAL * 2 ** min(watch.failures, 8), _LONGEST_PAUSE)
    due_at = clock.now() + (doubled if pause is None else pause)
    rows.update(
        due_at=_unless_hurried(lease.taken_at, due_at),
        lease_id=None,
        leased_until=None,
        failures=F("failures") + 1,
        error=redact.text(error)[:_ERROR_LENGTH] or "unknown",
    )
