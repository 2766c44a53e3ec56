"""GitHub's limits are kept by all workers together, and by each alone while Redis is away."""

import threading
import uuid
from collections.abc import Iterator
from datetime import timedelta

import pytest
from redis import Redis

from deploy.local.servers import Valkey
from meshsix.integrations.github.budget import Budget, connect

SECOND = timedelta(seconds=1)
INTERVAL = SECOND * 10
"""Longer than a busy machine stands still. Nobody waits for it."""


@pytest.fixture
def redis(broker: Valkey) -> Iterator[Redis]:
    client = connect(broker.url)
    yield client
    client.close()


@pytest.fixture
def who() -> str:
    return f"token:{uuid.uuid4().hex}"


def budget(redis: Redis, *, longest: timedelta = INTERVAL) -> Budget:
    return Budget(redis, write_interval=INTERVAL, longest_wait=longest)


def test_reading_never_waits(redis: Redis, who: str) -> None:
    shared = budget(redis)
    for _ in range(5):
        slot = shared.reserve(who, kind="core", creates=False)
        assert slot.free
        assert slot.wait == timedelta()


def test_writes_of_all_workers_are_an_interval_apart(redis: Redis, who: str) -> None:
    slots = [budget(redis, longest=INTERVAL * 10).reserve(who, kind="core", creates=True) for _ in range(4)]
    assert all(slot.free for slot in slots)
    for number, slot in enumerate(slots):
        assert INTERVAL * (number - 0.5) < slot.wait <= INTERVAL * number or not number


def test_a_slot_that_is_too_far_away_is_not_taken(redis: Redis, who: str) -> None:
    shared = budget(redis)
    assert shared.reserve(who, kind="core", creates=True).free
    assert shared.reserve(who, kind="core", creates=True).free
    refused = [shared.reserve(who, kind="core", creates=True) for _ in range(3)]
    assert not any(slot.free for slot in refused)
    assert all(INTERVAL < slot.wait <= INTERVAL * 2 for slot in refused)


def test_each_credential_has_its_own_writes(redis: Redis, who: str) -> None:
    shared = budget(redis)
    assert shared.reserve(who, kind="core", creates=True).wait == timedelta()
    assert shared.reserve(f"{who}-other", kind="core", creates=True).wait == timedelta()


def test_a_pause_that_github_asked_for_stops_every_worker(redis: Redis, who: str) -> None:
    budget(redis).block(who, SECOND * 30)
    slot = budget(redis).reserve(who, kind="core", creates=False)
    assert not slot.free
    assert SECOND * 20 < slot.wait <= SECOND * 30


def test_a_spent_limit_stops_its_own_kind_of_call_only(redis: Redis, who: str) -> None:
    budget(redis).spent(who, kind="graphql", remaining=0, resets_in=SECOND * 60)
    assert not budget(redis).reserve(who, kind="graphql", creates=False).free
    assert budget(redis).reserve(who, kind="core", creates=False).free


def test_many_workers_never_take_more_than_is_left(redis: Redis, who: str) -> None:
    budget(redis).spent(who, kind="core", remaining=5, resets_in=SECOND * 60)
    taken: list[bool] = []

    def take() -> None:
        mine = budget(redis)
        taken.extend(mine.reserve(who, kind="core", creates=False).free for _ in range(4))

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert taken.count(True) == 5


def test_without_redis_each_process_keeps_its_own_count(who: str) -> None:
    alone = budget(connect("redis://127.0.0.1:1"))
    assert alone.reserve(who, kind="core", creates=True).wait == timedelta()
    second = alone.reserve(who, kind="core", creates=True)
    assert second.free
    assert timedelta() < second.wait <= INTERVAL
    assert not alone.reserve(who, kind="core", creates=True).free
    alone.spent(who, kind="core", remaining=0, resets_in=SECOND * 9)
    assert alone.reserve(who, kind="graphql", creates=False).free
    assert not alone.reserve(who, kind="core", creates=False).free
    alone.block(who, SECOND * 5)
    assert not alone.reserve(who, kind="graphql", creates=False).free
