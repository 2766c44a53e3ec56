"""What is missing, asked for again: noted, counted before GitHub is asked, found or given up in the end."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from http import HTTPStatus

from django.db import transaction
from django.db.models import Exists, F, Max, OuterRef, Q, QuerySet, Sum, Value
from django.db.models.functions import Greatest

from apps.webhooks.models import Delivery
from apps.webhooks.repair import events, gaps, places
from apps.webhooks.repair.gaps import Missing
from apps.webhooks.repair.models import Gap, HookWatch
from apps.webhooks.repair.states import GAP_TRANSITIONS, OPEN_GAPS, GapEvent, GapState, sources, target
from meshsix.kit.actor import SYSTEM, Actor

REMEMBERED = timedelta(days=30)
_NAMED = 20


def lock(watch: HookWatch) -> None:
    """Lock the watch in this transaction: before its rows of what is missing, and before its events, everywhere."""
    HookWatch.objects.select_for_update(no_key=True).get(pk=watch.pk)


def stored(watch: HookWatch, guids: Iterable[str]) -> set[str]:
    """Return those of the guids that this hook delivered to us."""
    rows = Delivery.objects.filter(hook=watch.hook_id, guid__in=set(guids))
    return set(rows.values_list("guid", flat=True))


def note(watch: HookWatch, found: Sequence[Missing], now: datetime) -> None:
    """Write down what is missing; what is known already gets the facts of GitHub's latest attempt."""
    known = {gap.guid: gap for gap in watch.gaps.filter(guid__in=[each.guid for each in found])}
    new = [_gap(watch, each, now) for each in found if each.guid not in known]
    Gap.objects.bulk_create(new, ignore_conflicts=True)
    for each in found:
        gap = known.get(each.guid)
        if gap is not None and gap.delivery_id != each.delivery_id:
            latest = {"delivery_id": each.delivery_id, "status_code": each.status_code}
            Gap.objects.filter(pk=gap.pk).update(delivered_at=each.delivered_at, **latest)
    if new:
        _publish(watch, "deliveries-missing", [gap.guid for gap in new])


def _gap(watch: HookWatch, each: Missing, now: datetime) -> Gap:
    return Gap(
        watch=watch,
        guid=each.guid,
        delivery_id=each.delivery_id,
        event=each.event[:60],
        action=each.action[:60],
        delivered_at=each.delivered_at,
        status_code=each.status_code,
        state=GapState.GIVEN_UP if each.hopeless else GapState.MISSING,
        due_at=now,
        found_missing_at=now,
        ended_at=now if each.hopeless else None,
        reason=each.hopeless,
    )


def settle(watch: HookWatch, now: datetime) -> None:
    """End what came in meanwhile, give up what makes no sense any more, and forget what is long over."""
    here = Delivery.objects.filter(hook=watch.hook_id, guid=OuterRef("guid"))
    missed = watch.gaps.filter(Exists(here), state__in=sources(GAP_TRANSITIONS, GapEvent.ARRIVE))
    arrived = list(missed.values_list("guid", flat=True))
    _end(watch.gaps.filter(guid__in=arrived), GapEvent.ARRIVE, now=now, reason="")
    lost = []
    for gap in watch.gaps.filter(state__in=OPEN_GAPS, due_at__lte=now):
        why = gaps.given_up(GapState(gap.state), tries=gap.tries, delivered_at=gap.delivered_at, now=now)
        if why and _end(watch.gaps.filter(pk=gap.pk, tries=gap.tries), GapEvent.GIVE_UP, now=now, reason=why):
            lost.append(gap.guid)
    for event_type, guids in (("deliveries-found", arrived), ("deliveries-given-up", lost)):
        if guids:
            _publish(watch, event_type, guids)
    watch.gaps.filter(delivered_at__lt=now - REMEMBERED).delete()


def _end(rows: QuerySet[Gap], event: GapEvent, *, now: datetime, reason: str) -> int:
    open_ones = rows.filter(state__in=sources(GAP_TRANSITIONS, event))
    return open_ones.update(state=target(GAP_TRANSITIONS, event), ended_at=now, reason=reason)


def refused_in_a_row(watch: HookWatch, *, believed_id: int) -> int:
    """Return how often the hook's signature was not believed since the last delivery that was.

    GitHub tells whole seconds: in the second of that delivery, those with a number above `believed_id` came after it.
    """
    believed = Delivery.objects.filter(hook=watch.hook_id).aggregate(at=Max("received_at"))["at"]
    rows = watch.gaps.filter(status_code=HTTPStatus.UNAUTHORIZED)
    if believed is not None:
        second = believed.replace(microsecond=0)
        rows = rows.filter(Q(delivered_at__gt=second) | Q(delivered_at=second, delivery_id__gt=believed_id))
    return rows.aggregate(count=Sum(Greatest(F("tries"), Value(1))))["count"] or 0


def due(watch: HookWatch, now: datetime) -> list[Gap]:
    """Return what is to be asked for now, the oldest first."""
    return list(watch.gaps.filter(state__in=OPEN_GAPS, due_at__lte=now).order_by("delivered_at"))


def next_due(watch: HookWatch) -> datetime | None:
    """Return when the next missing delivery is to be asked for, None where none is."""
    return watch.gaps.filter(state__in=OPEN_GAPS).order_by("due_at").values_list("due_at", flat=True).first()


@transaction.atomic
def ask(gap: Gap, watch: HookWatch, now: datetime, *, chance: float) -> bool:
    """Count a try, before GitHub is asked; return whether it is ours to ask."""
    lock(watch)
    pause = gaps.BACKOFF.pause(gap.tries + 1, chance=chance) or gaps.BACKOFF.most
    rows = Gap.objects.filter(pk=gap.pk, tries=gap.tries, state__in=sources(GAP_TRANSITIONS, GapEvent.ASK))
    state = target(GAP_TRANSITIONS, GapEvent.ASK)
    if not rows.update(state=state, tries=gap.tries + 1, asked_at=now, due_at=now + pause):
        return False
    _publish(watch, "delivery-asked-for", [gap.guid])
    return True


def put_off(gap: Gap, until: datetime) -> None:
    """Take the try back that was counted for `gap`: GitHub wants us to wait."""
    rows = Gap.objects.filter(pk=gap.pk, tries=gap.tries + 1, state__in=sources(GAP_TRANSITIONS, GapEvent.PUT_OFF))
    rows.update(state=target(GAP_TRANSITIONS, GapEvent.PUT_OFF), tries=gap.tries, due_at=until)


def give_up(gap: Gap, watch: HookWatch, now: datetime, *, why: str) -> None:
    """Ask for it no more: GitHub cannot deliver it."""
    with transaction.atomic():
        lock(watch)
        if _end(watch.gaps.filter(pk=gap.pk), GapEvent.GIVE_UP, now=now, reason=why[:200]):
            _publish(watch, "deliveries-given-up", [gap.guid])


def reopen(watch: HookWatch, now: datetime, *, actor: Actor = SYSTEM) -> int:
    """Let the tries begin anew for all that GitHub still keeps, in the caller's transaction; return for how many.

    The caller has locked the watch.
    """
    kept = watch.gaps.filter(delivered_at__gt=now - gaps.KEPT).exclude(status_code__in=list(gaps.HOPELESS))
    given_up = kept.filter(state__in=sources(GAP_TRANSITIONS, GapEvent.REOPEN))
    guids = list(given_up.values_list("guid", flat=True))
    state = target(GAP_TRANSITIONS, GapEvent.REOPEN)
    given_up.update(state=state, tries=0, due_at=now, ended_at=None, reason="")
    waiting = kept.filter(state__in=OPEN_GAPS)
    waiting.update(tries=0, due_at=now)
    if guids:
        _publish(watch, "deliveries-missing", guids, actor=actor)
    return kept.filter(state__in=OPEN_GAPS).count()


def _publish(watch: HookWatch, event_type: str, guids: Sequence[str], *, actor: Actor = SYSTEM) -> None:
    facts = {"hook": places.name_of(watch), "count": len(guids), "guids": list(guids[:_NAMED])}
    events.tell(watch, event_type, facts, actor=actor)
