"""One look at a hook: is it well at GitHub, what did it send that we do not have, and asking for that again.

I/O stands outside of transactions; what was seen is recorded in one, by whoever still holds the claim.
"""

import random
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from django.conf import settings
from django.db import transaction

from apps.webhooks.repair import alerts, claims, gaps, redelivery
from apps.webhooks.repair.models import HookWatch
from apps.webhooks.repair.reach import Reach, Shown, reach
from apps.webhooks.repair.states import AlertKind
from apps.webhooks.rotation import services as rotation
from meshsix.integrations.errors import Missing, TryLater, VendorError, worded
from meshsix.integrations.github.messages import HookDelivery
from meshsix.kit import clock, redact
from meshsix.wiring import Clients

ASKING = timedelta(seconds=20)
"""How long one look asks for missing deliveries; the rest is asked for by the next one, at once."""
PAGE = 100
"""So many deliveries come at once, so that a long list is read in many calls."""
MOST_REFUSED = 3
"""So many bad signatures in a row are no chance any more."""
ROTATION_TAKES = timedelta(seconds=3)
"""After so long a hook whose secret is being rotated is looked at again; until then nothing is asked for."""
_SHORTEST_PAUSE = timedelta(seconds=1)
_ERROR_LENGTH = 500

log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What GitHub said at `at`: the hook (None: there is none), and what it sent lately, the newest first."""

    at: datetime
    shown: Shown | None
    made: tuple[HookDelivery, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Looked:
    """What came of a look: what is wrong, how many deliveries are missing, how many of them were asked for now."""

    troubles: tuple[AlertKind, ...] = ()
    missing: int = 0
    asked_for: int = 0
    error: str = ""


def look(watch_id: UUID, clients: Clients) -> Looked | None:
    """Look at a hook whose look is due; None where it is not, or somebody else does it."""
    watch = claims.take(watch_id, clock.now())
    if watch is None:
        return None
    try:
        return _looked(watch, clients)
    except Exception as error:  # whatever it was, people must see it at the hook
        _failed(watch, error, Looked())
        raise


def _looked(watch: HookWatch, clients: Clients) -> Looked | None:
    hook = reach(watch, clients)
    try:
        seen = observe(watch, hook)
    except VendorError as error:
        return _failed(watch, error, Looked())
    troubles = record(watch, seen, address=hook.address) if seen is not None else None
    if troubles is None:
        return None
    alerts.tell(watch, clients)
    return _ask(watch, hook, troubles)


def observe(watch: HookWatch, hook: Reach) -> Seen | None:
    """Read the hook and its latest deliveries at GitHub; None where the claim is somebody else's meanwhile.

    Raises VendorError, Missing where we may not see them.
    """
    now, shown = clock.now(), hook.shown()
    if shown is None:
        return Seen(at=now, shown=None)
    since = gaps.since(compared_until=watch.compared_until, began_at=watch.began_at, now=now)
    try:
        made = _all(hook.deliveries(since), watch)
    except Missing:  # deleted between the two calls
        return Seen(at=now, shown=None)
    return Seen(at=now, shown=shown, made=made) if made is not None else None


def _all(deliveries: Iterable[HookDelivery], watch: HookWatch) -> tuple[HookDelivery, ...] | None:
    """Return the deliveries; None where the claim, which is renewed after each page, is lost."""
    read: list[HookDelivery] = []
    for each in deliveries:
        read.append(each)
        if len(read) % PAGE == 0 and not claims.renew(watch, clock.now()):
            return None
    return tuple(read)


@transaction.atomic
def record(watch: HookWatch, seen: Seen, *, address: str) -> tuple[AlertKind, ...] | None:
    """Write down what was seen; return what is wrong, None where the claim is somebody else's meanwhile.

    What is stored here is read after GitHub's list: whatever we took stands in ours before it stands in GitHub's.
    """
    if not claims.hold(watch):
        return None
    now = clock.now()
    stored = redelivery.stored(watch, (each.guid for each in seen.made))
    redelivery.note(watch, gaps.missing(seen.made, stored), now)
    redelivery.settle(watch, now)
    refused = redelivery.refused_in_a_row(watch, believed_id=gaps.latest(seen.made, stored))
    found = alerts.troubles(seen.shown, address=address, refused=refused, most_refused=MOST_REFUSED)
    alerts.converge(watch, found, now)
    compared = {} if seen.shown is None else {"compared_until": seen.at}
    HookWatch.objects.filter(pk=watch.pk).update(
        looked_at=seen.at, error="", lease_until=now + claims.LEASE, **compared
    )
    return tuple(found)


def _ask(watch: HookWatch, hook: Reach, troubles: tuple[AlertKind, ...]) -> Looked:
    """Ask for what is due, as long as the hook can bring it; then give the claim back."""
    due, ends = redelivery.due(watch, clock.now()), clock.now() + ASKING
    looked = Looked(troubles=troubles, missing=len(due))
    if troubles and watch.hook is not None and rotation.is_under_way(watch.hook):
        claims.end(watch, due_at=clock.now() + ROTATION_TAKES)
        return looked
    for gap in due[: _most(troubles)]:
        if clock.now() >= ends or not redelivery.ask(gap, watch, clock.now(), chance=random.random()):
            break
        try:
            hook.redeliver(gap.delivery_id)
        except Missing:
            redelivery.give_up(gap, watch, clock.now(), why="GitHub has it no longer")
        except VendorError as error:
            redelivery.put_off(gap, clock.now() + _pause(error))
            return _failed(watch, error, looked)
        else:
            looked = replace(looked, asked_for=looked.asked_for + 1)
    _end(watch, troubles)
    return looked


def _most(troubles: tuple[AlertKind, ...]) -> int | None:
    """Return how many deliveries are worth asking for; None is all of them.

    With bad signatures it is one, for a trial: it comes in if somebody gave GitHub our secret meanwhile.
    """
    if not troubles:
        return None
    return 1 if troubles == (AlertKind.BAD_SIGNATURES,) else 0


def _end(watch: HookWatch, troubles: tuple[AlertKind, ...]) -> None:
    now = clock.now()
    due_at, next_due = now + settings.HOOK_WATCH_INTERVAL, redelivery.next_due(watch)
    if next_due is not None and not troubles:
        due_at = min(due_at, max(next_due, now + _SHORTEST_PAUSE))
    claims.end(watch, due_at=due_at)


def _failed(watch: HookWatch, error: Exception, looked: Looked) -> Looked:
    """Keep the error where people see it, and look again later: when GitHub said, else in the usual time."""
    claims.end(watch, error=redact.text(worded(error))[:_ERROR_LENGTH], due_at=clock.now() + _pause(error))
    log.info("hook not looked at", watch=str(watch.pk), error=str(error))
    return replace(looked, error=str(error))


def _pause(error: Exception) -> timedelta:
    pause = error.pause if isinstance(error, TryLater) else None
    return max(pause or settings.HOOK_WATCH_INTERVAL, _SHORTEST_PAUSE)
