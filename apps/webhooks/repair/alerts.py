"""What is wrong with a hook: raised once an episode, told to people once, cleared when the hook is well again."""

from collections.abc import Mapping
from datetime import datetime
from urllib.parse import urlsplit

import structlog
from django.conf import settings
from django.db import transaction
from django.urls import reverse

from apps.webhooks.repair import events, places
from apps.webhooks.repair.catalog import ALERTS
from apps.webhooks.repair.models import HookAlert, HookWatch
from apps.webhooks.repair.reach import Shown
from apps.webhooks.repair.states import (
    ALERT_TRANSITIONS,
    OPEN_ALERTS,
    AlertEvent,
    AlertKind,
    AlertState,
    sources,
    target,
)
from meshsix.integrations.errors import VendorError
from meshsix.integrations.ntfy import Notice, OpenLink, Priority
from meshsix.kit import clock
from meshsix.wiring import Clients

log = structlog.get_logger()
Facts = dict[str, str | int]
Troubles = Mapping[AlertKind, Facts]


def troubles(shown: Shown | None, *, address: str, refused: int, most_refused: int) -> Troubles:
    """Return what is wrong with the hook that GitHub shows (None: shows no more), and the facts of each trouble.

    `address` is where it should send to; `refused` how many deliveries in a row had a bad signature, of which
    `most_refused` are no chance any more.
    """
    found: dict[AlertKind, Facts] = {}
    if shown is None:
        found[AlertKind.DELETED] = {}
    elif not shown.active:
        found[AlertKind.DISABLED] = {}
    if shown is not None and (shown.url != address or shown.content_type != "json"):
        found[AlertKind.READDRESSED] = {"sends_to": _plain(shown.url), "content_type": shown.content_type}
    if refused >= most_refused:
        found[AlertKind.BAD_SIGNATURES] = {"in_a_row": refused}
    return found


def _plain(url: str) -> str:
    """Return host and path of an address that is not ours: whatever else is in it may be a secret."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return f"{parts.hostname or ''}{parts.path}"[:200]


def converge(watch: HookWatch, found: Troubles, now: datetime) -> None:
    """Raise an alert for each new trouble and clear those that are over, in the caller's transaction."""
    open_ones = {AlertKind(alert.kind): alert for alert in watch.alerts.filter(state__in=OPEN_ALERTS)}
    for kind in sorted(found.keys() - open_ones.keys()):
        alert = HookAlert.objects.create(watch=watch, kind=kind, facts=found[kind], raised_at=now)
        _publish("hook-alert-raised", alert, watch)
    for kind in sorted(open_ones.keys() - found.keys()):
        if _move(open_ones[kind], AlertEvent.CLEAR, cleared_at=now):
            _publish("hook-alert-cleared", open_ones[kind], watch)


def tell(watch: HookWatch, clients: Clients) -> None:
    """Tell people of what nobody was told of yet. A notice that fails is tried again with the next look."""
    if clients.ntfy is None:
        return
    for alert in watch.alerts.filter(state=AlertState.RAISED):
        notice = _notice(alert, watch)
        try:
            if not clients.ntfy.holds(notice):
                clients.ntfy.publish(notice)
        except VendorError as error:
            log.warning("nobody was told of a hook", alert=str(alert.pk), error=str(error))
            return
        with transaction.atomic():
            if _move(alert, AlertEvent.TELL, told_at=clock.now()):
                _publish("hook-alert-told", alert, watch)


def _notice(alert: HookAlert, watch: HookWatch) -> Notice:
    words = ALERTS[AlertKind(alert.kind)]
    page = f"{settings.PUBLIC_URL}{reverse('hook-list')}#alert-{alert.pk}"
    return Notice(
        title=f"The webhook of {places.name_of(watch)} does not work",
        message=f"{words.means} {words.hint}",
        click=page,
        actions=(OpenLink(label="Look and repair", url=page),),
        priority=Priority.HIGH,
        tags=("warning",),
        key=f"hook-alert-{alert.pk}",
    )


def _move(alert: HookAlert, event: AlertEvent, **facts: datetime) -> bool:
    rows = HookAlert.objects.filter(pk=alert.pk, state__in=sources(ALERT_TRANSITIONS, event))
    return bool(rows.update(state=target(ALERT_TRANSITIONS, event), **facts))


def _publish(event_type: str, alert: HookAlert, watch: HookWatch) -> None:
    facts = {"hook": places.name_of(watch), "alert": str(alert.pk), "kind": alert.kind, "facts": alert.facts}
    events.tell(watch, event_type, facts)
