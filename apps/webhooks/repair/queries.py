"""Reads of the watch: which hooks somebody may see, and how each stands. No query count grows with the rows."""

from collections.abc import Iterable
from dataclasses import dataclass

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db.models import Prefetch, Q, QuerySet
from django.db.models.functions import Lower

from apps.projects import queries as projects
from apps.projects.models import HookKind, Project
from apps.webhooks import queries as webhooks
from apps.webhooks.repair import health, places
from apps.webhooks.repair.catalog import ALERTS
from apps.webhooks.repair.health import Figures
from apps.webhooks.repair.models import HookAlert, HookWatch
from apps.webhooks.repair.states import OPEN_ALERTS, AlertKind
from meshsix.kit import clock
from meshsix.web.catalog import Words


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """An open alert, and the words for people."""

    alert: HookAlert
    words: Words


@dataclass(frozen=True, kw_only=True)
class Standing:
    """What is wrong with a hook, and its last look."""

    watch: HookWatch
    troubles: tuple[Trouble, ...]


@dataclass(frozen=True, kw_only=True)
class View(Standing):
    """A hook as it stands: whose it is, what is wrong, and its figures of the last day.

    `refused` counts all calls at the door whose signature was not believed, from GitHub or from strangers.
    """

    name: str
    kind: str
    figures: Figures
    refused: int

    @property
    def state(self) -> str:
        """Return how it stands in one word: `bad`, `wait` or `ok`."""
        if self.troubles:
            return "bad"
        return "wait" if self.watch.error or self.figures.missing or self.figures.given_up else "ok"


def visible(user: AbstractBaseUser | AnonymousUser) -> QuerySet[HookWatch]:
    """Return the watches over hooks of projects that `user` may see, of their organizations, and of the app."""
    seen = projects.visible_projects(user)
    owners = Project.objects.filter(pk__in=seen.values("pk")).annotate(login=Lower("owner")).values("login")
    rows = HookWatch.objects.annotate(login=Lower("hook__owner"))
    mine = Q(hook__project__in=seen.values("pk")) | Q(hook__kind=HookKind.ORGANIZATION, login__in=owners)
    if projects.only_project_keys(user) is None and seen.exists():
        mine |= Q(hook=None)
    return rows.filter(mine).order_by("-created_at", "-id")


def of_project(project: Project) -> QuerySet[HookWatch]:
    """Return the watches over the project's hook and its organization's."""
    rows = HookWatch.objects.annotate(login=Lower("hook__owner"))
    theirs = Q(hook__kind=HookKind.ORGANIZATION, login=project.owner.lower())
    return rows.filter(Q(hook__project=project) | theirs).order_by("hook__kind", "pk")


def with_parts(rows: QuerySet[HookWatch]) -> QuerySet[HookWatch]:
    """Return the rows with what a view of them needs."""
    open_ones = HookAlert.objects.filter(state__in=OPEN_ALERTS).order_by("raised_at")
    return rows.select_related("hook__project").prefetch_related(Prefetch("alerts", open_ones, to_attr="open_alerts"))


def views(watches: Iterable[HookWatch]) -> list[View]:
    """Return how each of these stands; they come from `with_parts`."""
    rows, now = list(watches), clock.now()
    figures = health.of_hooks(rows, now)
    refused = webhooks.refused([row.hook_id for row in rows if row.hook_id is not None], since=now - health.WINDOW)
    return [_view(row, figures[row.pk], refused.get(row.hook_id or "", 0)) for row in rows]


def _view(row: HookWatch, figures: Figures, refused: int) -> View:
    return View(
        watch=row,
        name=places.name_of(row),
        kind=row.hook.kind if row.hook is not None else "app",
        troubles=_troubles(row),
        figures=figures,
        refused=refused,
    )


def standings(watches: Iterable[HookWatch]) -> list[Standing]:
    """Return what is wrong with each of these, without any figures; they come from `with_parts`."""
    return [Standing(watch=row, troubles=_troubles(row)) for row in watches]


def _troubles(row: HookWatch) -> tuple[Trouble, ...]:
    alerts: list[HookAlert] = getattr(row, "open_alerts", [])
    return tuple(Trouble(alert=alert, words=ALERTS[AlertKind(alert.kind)]) for alert in alerts)
