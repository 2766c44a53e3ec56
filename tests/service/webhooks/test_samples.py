"""Every payload that GitHub publishes is accepted, stored and classified; replaying them all changes nothing."""

from collections.abc import Iterator

import pytest

from apps.projects.models import Hook, Project
from apps.webhooks import handling, queries, replays
from apps.webhooks.handlers.table import HANDLERS
from apps.webhooks.handlers.unused import UNUSED
from apps.webhooks.models import Delivery
from apps.webhooks.queries import Asked
from apps.webhooks.states import DeliveryState
from meshsix import wiring
from meshsix.kit.actor import SYSTEM
from meshsix.live.models import Event
from tests import deliveries
from tests.contract import published
from tests.service.webhooks.github import github  # noqa: F401 - a fixture

SETTLED = {DeliveryState.HANDLED, DeliveryState.IGNORED, DeliveryState.DUPLICATE}
"""What may become of a sample. Some tell one thing twice, so that the later one is a duplicate."""


@pytest.fixture(scope="module")
def samples() -> list[tuple[str, deliveries.Json]]:
    return [(event, dict(payload)) for event, payload in published.webhook_examples()]


@pytest.fixture(autouse=True)
def _sandbox(github: Iterator[None]) -> None:  # noqa: ARG001, F811 - comments and cards ask GitHub
    wiring.clients.cache_clear()


def test_every_event_of_githubs_samples_has_a_handler_or_a_reason(samples: list[tuple[str, deliveries.Json]]) -> None:
    assert {event for event, _ in samples} <= set(HANDLERS) | set(UNUSED)


def test_every_reason_is_a_sentence_and_no_event_has_both() -> None:
    assert not set(HANDLERS) & set(UNUSED)
    assert all(len(why.split()) > 3 and why[0].islower() and not why.endswith(".") for why in UNUSED.values())


def test_every_sample_is_accepted_stored_and_classified_and_replaying_all_changes_nothing(
    repository_hook: Hook, samples: list[tuple[str, deliveries.Json]]
) -> None:
    for event, payload in samples:
        assert deliveries.send(repository_hook, event, payload) == (202, "accepted")
    deliveries.handle_all()
    rows = Delivery.objects.all()
    assert rows.count() == len(samples)
    assert [(row.event, row.error) for row in rows if row.state not in SETTLED] == []
    assert [row.event for row in rows if row.state == DeliveryState.IGNORED and not row.reason] == []
    assert [row.event for row in rows if row.reason.startswith(("unknown", "malformed"))] == []
    before = _facts()
    done = replays.replay_all(queries.everything(), Asked(), actor=SYSTEM)
    assert (done.matched, done.refused) == (len(samples), 0)
    for pk in Delivery.objects.order_by("received_at", "id").values_list("pk", flat=True):
        handling.handle(pk)
    changed = [pair for pair in zip(before, _facts(), strict=True) if pair[0] != pair[1]]
    assert changed == [], changed


def _facts() -> list[object]:
    """Return all that people and apps see: states, reasons and effects of deliveries, the events, the registry."""
    rows = Delivery.objects.order_by("id").values_list("guid", "state", "reason", "effects", "issue")
    told = Event.objects.exclude(event_type__startswith="delivery-").order_by("seq").values_list("seq", "event_type")
    registry = Project.objects.values_list("owner", "name", "status", "former_names")
    return [*rows, *told, *registry]
