"""Handles a delivery: claimed, looked into outside of any transaction, acted on in the one that records the outcome.

The attempt is counted before it is made. Errors are judged by the step engine's own rules.
"""

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from django.db import transaction

from apps.projects.boards import queries as boards
from apps.projects.models import Project
from apps.webhooks import canonical, queries
from apps.webhooks.canonical import Emitted
from apps.webhooks.handlers import table
from apps.webhooks.handlers.words import LookAgain, Outcome, Received, ignored
from apps.webhooks.messages import RepositoryMessage
from apps.webhooks.models import Delivery
from apps.webhooks.payloads import Fields, Malformed
from apps.webhooks.states import OPEN, DeliveryEvent, DeliveryState, after
from meshsix.durable import endings
from meshsix.durable.endings import Fail, Pause, Trial
from meshsix.kit import clock
from meshsix.kit.actor import Actor
from meshsix.kit.backoff import Backoff
from meshsix.live.services import publish
from meshsix.wiring import clients

log = structlog.get_logger()
BACKOFF = Backoff(attempts=8, first=timedelta(seconds=5), most=timedelta(minutes=30))
LEASE = timedelta(minutes=2)
_LOOKS = 5
_KEPT_TRIES = 30
_REASON = 300


@dataclass(frozen=True, kw_only=True)
class Claim:
    """The right to handle a delivery now: whoever claims later makes it worthless."""

    delivery_id: UUID
    number: int
    attempt: int
    since: datetime


def handle(delivery_id: UUID) -> None:
    """Handle the delivery if it is due: one of several callers wins. What its handler raises is written down."""
    claim = claimed(delivery_id)
    if claim is None:
        return
    try:
        _try(claim)
    except Exception as error:  # noqa: BLE001 - the one boundary: every error becomes a row that people see
        failed(claim, error, chance=random.random())


def claimed(delivery_id: UUID) -> Claim | None:
    """Claim the delivery if it is due, and count the attempt before it is made; None where somebody else has it."""
    now = clock.now()
    with transaction.atomic():
        due = Delivery.objects.select_for_update(skip_locked=True).filter(pk=delivery_id, state__in=OPEN)
        found = due.filter(due_at__lte=now).values_list("claims", "attempts").first()
        if found is None:
            return None
        claim = Claim(delivery_id=delivery_id, number=found[0] + 1, attempt=found[1] + 1, since=now)
        counted = {"claims": claim.number, "attempts": claim.attempt, "due_at": now + LEASE}
        Delivery.objects.filter(pk=delivery_id).update(**counted, nudges=0, nudge_at=None)
    return claim


def _try(claim: Claim) -> None:
    delivery = Delivery.objects.select_related("hook__project").get(pk=claim.delivery_id)
    received = _received(delivery)
    for _ in range(_LOOKS):
        why = table.needless(received)
        facts = ignored(why) if why else table.look(received, clients())
        try:
            _record(claim, received, facts)
        except LookAgain:
            continue
        return
    raise endings.TimedOut(f"What it is about changed {_LOOKS} times while we looked at it.")


def _received(delivery: Delivery) -> Received:
    payload = Fields(data=delivery.body)
    return Received(
        guid=delivery.guid,
        event=delivery.event,
        action=delivery.action,
        hook=delivery.hook,
        project=_project(delivery, payload),
        received_at=delivery.received_at,
        payload=payload,
    )


def _project(delivery: Delivery, payload: Fields) -> Project | None:
    """Return the project of the hook, else that of the payload's repository or board, None where it is none of ours."""
    if delivery.hook is not None and delivery.hook.project is not None:
        return delivery.hook.project
    if payload.has("projects_v2_item"):
        return boards.project_by_board(payload.maybe("projects_v2_item").words("project_node_id"))
    try:
        repository = RepositoryMessage.parse(payload)
    except Malformed:
        return None
    return queries.project_of(repository.id, repository.name)


def _record(claim: Claim, received: Received, facts: Any) -> None:  # noqa: ANN401 - each handler's own facts
    """Act, tell what happened, and write down what came of it, in one transaction; nothing where the claim is lost."""
    with transaction.atomic():
        delivery = _mine(claim)
        if delivery is None:
            return
        outcome = table.act(received, facts)
        emitted = canonical.emit(outcome.events)
        effects = [_effect(each, delivery.effects) for each in emitted]
        end, reason = _end(outcome, emitted, effects)
        delivery.project = _of_one(outcome) or received.project
        delivery.effects = effects
        delivery.run_id = next((said.run_id for each in emitted for said in each.reactions if said.run_id), None)
        delivery.issue = outcome.issue
        delivery.occurred_at = delivery.occurred_at or _occurred_at(outcome, delivery.received_at)
        delivery.handled_at = clock.now()
        delivery.error = delivery.error_code = delivery.error_hint = ""
        _write(delivery, end, reason, since=claim.since)


def _mine(claim: Claim) -> Delivery | None:
    """Lock the delivery and return it without its payload, None where the claim is lost."""
    rows = Delivery.objects.select_for_update(no_key=True).filter(pk=claim.delivery_id)
    return rows.filter(claims=claim.number, state__in=OPEN).defer("payload").first()


def _of_one(outcome: Outcome) -> Project | None:
    """Return the project of events that are all of the same one: a board's deliveries name no repository."""
    found = {event.project_id for event in outcome.events}
    return Project.objects.get(pk=found.pop()) if len(found) == 1 else None


def _occurred_at(outcome: Outcome, received_at: datetime) -> datetime | None:
    """Return when the last of what a delivery tells happened, None where nobody knows.

    What has no time of its own counts as happened when it came in; a card may have moved on since then.
    """
    return max((event.occurred_at for event in outcome.events if event.occurred_at < received_at), default=None)


def _effect(emitted: Emitted, before: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return an event as the delivery's row keeps it. The first delivery to tell it stays the first when replayed."""
    place = (emitted.aggregate_id, emitted.aggregate_seq)
    known = next((each for each in before if (each["aggregate_id"], each["aggregate_seq"]) == place), None)
    said = [reaction.words for reaction in emitted.reactions]
    return {
        "aggregate_id": emitted.aggregate_id,
        "aggregate_seq": emitted.aggregate_seq,
        "event_type": emitted.event.kind.value,
        "is_first": emitted.is_new or (known is not None and bool(known["is_first"])),
        "reactions": said or (known["reactions"] if known is not None else []),
        "rejected": emitted.rejected,
    }


def _end(
    outcome: Outcome, emitted: Iterable[Emitted], effects: Iterable[Mapping[str, Any]]
) -> tuple[DeliveryEvent, str]:
    """Return what it means for the delivery, and the reason in words."""
    rejected = [each.rejected for each in emitted if each.rejected]
    told = [each for each in effects if not each["rejected"]]
    if outcome.ignored:
        return DeliveryEvent.IGNORED, outcome.words
    if rejected and not told:
        return DeliveryEvent.IGNORED, f"filtered: {'; '.join(rejected)}"
    kinds = ", ".join(sorted({str(each["event_type"]) for each in told}))
    if told and not any(each["is_first"] for each in told):
        return DeliveryEvent.KNEW, f"known already: {kinds}"
    said = [words for each in told for words in each["reactions"]]
    words = [outcome.words, *said, *(f"filtered: {why}" for why in rejected)]
    return DeliveryEvent.DID, "; ".join(filter(None, words)) or f"told: {kinds}"


def failed(claim: Claim, error: Exception, *, chance: float) -> None:
    """Write down that handling raised `error`: tried again after a pause, given up after the last attempt."""
    trial = Trial(attempt=claim.attempt, backoff=BACKOFF, waited_in_vain=False)
    ending = endings.from_error(error, trial, now=clock.now(), chance=chance)
    if not isinstance(ending, Pause | Fail):
        raise error
    if ending.code == endings.UNEXPECTED:
        log.error("handling raised", delivery=str(claim.delivery_id), attempt=claim.attempt, exc_info=error)
    with transaction.atomic():
        delivery = _mine(claim)
        if delivery is None:
            return
        delivery.error, delivery.error_code, delivery.error_hint = ending.detail, ending.code, ending.hint
        if isinstance(ending, Fail):
            _write(delivery, DeliveryEvent.GAVE_UP, ending.code, since=claim.since)
            return
        delivery.due_at = ending.due_at
        delivery.attempts = max(delivery.attempts - (0 if ending.counts else 1), 0)
        end = DeliveryEvent.RAISED if ending.counts else DeliveryEvent.WAITS
        _write(delivery, end, _wait(ending), since=claim.since)


def _wait(ending: Pause) -> str:
    told = "tried again" if ending.counts else "waits for GitHub"
    return f"{told} at {ending.due_at:%Y-%m-%d %H:%M:%S} UTC: {ending.code}"


def given_up(delivery_id: UUID) -> None:
    """Give up a delivery that took a worker with it at every attempt; nothing where somebody has it meanwhile."""
    with transaction.atomic():
        lost = Delivery.objects.select_for_update(skip_locked=True).filter(pk=delivery_id, state__in=OPEN)
        delivery = lost.filter(attempts__gte=BACKOFF.attempts, due_at__lte=clock.now()).defer("payload").first()
        if delivery is not None:
            delivery.error, delivery.error_code = "Handling never came to an end.", endings.LOST
            delivery.error_hint = "Each worker that handled it died or was cut off. Read their logs, then replay it."
            _write(delivery, DeliveryEvent.GAVE_UP, endings.LOST, since=clock.now())


def replayed(delivery: Delivery, *, actor: Actor) -> None:
    """Let a delivery be handled once more, in the caller's transaction, which holds its row. Raises WrongState.

    What a try that runs at this moment comes to counts no more: it began before.
    """
    delivery.attempts, delivery.due_at = 0, clock.now()
    delivery.claims += 1
    delivery.nudges, delivery.nudge_at = 0, None
    delivery.error = delivery.error_code = delivery.error_hint = ""
    _write(delivery, DeliveryEvent.REPLAYED, f"replayed by {actor.name}", since=clock.now(), actor=actor)


def _write(
    delivery: Delivery, event: DeliveryEvent, reason: str, *, since: datetime, actor: Actor = canonical.GITHUB
) -> None:
    """Save the row with its new state, its history and the event that tells of it; what was deferred stays as it is."""
    now = clock.now()
    delivery.state = after(DeliveryState(delivery.state), event)
    delivery.reason = reason[:_REASON]
    took_ms = round((now - since).total_seconds() * 1000)
    entry = {"at": now.isoformat(), "took_ms": took_ms, "result": event.value, "words": delivery.reason}
    delivery.history = [*delivery.history, entry][-_KEPT_TRIES:]
    delivery.save()
    payload = {
        "delivery": str(delivery.pk),
        "guid": delivery.guid,
        "event": delivery.event,
        "action": delivery.action,
        "state": delivery.state,
        "reason": delivery.reason,
    }
    publish(
        event_type=f"delivery-{event}", aggregate_id=queries.aggregate(delivery.project), payload=payload, actor=actor
    )
