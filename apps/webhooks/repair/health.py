"""How webhooks fare: figures of the last day by project or by hook, each for any number of them at once."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any
from uuid import UUID

from django.db.models import (
    Aggregate,
    Count,
    DurationField,
    ExpressionWrapper,
    F,
    Max,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
)
from django.db.models.functions import Lower
from prometheus_client.core import GaugeMetricFamily, Metric

from apps.projects.boards.models import BoardWatch
from apps.projects.models import HookKind, Project, ProjectStatus
from apps.webhooks.models import Delivery, Door
from apps.webhooks.repair.models import Gap, HookAlert, HookWatch
from apps.webhooks.repair.states import OPEN_ALERTS, OPEN_GAPS, AlertKind, GapState
from apps.webhooks.states import OPEN, DeliveryState
from meshsix.kit import clock

WINDOW = timedelta(days=1)
MOST_PROJECTS = 100
"""So many projects have metrics of their own, those with the most deliveries first; the others share one label."""
OTHERS = "(others)"
_DONE = (DeliveryState.HANDLED, DeliveryState.IGNORED, DeliveryState.DUPLICATE)
_FAILED = (DeliveryState.FAILED, DeliveryState.DEAD)


@dataclass(frozen=True, kw_only=True)
class Figures:
    """Of the last day, but for `open`, `missing` and `last_event_at`, which know no end.

    `reception_p95` is from occurred at GitHub, which tells it to the second, to received, of what tells something;
    `handling_p95` from received to handled, replays apart. `refused` counts deliveries whose signature was not
    believed, `missing` those that GitHub sent and we do not have, `given_up` those that will not come any more.
    """

    deliveries: int = 0
    failed: int = 0
    open: int = 0
    refused: int = 0
    missing: int = 0
    given_up: int = 0
    last_event_at: datetime | None = None
    reception_p95: timedelta | None = None
    handling_p95: timedelta | None = None

    @property
    def failure_rate(self) -> float:
        """Return which part of the deliveries could not be handled, from 0 to 1."""
        return self.failed / self.deliveries if self.deliveries else 0.0


class P95(Aggregate):
    """What 95 of 100 do not exceed."""

    function = "percentile_cont"
    template = "%(function)s(0.95) WITHIN GROUP (ORDER BY %(expressions)s)"
    output_field = DurationField()


def of_hooks(watches: Sequence[HookWatch], now: datetime) -> dict[UUID, Figures]:
    """Return the figures of each watched hook, by the id of its watch. Two queries."""
    wanted = Q(hook__in=[watch.hook_id for watch in watches if watch.hook_id is not None])
    if any(watch.hook_id is None for watch in watches):
        wanted |= Q(hook=None, door=Door.GITHUB)  # the app's: what comes by other doors has no hook either
    sent = _sent("hook_id", Delivery.objects.filter(wanted), now)
    lost = _lost(("watch_id",), Gap.objects.filter(watch__in=watches), now)
    return {watch.pk: _figures([sent.get(watch.hook_id)], [lost.get((watch.pk,))]) for watch in watches}


def of_projects(projects: Iterable[Project], now: datetime) -> dict[UUID, Figures]:
    """Return the figures of each project: its own deliveries, and what is missing of its hooks. Three queries.

    What an organization's hook lost counts for each of its projects: nobody knows of which it would have told.
    """
    rows = {project.pk: project for project in projects}
    sent = _sent("project_id", Delivery.objects.filter(project__in=rows), now)
    owners = {project.owner.lower() for project in rows.values()}
    named = Gap.objects.annotate(login=Lower("watch__hook__owner"))
    own, shared = Q(watch__hook__project__in=rows), Q(watch__hook__kind=HookKind.ORGANIZATION, login__in=owners)
    lost = _lost(("watch__hook__project_id", "login"), named.filter(own | shared), now)
    last = _last_events(rows)
    return {
        pk: _figures(
            [sent.get(pk)],
            [lost.get((pk, row.owner.lower())), lost.get((None, row.owner.lower()))],
            last_event_at=last.get(pk),
        )
        for pk, row in rows.items()
    }


def _sent(by: str, rows: QuerySet[Delivery], now: datetime) -> dict[Any, dict[str, Any]]:
    """Return what came in, grouped by the column `by`."""
    recent = Q(received_at__gte=now - WINDOW)
    travelled = ExpressionWrapper(F("received_at") - F("occurred_at"), output_field=DurationField())
    lasted = ExpressionWrapper(F("handled_at") - F("received_at"), output_field=DurationField())
    grouped = (
        rows.filter(recent | Q(state__in=OPEN))
        .order_by()
        .values(by)
        .annotate(
            deliveries=Count("pk", filter=recent),
            failed=Count("pk", filter=recent & Q(state__in=_FAILED)),
            open=Count("pk", filter=Q(state__in=OPEN)),
            last_event_at=Max("received_at"),
            reception_p95=P95(travelled, filter=recent & Q(occurred_at__isnull=False)),
            handling_p95=P95(lasted, filter=recent & Q(state__in=_DONE, claims=F("attempts"))),
        )
    )
    return {row.pop(by): row for row in grouped}


def _lost(by: Sequence[str], rows: QuerySet[Gap], now: datetime) -> dict[tuple[Any, ...], dict[str, Any]]:
    """Return what did not come in, grouped by these columns."""
    recent = Q(delivered_at__gte=now - WINDOW)
    grouped = (
        rows.filter(recent | Q(state__in=OPEN_GAPS))
        .order_by()
        .values(*by)
        .annotate(
            refused=Count("pk", filter=recent & Q(status_code=HTTPStatus.UNAUTHORIZED)),
            missing=Count("pk", filter=Q(state__in=OPEN_GAPS)),
            given_up=Count("pk", filter=recent & Q(state=GapState.GIVEN_UP)),
        )
    )
    return {tuple(row.pop(name) for name in by): row for row in grouped}


def _last_events(projects: Mapping[UUID, Project]) -> dict[UUID, datetime]:
    newest = Delivery.objects.filter(project=OuterRef("pk")).order_by("-received_at").values("received_at")[:1]
    rows = Project.objects.filter(pk__in=projects).annotate(last=Subquery(newest)).values_list("pk", "last")
    return {pk: last for pk, last in rows if last is not None}


def _figures(
    sent: Sequence[Mapping[str, Any] | None],
    lost: Sequence[Mapping[str, Any] | None],
    *,
    last_event_at: datetime | None = None,
) -> Figures:
    """Add up groups of `_sent` (at most one) and of `_lost`."""
    facts: dict[str, Any] = {
        name: sum(each[name] for each in lost if each) for name in ("refused", "missing", "given_up")
    }
    for each in sent:
        facts |= each or {}
    if last_event_at is not None:
        facts["last_event_at"] = last_event_at
    return Figures(**facts)


def families() -> Iterator[Metric]:
    """Yield the platform's metrics of webhooks and boards: a bounded number of series, whatever the projects."""
    now = clock.now()
    yield from _by_project(now)
    alerts = GaugeMetricFamily("meshsix_hook_alerts", "Open alerts of hooks.", labels=["kind"])
    counted = HookAlert.objects.filter(state__in=OPEN_ALERTS).order_by().values_list("kind").annotate(Count("pk"))
    counts = dict(counted)
    for kind in AlertKind:
        alerts.add_metric([kind], counts.get(kind, 0))
    yield alerts
    late = BoardWatch.objects.filter(failures__gt=0).count()
    yield GaugeMetricFamily("meshsix_boards_unreadable", "Boards whose last poll failed.", value=late)


_GAUGES = {
    "deliveries": ("meshsix_project_deliveries", "Deliveries of the last day."),
    "failed": ("meshsix_project_deliveries_failed", "Deliveries of the last day that could not be handled."),
    "open": ("meshsix_project_deliveries_open", "Deliveries that are still to be handled."),
    "refused": ("meshsix_project_signature_failures", "Deliveries of the last day whose signature was not believed."),
    "missing": ("meshsix_project_deliveries_missing", "Deliveries that GitHub made and that did not come in yet."),
    "given_up": ("meshsix_project_deliveries_lost", "Deliveries of the last day that will not come in any more."),
}


_LAGS = {
    "reception_p95": ("meshsix_project_reception_p95_seconds", "From occurred at GitHub to received."),
    "handling_p95": ("meshsix_project_handling_p95_seconds", "From received to handled."),
}


def _by_project(now: datetime) -> Iterator[Metric]:
    rows = Project.objects.exclude(status=ProjectStatus.OFFBOARDED)
    figures = of_projects(rows, now)
    names = {row.pk: row.full_name for row in rows}
    busiest = sorted(figures, key=lambda pk: (-figures[pk].deliveries, names[pk]))
    shown, others = busiest[:MOST_PROJECTS], busiest[MOST_PROJECTS:]
    for field, (name, words) in _GAUGES.items():
        gauge = GaugeMetricFamily(name, words, labels=["project"])
        for pk in shown:
            gauge.add_metric([names[pk]], getattr(figures[pk], field))
        if others:
            gauge.add_metric([OTHERS], sum(getattr(figures[pk], field) for pk in others))
        yield gauge
    for field, (name, words) in _LAGS.items():
        lag = GaugeMetricFamily(name, words, labels=["project"])
        for pk in shown:
            took = getattr(figures[pk], field)
            if took is not None:
                lag.add_metric([names[pk]], took.total_seconds())
        yield lag
