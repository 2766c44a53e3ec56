"""Deliveries whose message is lost or waits its turn, and replays that cross a running try."""

from datetime import timedelta

import pytest

from apps.projects.models import Hook
from apps.webhooks import handling, queries, replays, services
from apps.webhooks.models import Delivery
from apps.webhooks.states import DeliveryState
from meshsix.integrations.errors import TryLater
from meshsix.kit import clock
from meshsix.kit.actor import SYSTEM
from tests import deliveries


@pytest.fixture
def delivery(repository_hook: Hook) -> Delivery:
    """A ping that is still to be handled."""
    assert deliveries.send(repository_hook, "ping", {"zen": "x"})[0] == 202
    return Delivery.objects.get()


def test_a_backlog_is_nudged_at_growing_distances(delivery: Delivery) -> None:
    pauses = []
    for _ in range(7):
        delivery.refresh_from_db()
        due_at = delivery.nudge_at or delivery.due_at + queries.GRACE
        with clock.moved(due_at - clock.now()):
            began = clock.now()
            assert services.recover() == 1
            delivery.refresh_from_db()
            assert delivery.nudge_at is not None
            pauses.append((delivery.nudge_at - began) // queries.GRACE)
        with clock.moved(delivery.nudge_at - clock.now() - timedelta(minutes=1)):
            assert services.recover() == 0, "its message may only be waiting its turn"
    assert pauses == [1, 2, 4, 8, 16, 32, 32]
    with clock.moved(timedelta(hours=1)):
        assert handling.claimed(delivery.pk) is not None
    with clock.moved(timedelta(hours=1) + handling.LEASE + timedelta(seconds=6)):
        assert services.recover() == 1, "another try, which was never nudged"


def test_a_replay_in_the_midst_of_a_try_is_not_lost(delivery: Delivery) -> None:
    first = handling.claimed(delivery.pk)
    assert first is not None
    handling.failed(first, ValueError("once"), chance=0.5)
    with clock.moved(timedelta(hours=1)):
        running = handling.claimed(delivery.pk)
        assert running is not None
        replays.replay(delivery.pk, actor=SYSTEM)
        busy = TryLater("The budget is used up.", pause=timedelta(minutes=20), counts=False, vendor="github")
        handling.failed(running, busy, chance=0.5)
        delivery.refresh_from_db()
        assert (delivery.state, delivery.attempts, delivery.error) == (DeliveryState.RECEIVED, 0, "")
        handling.handle(delivery.pk)
    delivery.refresh_from_db()
    assert delivery.state == DeliveryState.HANDLED
