"""Reads of the mirror, and of projects with all that their pages show. None grows with the number of rows."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Count, F, Prefetch, Q, QuerySet, Window
from django.db.models.functions import Lower, RowNumber

from apps.projects import services as projects
from apps.projects.boards import health
from apps.projects.boards.columns import NO_STATUS, Column
from apps.projects.boards.health import Health
from apps.projects.boards.models import BoardCard
from apps.projects.models import SHARED_HOST, Environment, Hook, HookKind, Project, ProjectStatus
from meshsix.kit import names
from meshsix.live import queries as live

MOST_CARDS_A_COLUMN = 30


@dataclass(frozen=True, kw_only=True)
class KanbanColumn:
    """A column with the cards that came last to it, the newest first; `count` counts all of them."""

    name: str
    cards: tuple[BoardCard, ...]
    count: int

    @property
    def more(self) -> int:
        """Return how many cards are not shown."""
        return self.count - len(self.cards)


@dataclass(frozen=True, kw_only=True)
class ProjectView:
    """A project and how it stands."""

    project: Project
    health: Health


def version(project_id: UUID, item_id: str) -> int:
    """Return the mirror's version of a card, 0 where it was never seen."""
    found = BoardCard.objects.filter(project_id=project_id, item_id=item_id)
    return found.values_list("version", flat=True).first() or 0


def versions(project_id: UUID) -> dict[str, int]:
    """Return the mirror's version of every card of a project by item, those that left the board too."""
    return dict(BoardCard.objects.filter(project_id=project_id).values_list("item_id", "version"))


def project_by_board(board_node_id: str) -> Project | None:
    """Return the project whose board this is, None where it is nobody's; of several, the one that came first."""
    if not board_node_id:
        return None
    found = Project.objects.filter(board_id=board_node_id).exclude(status=ProjectStatus.OFFBOARDED)
    return found.order_by("created_at").first()


def card_of_issue(project_id: UUID, issue: int) -> BoardCard | None:
    """Return the card of the project's issue on its board, or None."""
    found = BoardCard.objects.filter(project_id=project_id, issue=issue, workable=True, removed_at__isnull=True)
    return found.first()


def cards(project: Project) -> QuerySet[BoardCard]:
    """Return the cards on the project's board, those seen last first; an order that no move changes."""
    return BoardCard.objects.filter(project=project, removed_at__isnull=True).order_by("-id")


def kanban(project: Project) -> tuple[KanbanColumn, ...]:
    """Return the board: cards without a Status, the seven columns, then columns of people's that have cards.

    Two queries, and at most MOST_CARDS_A_COLUMN cards a column.
    """
    on_board = cards(project).order_by()
    counts = dict(on_board.values_list("column").annotate(cards=Count("pk")))
    place = Window(RowNumber(), partition_by=F("column"), order_by=[F("in_column_since").desc(), F("id").desc()])
    shown = on_board.annotate(place=place).filter(place__lte=MOST_CARDS_A_COLUMN).order_by("place")
    by_column: dict[str, list[BoardCard]] = {}
    for card in shown:
        by_column.setdefault(card.column, []).append(card)
    known = [NO_STATUS, *(column.value for column in Column)]
    others = sorted(name for name in counts if name not in known)
    return tuple(
        KanbanColumn(name=name, cards=tuple(by_column.get(name, ())), count=counts.get(name, 0))
        for name in [*known, *others]
    )


def listed(rows: QuerySet[Project], *, words: str = "", status: str = "", mode: str = "") -> QuerySet[Project]:
    """Return those of the projects whose `owner/name` holds `words`, of this status and mode, by name."""
    if status:
        rows = rows.filter(status=status)
    if mode:
        rows = rows.filter(execution_mode=mode)
    owner, slash, name = words.partition("/")
    if slash:
        rows = rows.filter(owner__iendswith=owner, name__istartswith=name)
    elif words:
        rows = rows.filter(Q(owner__icontains=words) | Q(name__icontains=words) | Q(service_name__icontains=words))
    return with_parts(rows).order_by("owner", "name")


def with_parts(rows: QuerySet[Project]) -> QuerySet[Project]:
    """Return the same projects, each with its environment, watch and hook."""
    hooks = Prefetch("hooks", queryset=Hook.objects.order_by("pk"))
    return rows.select_related("environment", "board_watch").prefetch_related(hooks)


def views(rows: Iterable[Project]) -> list[ProjectView]:
    """Return each project (of `with_parts`) with how it stands, in a fixed number of queries."""
    found = list(rows)
    organizations, shared, last = _organization_hooks(found), _shared_host(found), _last_events(found)
    return [
        ProjectView(
            project=project,
            health=Health(
                hook=health.hook(_hooks(project, organizations)),
                board=health.board(project, getattr(project, "board_watch", None)),
                environment=health.environment(
                    project, shared if project.execution_mode == SHARED_HOST else getattr(project, "environment", None)
                ),
                last_event_at=last.get(aggregate_of(project)),
            ),
        )
        for project in found
    ]


def aggregate_of(project: Project) -> str:
    """Return the aggregate under which the project's events stand."""
    return projects.aggregate(names.RepositoryName(owner=project.owner, name=project.name))


def _organization_hooks(found: Sequence[Project]) -> dict[str, Hook]:
    """Return the hooks of the owners whose boards send events, by the owner's name in lower case."""
    owners = {project.owner.lower() for project in found if project.trigger_method == "webhook"}
    rows = Hook.objects.annotate(low=Lower("owner")).filter(kind=HookKind.ORGANIZATION, low__in=owners)
    return {row.owner.lower(): row for row in rows} if owners else {}


def _hooks(project: Project, organizations: dict[str, Hook]) -> list[Hook]:
    of_owner = organizations.get(project.owner.lower()) if project.trigger_method == "webhook" else None
    return [*project.hooks.all(), *([of_owner] if of_owner is not None else [])]


def _shared_host(found: Sequence[Project]) -> Environment | None:
    if not any(project.execution_mode == SHARED_HOST for project in found):
        return None
    return Environment.objects.filter(env_name=SHARED_HOST).first()


def _last_events(found: Sequence[Project]) -> dict[str, datetime]:
    """Return when anything last happened to each project, by aggregate: two queries."""
    heads = live.heads([aggregate_of(project) for project in found])
    events = live.after_each({aggregate: number - 1 for aggregate, number in heads.items()}, most=1)
    return {event.aggregate_id: event.timestamp for event in events}
