"""Whose turn it is to look: one claim by compare-and-set. Losing is normal and means that somebody else looks."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Case, F, Q, When

from apps.projects.models import Hook, ProjectStatus
from apps.webhooks.repair.models import HookWatch

LEASE = timedelta(minutes=2)
"""How long a look may take without a word. Who reads a long list says after each page that it still looks."""
_AT_ONCE = 200


def make(now: datetime) -> int:
    """Watch every hook that GitHub knows and nobody watches yet; return how many."""
    there = Hook.objects.filter(watch=None, github_id__isnull=False)
    there = there.exclude(project__status=ProjectStatus.OFFBOARDED)
    due = now + settings.HOOK_WATCH_INTERVAL
    wanted: list[Hook | None] = [*there]
    if settings.GITHUB_APP_ID and settings.GITHUB_WEBHOOK_SECRET and not HookWatch.objects.filter(hook=None).exists():
        wanted.append(None)
    HookWatch.objects.bulk_create([HookWatch(hook=hook, due_at=due) for hook in wanted], ignore_conflicts=True)
    return len(wanted)


def due(now: datetime) -> list[UUID]:
    """Return the watches whose look is due and that nobody looks after, the longest due first."""
    rows = HookWatch.objects.filter(_free(now), due_at__lte=now)
    rows = rows.exclude(hook__project__status=ProjectStatus.OFFBOARDED)
    return list(rows.order_by("due_at").values_list("pk", flat=True)[:_AT_ONCE])


@transaction.atomic
def take(watch_id: UUID, now: datetime) -> HookWatch | None:
    """Claim a look that is due; None where it is not, or somebody else has it."""
    wanted = HookWatch.objects.filter(_free(now), pk=watch_id, due_at__lte=now)
    if not wanted.update(looks=F("looks") + 1, lease_until=now + LEASE):
        return None
    return HookWatch.objects.select_related("hook__project").get(pk=watch_id)


def hold(watch: HookWatch) -> bool:
    """Lock the watch in this transaction; return whether the claim still is ours."""
    return HookWatch.objects.select_for_update(no_key=True).filter(pk=watch.pk, looks=watch.looks).exists()


def renew(watch: HookWatch, now: datetime) -> bool:
    """Let the claim last from now on; return whether it still was ours."""
    return bool(HookWatch.objects.filter(pk=watch.pk, looks=watch.looks).update(lease_until=now + LEASE))


def end(watch: HookWatch, *, due_at: datetime, **facts: object) -> bool:
    """Give the claim back and write `facts`; return whether it still was ours.

    `due_at` is when the next look comes; where somebody has asked for one since this one was claimed, that stays.
    """
    ours = HookWatch.objects.filter(pk=watch.pk, looks=watch.looks)
    as_planned = Case(When(due_at__lte=watch.due_at, then=due_at), default=F("due_at"))
    return bool(ours.update(lease_until=None, due_at=as_planned, **facts))


def hurry(watch_ids: Iterable[UUID], now: datetime) -> None:
    """Let the watches be due now; where somebody is looking, once more behind that look."""
    HookWatch.objects.filter(pk__in=watch_ids).update(due_at=now)


def _free(now: datetime) -> Q:
    return Q(lease_until=None) | Q(lease_until__lte=now)
