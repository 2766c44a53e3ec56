"""Ids that sort by time, and the one clock."""

import uuid
from datetime import UTC, timedelta

import pytest

from meshsix.kit import clock, ids
from meshsix.kit.actor import SYSTEM, Actor, ActorKind, Door


def test_an_id_is_a_uuid_of_version_7() -> None:
    made = ids.new_id()
    assert (made.version, made.variant) == (7, uuid.RFC_4122)


def test_ids_sort_by_the_time_they_were_made() -> None:
    made = []
    for microseconds in range(1000):
        with clock.moved(timedelta(microseconds=microseconds)):
            made.append(ids.new_id())
    assert made == sorted(made)
    assert len(set(made)) == len(made)


def test_an_id_tells_its_millisecond() -> None:
    before = int(clock.now().timestamp() * 1000)
    told = ids.new_id().int >> 80
    assert before <= told <= int(clock.now().timestamp() * 1000)


def test_now_is_aware_and_utc() -> None:
    assert clock.now().tzinfo is UTC


def test_the_clock_moves_and_comes_back_even_after_an_error() -> None:
    before = clock.now()
    with clock.moved(timedelta(days=3)):
        with clock.moved(timedelta(days=1)):
            assert clock.now() - before >= timedelta(days=4)
        assert timedelta(days=3) <= clock.now() - before < timedelta(days=3, hours=1)
    with pytest.raises(KeyError), clock.moved(timedelta(days=3)):
        raise KeyError
    assert clock.now() - before < timedelta(hours=1)


def test_an_actor_stands_in_events_as_plain_words() -> None:
    actor = Actor(kind=ActorKind.USER, name="mona", door=Door.CLI, request_id="r")
    assert actor.as_json() == {"kind": "user", "name": "mona", "door": "cli", "request_id": "r"}
    assert all(type(value) is str for value in actor.as_json().values())
    assert SYSTEM.kind is ActorKind.SYSTEM
