"""Reads of the watch: which hooks somebody may see, and how each stands. No query count grows with the rows."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db.models import Prefetch, Q, QuerySet
from django.db.models.functions import Lower

from apps.projects import queries as projects
from apps.projects.models import HookKind, Project
from apps.webhooks.repair import health, places
from apps.webhooks.repair.catalog import ALERTS
from apps.webhooks.repair.health import Figures
from apps.webhooks.repair.models import Gap, HookAlert, HookWatch
from apps.webhooks.repair.states import OPEN_ALERTS, OPEN_GAPS, AlertKind
from meshsix.kit import clock
from meshsix.web.catalog import Words

_GAPS_SHOWN = 20


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """An open alert, and the words for people."""

    alert: HookAlert
    words: Words


@dataclass(frozen=True, kw_only=True)
class View:
    """A hook as it stands: whose it is, what is wrong, and its figures of the last day."""

    watch: HookWatch
    name: str
    kind: str
    troubles: tuple[Trouble, ...]
    figures: Figures

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
    rows = list(watches)
    figures = health.of_hooks(rows, clock.now())
    return [_view(row, figures[row.pk]) for row in rows]


def _view(row: HookWatch, figures: Figures) -> View:
    alerts: list[HookAlert] = getattr(row, "open_alerts", [])
    return View(
        watch=row,
        name=places.name_of(row),
        kind=row.hook.kind if row.hook is not None else "app",
        troubles=tuple(Trouble(alert=alert, words=ALERTS[AlertKind(alert.kind)]) for alert in alerts),
        figures=figures,
    )


def gaps(watch: HookWatch) -> list[Gap]:
    """Return what is missing of a hook or was given up, the newest first."""
    rows = watch.gaps.filter(Q(state__in=OPEN_GAPS) | ~Q(reason=""))
    return list(rows[:_GAPS_SHOWN])


def of_repository(owner: str, name: str) -> HookWatch | None:
    """Return the watch over the hook of this repository, or None."""
    rows: QuerySet[Any] = HookWatch.objects.select_related("hook__project")
    return rows.filter(hook__project__owner__iexact=owner, hook__project__name__iexact=name).first()
