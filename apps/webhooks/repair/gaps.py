"""Which of the deliveries that GitHub made are missing here, and whether it may help to ask for them again. Pure.

GitHub logs a delivery after our answer, so what we answered well is stored before it can stand in the log: compare a
log that was read first with rows that were read second. https://docs.github.com/en/webhooks/using-webhooks/handling-failed-webhook-deliveries
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus

from apps.webhooks.repair.states import GapState
from meshsix.integrations.github.messages import HookDelivery
from meshsix.kit.backoff import Backoff

KEPT = timedelta(days=3)
"""How long GitHub keeps a delivery."""
OVERLAP = timedelta(minutes=10)
"""How far behind the last look the next one begins: a delivery is logged up to ten seconds after it was made."""
SKEW = timedelta(minutes=1)
"""How much earlier than a hook's row its first delivery may seem to be: GitHub tells whole seconds by its own clock."""
BACKOFF = Backoff(attempts=6, first=timedelta(minutes=1), most=timedelta(hours=2))
"""After how long a delivery is asked for again; one try less than `attempts` is made."""
HOPELESS = {
    HTTPStatus.BAD_REQUEST: "we refused it as malformed",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "it is larger than what we take",
}
"""Answers of our door that the same bytes would get again, and what they mean."""


@dataclass(frozen=True, kw_only=True)
class Missing:
    """A delivery that we do not have, by GitHub's latest attempt. `hopeless` says why it is not worth asking for."""

    guid: str
    delivery_id: int
    event: str
    action: str
    delivered_at: datetime
    status_code: int
    hopeless: str


def missing(made: Iterable[HookDelivery], stored: Collection[str]) -> tuple[Missing, ...]:
    """Return what is not among the guids `stored`, once a guid, the oldest first."""
    latest: dict[str, HookDelivery] = {}
    for each in made:
        known = latest.get(each.guid)
        if each.guid not in stored and (known is None or (known.delivered_at, known.id) < (each.delivered_at, each.id)):
            latest[each.guid] = each
    return tuple(_missing(each) for each in sorted(latest.values(), key=lambda each: (each.delivered_at, each.id)))


def latest(made: Iterable[HookDelivery], stored: Collection[str]) -> int:
    """Return GitHub's number of the latest delivery that we took, 0 where there is none."""
    taken = [each for each in made if each.guid in stored and each.status_code == HTTPStatus.ACCEPTED]
    return max((each.id for each in taken), default=0)


def _missing(each: HookDelivery) -> Missing:
    return Missing(
        guid=each.guid,
        delivery_id=each.id,
        event=each.event,
        action=each.action,
        delivered_at=each.delivered_at,
        status_code=each.status_code,
        hopeless=HOPELESS.get(each.status_code, ""),  # type: ignore[call-overload] # an HTTPStatus is its number
    )


def since(*, compared_until: datetime | None, began_at: datetime, now: datetime) -> datetime:
    """Return from when on GitHub's list is to be read."""
    wanted = began_at - SKEW if compared_until is None else compared_until - OVERLAP
    return max(wanted, now - KEPT)


def given_up(state: GapState, *, tries: int, delivered_at: datetime, now: datetime) -> str:
    """Return why a missing delivery is not asked for any more, or nothing where it is."""
    if delivered_at <= now - KEPT:
        return "GitHub keeps it no longer"
    if state is GapState.ASKED and tries >= BACKOFF.attempts - 1:
        return f"asked for {tries} times"
    return ""
