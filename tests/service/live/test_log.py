"""The event log: numbers without gaps, keys that conflict, rows that stay, a horizon that nobody passes."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connection, transaction
from pytest_django import DjangoAssertNumQueries

from meshsix.kit import clock
from meshsix.kit.actor import SYSTEM
from meshsix.live import partitions, queries
from meshsix.live.models import Event
from meshsix.live.services import KeyReused, NewEvent, publish, publish_all

pytestmark = pytest.mark.django_db(transaction=True)


def an_aggregate() -> str:
    return f"run:{uuid4()}"


def in_threads(*works: Callable[[], object]) -> None:
    failures: list[BaseException] = []

    def perform(work: Callable[[], object]) -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - handed to the test below
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=perform, args=[work]) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert not failures, failures


def test_concurrent_publishers_leave_no_gap_and_no_double() -> None:
    shared = an_aggregate()

    def fifty() -> None:
        for number in range(50):
            with transaction.atomic():
                publish(event_type="step-done", aggregate_id=shared, payload={"number": number})
                if number % 7 == 0:
                    transaction.set_rollback(True)

    in_threads(*[fifty] * 6)
    numbers = [event.aggregate_seq for event in queries.after(shared, 0, most=1000)]
    assert numbers == list(range(1, 6 * 42 + 1))
    assert queries.last_of(shared) == 6 * 42


def test_order_by_seq_is_the_order_within_an_aggregate() -> None:
    shared = an_aggregate()
    in_threads(*[lambda: [publish(event_type="x", aggregate_id=shared) for _ in range(30)]] * 4)
    rows = Event.objects.filter(aggregate_id=shared).order_by("seq").values_list("aggregate_seq", flat=True)
    assert list(rows) == list(range(1, 121))


def test_publishing_costs_one_statement(django_assert_num_queries: DjangoAssertNumQueries) -> None:
    with transaction.atomic():
        with django_assert_num_queries(1):
            publish(event_type="x", aggregate_id=an_aggregate(), idempotency_key=uuid4().hex, actor=SYSTEM)
        with django_assert_num_queries(1):
            publish_all([NewEvent(event_type="x", aggregate_id=an_aggregate()) for _ in range(20)])


def test_a_used_key_gives_the_first_event_and_writes_nothing() -> None:
    aggregate, key = an_aggregate(), uuid4().hex
    first = publish(event_type="x", aggregate_id=aggregate, idempotency_key=key)
    again = publish(event_type="x", aggregate_id=aggregate, idempotency_key=key)
    assert (again.seq, again.event_id, again.aggregate_seq) == (first.seq, first.event_id, first.aggregate_seq)
    assert first.is_new
    assert not again.is_new
    assert queries.last_of(aggregate) == 1


def test_a_key_used_for_something_else_is_an_error() -> None:
    aggregate, key = an_aggregate(), uuid4().hex
    publish(event_type="x", aggregate_id=aggregate, idempotency_key=key)
    with pytest.raises(KeyReused):
        publish(event_type="y", aggregate_id=aggregate, idempotency_key=key)


def test_publishers_with_one_key_at_the_same_time_write_one_event() -> None:
    aggregate, key = an_aggregate(), uuid4().hex
    seen: list[bool] = []
    in_threads(*[lambda: seen.append(publish(event_type="x", aggregate_id=aggregate, idempotency_key=key).is_new)] * 6)
    assert sorted(seen) == [False] * 5 + [True]
    assert queries.last_of(aggregate) == 1


def test_a_rolled_back_event_frees_its_key_and_number() -> None:
    aggregate, key = an_aggregate(), uuid4().hex
    with transaction.atomic():
        publish(event_type="x", aggregate_id=aggregate, idempotency_key=key)
        transaction.set_rollback(True)
    assert publish(event_type="x", aggregate_id=aggregate, idempotency_key=key).aggregate_seq == 1


@pytest.mark.parametrize("statement", ["UPDATE mesh_six_events SET event_type = 'y'", "DELETE FROM mesh_six_events"])
def test_an_event_is_never_changed(statement: str) -> None:
    publish(event_type="x", aggregate_id=an_aggregate())
    with pytest.raises(DatabaseError, match="append-only"), connection.cursor() as cursor:
        cursor.execute(statement)


def test_secrets_in_a_payload_are_masked() -> None:
    aggregate = an_aggregate()
    publish(event_type="x", aggregate_id=aggregate, payload={"token": "ghp_" + "a" * 36, "note": "m6_1_" + "b" * 43})
    [event] = queries.after(aggregate, 0, most=1)
    assert event.payload == {"token": "[redacted]", "note": "[redacted]"}


def test_a_late_commit_is_never_passed_by_a_reader_that_follows_seq() -> None:
    """One transaction takes its number first and commits last; readers wait for it instead of skipping it."""
    slow, quick = an_aggregate(), an_aggregate()
    published, go_on = threading.Event(), threading.Event()

    def be_slow() -> None:
        with transaction.atomic():
            publish(event_type="x", aggregate_id=slow)
            published.set()
            assert go_on.wait(30)

    thread = threading.Thread(target=in_threads, args=[be_slow])
    thread.start()
    assert published.wait(30)
    later = publish(event_type="x", aggregate_id=quick)
    assert queries.horizon().safe < later.seq
    assert queries.horizon().given >= later.seq
    held, _ = queries.feed_after("run", 0, most=1000)
    assert {slow, quick}.isdisjoint(event.aggregate_id for event in held)
    go_on.set()
    thread.join(30)
    found, _ = queries.feed_after("run", 0, most=1000)
    assert [event.aggregate_id for event in found if event.aggregate_id in {slow, quick}] == [slow, quick]


def test_following_by_seq_while_many_publish_sees_every_event_once() -> None:
    aggregates = [an_aggregate() for _ in range(4)]
    done = threading.Event()
    seen: list[int] = []

    def write(aggregate: str) -> None:
        for _ in range(60):
            with transaction.atomic():
                publish(event_type="x", aggregate_id=aggregate)
                publish(event_type="x", aggregate_id=f"other:{uuid4()}")

    def follow() -> None:
        place = 0
        while True:
            finished = done.is_set()
            found, horizon = queries.feed_after("run", place, most=1000)
            seen.extend(event.seq for event in found)
            place = max(place, horizon.safe)
            if finished:
                return

    reader = threading.Thread(target=in_threads, args=[follow])
    reader.start()
    in_threads(*[lambda one=one: write(one) for one in aggregates])
    done.set()
    reader.join(60)
    wanted = list(Event.objects.filter(aggregate_id__startswith="run:").order_by("seq").values_list("seq", flat=True))
    assert seen == wanted


def test_a_bulk_of_events_takes_one_lock() -> None:
    with transaction.atomic():
        for _ in range(50):
            publish(event_type="x", aggregate_id=an_aggregate())
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()")
            assert cursor.fetchone() == (1,)


def test_partitions_are_made_ahead_and_rows_move_out_of_default() -> None:
    aggregate = an_aggregate()
    with clock.moved(timedelta(days=365 * 3)):
        far = publish(event_type="x", aggregate_id=aggregate)
    assert far.seq in _in_default()
    done = partitions.ensure(datetime.now(UTC).date(), months=2)
    assert done.moved >= 1
    assert far.seq not in _in_default()
    assert [event.seq for event in queries.after(aggregate, 0, most=10)] == [far.seq]
    assert partitions.name_of(far.timestamp.date()) in partitions.existing()
    again = partitions.ensure(datetime.now(UTC).date(), months=2)
    assert (again.made, again.moved) == ([], 0)
    with pytest.raises(DatabaseError, match="append-only"), connection.cursor() as cursor:
        cursor.execute("DELETE FROM mesh_six_events")


def test_two_may_make_partitions_at_the_same_time() -> None:
    with clock.moved(timedelta(days=365 * 5)):
        today = clock.now().date()
        publish(event_type="x", aggregate_id=an_aggregate())
    in_threads(*[lambda: partitions.ensure(today, months=1)] * 2)
    assert partitions.name_of(today) in partitions.existing()


def test_the_command_says_what_it_did(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("ensure_partitions", "--json", "--months", "1")
    assert capsys.readouterr().out.startswith('{"made": [')


def _in_default() -> set[int]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT seq FROM mesh_six_events_default")
        return {seq for (seq,) in cursor.fetchall()}
