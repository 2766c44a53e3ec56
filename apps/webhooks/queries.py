"""Reads of what came in, and of the hooks that may send."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db.models import Q, QuerySet, Sum

from apps.projects import queries as projects
from apps.projects.models import Hook, HookKind, Project, ProjectStatus
from apps.webhooks import filters, payloads
from apps.webhooks.filters import Rules
from apps.webhooks.models import Delivery, Door, Refusals
from apps.webhooks.states import OPEN, DeliveryState
from meshsix.durable.models import StepRow
from meshsix.durable.states import StepState
from meshsix.kit import redact
from meshsix.kit.names import RepositoryName
from meshsix.web.roles import Role, may

GRACE = timedelta(seconds=5)
_MOST = 500


def overdue(now: datetime) -> QuerySet[Delivery]:
    """Return the oldest deliveries whose handling is due for a while: their message may be lost.

    Those whose message was sent again lately are left out: it may only be waiting its turn.
    """
    due = Delivery.objects.filter(state__in=OPEN, due_at__lte=now - GRACE)
    return due.filter(Q(nudge_at=None) | Q(nudge_at__lte=now)).order_by("due_at")[:_MOST]


def lost(now: datetime, *, attempts: int) -> list[UUID]:
    """Return deliveries whose last attempt never came to an end."""
    due = Delivery.objects.filter(state__in=OPEN, due_at__lte=now, attempts__gte=attempts)
    return list(due.order_by("due_at").values_list("pk", flat=True)[:_MOST])


def old_payloads(before: datetime) -> list[UUID]:
    """Return some of the settled deliveries that came before and still have their payload."""
    old = Delivery.objects.filter(received_at__lt=before, payload_dropped_at__isnull=True)
    return list(old.exclude(state__in=OPEN).order_by("received_at").values_list("pk", flat=True)[:_MOST])


@dataclass(frozen=True, kw_only=True)
class Asked:
    """Which deliveries are wanted; what is empty is not asked for. `project` is `owner/name`, `q` begins a guid."""

    project: str = ""
    event: str = ""
    action: str = ""
    state: str = ""
    hook: str = ""
    q: str = ""
    since: datetime | None = None
    until: datetime | None = None

    @property
    def is_nothing(self) -> bool:
        """Return whether nothing is asked for, so that all deliveries are wanted."""
        return self == Asked()


def deliveries(user: AbstractBaseUser | AnonymousUser) -> QuerySet[Delivery]:
    """Return the deliveries that `user` may see, the newest first: those of projects that they may see.

    Those of no project are for admins: an organization's hook tells of repositories that nobody has onboarded.
    """
    rows = everything()
    if may(user, Role.ADMIN) and projects.only_project_keys(user) is None:
        return rows
    return rows.filter(project__in=projects.visible_projects(user).values("pk"))


def everything() -> QuerySet[Delivery]:
    """Return every delivery, the newest first, without payloads: for the operator at the machine's command line."""
    return Delivery.objects.select_related("hook", "project").defer("payload").order_by("-received_at", "-id")


def filtered(rows: QuerySet[Delivery], asked: Asked) -> QuerySet[Delivery]:
    """Return those of the deliveries that are asked for."""
    owner, _, name = asked.project.partition("/")
    wanted = {
        "project__owner__iexact": owner,
        "project__name__iexact": name,
        "event": asked.event,
        "action": asked.action,
        "state": asked.state,
        "hook": asked.hook,
        "guid__startswith": asked.q,
        "received_at__gte": asked.since,
        "received_at__lt": asked.until,
    }
    return rows.filter(**{field: value for field, value in wanted.items() if value})


def called(rows: QuerySet[Delivery], name: str) -> list[Delivery]:
    """Return the deliveries of this guid (one a hook) or id: first the one that was handled, then its duplicates."""
    found = list(rows.filter(guid=name).order_by("received_at", "id"))
    if not found and _is_uuid(name):
        found = list(rows.filter(pk=name))
    return sorted(found, key=lambda row: row.state == DeliveryState.DUPLICATE)


def _is_uuid(text: str) -> bool:
    try:
        return str(UUID(text)) == text.lower()
    except ValueError:
        return False


def payload_of(delivery: Delivery) -> object:
    """Return the delivery's payload as JSON, without what looks like a secret; None where it was dropped."""
    if delivery.payload_dropped_at is not None:
        return None
    return redact.structure(payloads.speakable(delivery.body))


def before(rows: QuerySet[Delivery], delivery_id: str) -> QuerySet[Delivery]:
    """Return the rows behind this one in the list; all where it is none of them."""
    edge = rows.filter(pk=delivery_id).only("received_at").first() if _is_uuid(delivery_id) else None
    if edge is None:
        return rows
    return rows.filter(Q(received_at__lt=edge.received_at) | Q(received_at=edge.received_at, pk__lt=edge.pk))


def project_of(repository_id: int, repository: RepositoryName) -> Project | None:
    """Return the project of a repository, by GitHub's number; None where it is not onboarded.

    By name only where the registry does not know the number: a name may have changed hands.
    """
    found = projects.by_repository_id(repository_id)
    if found is not None:
        return found
    named = projects.by_name(repository)
    return named if named is not None and named.repository_id is None else None


def served_by(hook: Hook) -> list[Project]:
    """Return the projects that are told of by this hook, by id."""
    found = Project.objects.exclude(status=ProjectStatus.OFFBOARDED).order_by("pk")
    if hook.kind == HookKind.REPOSITORY:
        return list(found.filter(hooks=hook))
    return list(found.filter(owner__iexact=hook.owner))


def rules(project: Project) -> Rules:
    """Return the filters of a project: its own, and the platform's defaults for those that it does not name."""
    defaults = Rules(
        allowed_authors=tuple(settings.FILTER_ALLOWED_AUTHORS),
        required_labels=tuple(settings.FILTER_REQUIRED_LABELS),
        exclude_labels=tuple(settings.FILTER_EXCLUDE_LABELS),
        branch_patterns=tuple(settings.FILTER_BRANCH_PATTERNS),
        exclude_drafts=settings.FILTER_EXCLUDE_DRAFTS,
    )
    return filters.rules_of(project.settings.get(filters.SETTING), defaults)


def rules_of(project_id: UUID) -> Rules:
    """Return the same for the project with this id."""
    return rules(Project.objects.only("settings").get(pk=project_id))


@dataclass(frozen=True, kw_only=True)
class Starts:
    """Labels and logins, in lower case, that begin work on an issue when they are added to it."""

    labels: frozenset[str]
    assignees: frozenset[str]


def starts(project: Project) -> Starts:
    """Return what begins work on an issue of the project: its own setting `starts`, else the platform's."""
    own = project.settings.get("starts")
    named = own if isinstance(own, dict) else {}
    return Starts(
        labels=_folded(named.get("labels"), settings.START_LABELS),
        assignees=_folded(named.get("assignees"), settings.START_ASSIGNEES),
    )


def _folded(own: object, default: list[str]) -> frozenset[str]:
    return frozenset(str(word).casefold() for word in (own if isinstance(own, list) else default))


FEED = "deliveries"
OF_NOBODY = f"{FEED}:-"


def aggregate(project: Project | None) -> str:
    """Return the aggregate under which the states of a project's deliveries stand."""
    return OF_NOBODY if project is None else f"{FEED}:{project.full_name.lower()}"


def was_replied(guid: str) -> bool:
    """Return whether an answer came in by the link with this guid."""
    return Delivery.objects.filter(guid=guid, hook=None, door=Door.NTFY).exists()


def question(name: str) -> dict[str, Any]:
    """Return what a step that waits for the answer called `name` asks (who, what, facts); empty where none waits."""
    waiting = StepRow.objects.filter(wait_name=name, state=StepState.WAITING)
    found: dict[str, Any] | None = waiting.order_by("id").values_list("wait_asked", flat=True).first()
    return found or {}


def refused(hook_keys: Collection[str], *, since: datetime) -> dict[str, int]:
    """Return how many signatures of each hook were not believed since then; hooks without any are left out."""
    rows = Refusals.objects.filter(hook__in=hook_keys, minute__gte=since).values_list("hook")
    return dict(rows.annotate(total=Sum("number")).order_by("hook"))
