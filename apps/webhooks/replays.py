"""Replays: a delivery is handled once more, as if it had just come. What was told before is not told again."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import transaction
from django.db.models import QuerySet

from apps.webhooks import handling, intake, queries
from apps.webhooks.models import Delivery
from apps.webhooks.queries import Asked
from apps.webhooks.states import DeliveryState
from meshsix.kit.actor import Actor

MOST = 5000
"""How many deliveries one filter may replay; a wider one is to be cut by time."""
SHOWN = 200


class NotReplayable(Exception):  # noqa: N818 - reads as a word of the domain
    """The delivery cannot be replayed now; the message says why. `code` is of the catalogue."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class TooMany(Exception):  # noqa: N818 - reads as a word of the domain
    """The filter fits more deliveries than may be replayed at once."""


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What a replay did, or would do, to one delivery; `refusal` is empty where it is replayed."""

    delivery: Delivery
    refusal: str = ""


@dataclass(frozen=True, kw_only=True)
class Replay:
    """What a replay by filter did or would do. `shown` are the first of the deliveries, oldest first."""

    matched: int
    replayed: int
    refused: int
    dry_run: bool
    shown: tuple[Verdict, ...]


def replay(delivery_id: UUID, *, actor: Actor) -> None:
    """Let the delivery be handled once more. Raises NotReplayable, Delivery.DoesNotExist."""
    with transaction.atomic():
        rows = Delivery.objects.select_for_update(of=("self",)).select_related("project").defer("payload")
        delivery = rows.get(pk=delivery_id)
        _check(delivery)
        handling.replayed(delivery, actor=actor)
        intake.nudge_on_commit([delivery_id])


def _check(delivery: Delivery) -> None:
    if delivery.payload_dropped_at is not None:
        dropped = f"Its payload was dropped at {delivery.payload_dropped_at:%Y-%m-%d %H:%M} UTC."
        raise NotReplayable("webhooks:delivery:payload-gone", dropped)
    if delivery.state == DeliveryState.RECEIVED:
        raise NotReplayable("webhooks:delivery:not-now", "It is still to be handled: nothing needs to be replayed.")


def replay_all(rows: QuerySet[Delivery], asked: Asked, *, actor: Actor, dry_run: bool = False) -> Replay:
    """Replay those of `rows` that are asked for, the oldest first; with `dry_run` only say what would happen.

    Raises TooMany. What was replayed before an error stays replayed.
    """
    wanted = queries.filtered(rows, asked).order_by("received_at", "id")
    found = list(wanted[: MOST + 1])
    if len(found) > MOST:
        raise TooMany(f"More than {MOST} deliveries fit. Narrow the filter, for example by since and until.")
    return replay_each(found, actor=actor, dry_run=dry_run)


def replay_each(found: Sequence[Delivery], *, actor: Actor, dry_run: bool) -> Replay:
    """Replay these deliveries, in this order; each is a transaction of its own. A dry run asks nothing more of each."""
    verdicts = [Verdict(delivery=each, refusal=_refusal(each, actor=actor, dry_run=dry_run)) for each in found]
    refused = sum(bool(each.refusal) for each in verdicts)
    return Replay(
        matched=len(found),
        replayed=len(found) - refused,
        refused=refused,
        dry_run=dry_run,
        shown=tuple(verdicts[:SHOWN]),
    )


def _refusal(delivery: Delivery, *, actor: Actor, dry_run: bool) -> str:
    try:
        if dry_run:
            _check(delivery)
        else:
            replay(delivery.pk, actor=actor)
    except NotReplayable as error:
        return str(error)
    return ""
