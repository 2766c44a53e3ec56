"""Polls of a real board: one question a page, differences told once, what two polls miss is gone, one at a time."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from django.db import IntegrityError, connection, transaction
from pytest_django import DjangoAssertNumQueries

from apps.projects.boards import queries, services
from apps.projects.boards.models import BoardCard, BoardWatch
from apps.projects.canonical import Source
from apps.projects.models import Project
from meshsix.integrations.errors import Missing
from meshsix.kit import clock
from tests import boards
from tests.board_desk import ARCHIVE, TAKE_OFF, Desk, told

pytestmark = pytest.mark.django_db(transaction=True)
LEASE = timedelta(minutes=2)


def test_the_first_poll_mirrors_all_and_tells_what_waits_in_todo(desk: Desk) -> None:
    for column in ("Todo", "Done", "Blocked"):
        desk.move(desk.issue(), column)
    desk.add(desk.issue())
    assert desk.poll() == ["new-todo >Todo"]
    assert [column.count for column in queries.kanban(desk.project)] == [1, 1, 0, 0, 0, 0, 1, 1]
    assert desk.poll() == []


def test_later_polls_tell_differences_with_their_cause(desk: Desk) -> None:
    desk.poll()
    number = desk.issue()
    item = desk.move(number, "In Progress")
    assert desk.poll() == ["card-moved >In Progress"]
    desk.move(number, "Blocked")
    found = services.poll(desk.project, desk.clients)
    with transaction.atomic():
        (event,) = services.record_poll(found)
    assert (event.source, event.cause, event.item_id) == (Source.POLL, f"poll:{found.id}", item)
    with transaction.atomic():
        assert services.record_poll(found) == ()


@pytest.mark.parametrize("first", ["look", "poll"])
def test_a_look_and_a_poll_together_tell_a_move_once(desk: Desk, first: str) -> None:
    desk.poll()
    item = desk.move(desk.issue(), "Todo")
    seen, polled = desk.look(item), services.poll(desk.project, desk.clients)
    with transaction.atomic():
        if first == "look":
            assert told(services.record(seen, source=Source.WEBHOOK, cause="delivery:1")) == ["new-todo >Todo"]
            assert services.record_poll(polled) == ()
        else:
            assert told(services.record_poll(polled)) == ["new-todo >Todo"]
            assert services.record(seen, source=Source.WEBHOOK, cause="delivery:1") is None
    assert desk.see(item) == desk.poll() == []


def test_a_card_that_moved_while_pages_were_read_is_left_for_the_next_time(desk: Desk) -> None:
    number = desk.issue()
    item = desk.move(number, "Todo")
    desk.poll()
    old = services.poll(desk.project, desk.clients)
    desk.move(number, "Done")
    assert desk.see(item) == ["card-moved Todo>Done"]
    with transaction.atomic():
        assert services.record_poll(old) == ()
    assert desk.row(item).column == "Done"


@pytest.mark.parametrize("how", [ARCHIVE, TAKE_OFF])
def test_a_card_that_two_polls_miss_is_gone(desk: Desk, how: str) -> None:
    item = desk.move(desk.issue(), "Todo")
    desk.poll()
    desk.act(how, item)
    assert desk.poll() == []
    assert desk.row(item).missing_since is not None
    assert desk.poll() == ["card-removed Todo>"]
    assert desk.poll() == []
    assert desk.row(item).removed_at is not None


def test_two_polls_that_read_at_the_same_time_are_one_miss(desk: Desk) -> None:
    item = desk.move(desk.issue(), "Todo")
    desk.poll()
    desk.act(TAKE_OFF, item)
    polls = [services.poll(desk.project, desk.clients) for _ in range(2)]
    for each in polls:
        with transaction.atomic():
            assert services.record_poll(each) == ()
    assert desk.poll() == ["card-removed Todo>"]


def test_a_card_that_one_poll_missed_and_the_next_finds_was_never_away(desk: Desk) -> None:
    item = desk.move(desk.issue(), "Todo")
    desk.poll()
    BoardCard.objects.update(missing_since=clock.now())
    assert desk.poll() == []
    assert desk.row(item).missing_since is None


def test_a_card_that_was_looked_at_since_the_poll_began_is_not_missed(desk: Desk) -> None:
    desk.poll()
    old = services.poll(desk.project, desk.clients)
    item = desk.move(desk.issue(), "Todo")
    desk.see(item)
    with transaction.atomic():
        services.record_poll(old)
    assert desk.row(item).missing_since is None


def test_a_board_of_several_pages_is_read_with_one_question_each(desk: Desk) -> None:
    desk.drafts(101)
    desk.sandbox.forget_requests()
    desk.poll()
    assert len(desk.sandbox.requests()) == 2
    assert (BoardCard.objects.count(), BoardWatch.objects.get().cards) == (101, 101)


@pytest.mark.parametrize("cards", [1, 40])
def test_a_poll_that_finds_nothing_new_costs_the_same_whatever_the_board_holds(
    desk: Desk, django_assert_max_num_queries: DjangoAssertNumQueries, cards: int
) -> None:
    desk.drafts(cards)
    desk.poll()
    with django_assert_max_num_queries(12):
        desk.poll()


def test_another_board_is_met_as_the_first_was(desk: Desk) -> None:
    desk.move(desk.issue(), "Done")
    BoardWatch.objects.create(project=desk.project, polled_at=clock.now(), board_id="PVT_before")
    assert desk.poll() == []


def test_a_board_that_is_gone_is_an_error_that_the_watch_shows(desk: Desk) -> None:
    Project.objects.update(board_id="PVT_kwDOAAAAAAAAAAE")
    desk.project.refresh_from_db()
    with pytest.raises(Missing):
        services.poll(desk.project, desk.clients)


def test_every_project_with_a_board_is_due_at_once() -> None:
    watched = boards.project("octo-org/one")
    boards.project("octo-org/boardless", board_id="")
    boards.project("octo-org/gone", status="offboarded")
    assert services.due(most=10) == [watched.pk]
    assert services.watch_all() == 0


def test_one_of_several_takes_a_board_and_a_lease_that_ran_out_is_free() -> None:
    project = boards.project()
    services.watch_all()
    assert services.claim(project.pk, lease=LEASE) is not None
    assert services.claim(project.pk, lease=LEASE) is None
    assert services.due(most=10) == []
    with clock.moved(LEASE):
        assert services.due(most=10) == [project.pk]
        assert services.claim(project.pk, lease=LEASE) is not None


def test_of_several_pollers_at_once_one_has_the_board() -> None:
    project = boards.project()
    services.watch_all()
    barrier = Barrier(6)

    def one(_: int) -> bool:
        barrier.wait(60)
        try:
            return services.claim(project.pk, lease=LEASE) is not None
        finally:
            connection.close()

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(one, range(6))) == 1


@pytest.mark.parametrize(("trigger", "seconds"), [("poll", 180), ("webhook", 3600)])
def test_a_board_without_events_is_polled_more_often(desk: Desk, trigger: str, seconds: int) -> None:
    Project.objects.update(trigger_method=trigger)
    services.watch_all()
    desk.poll(services.claim(desk.project.pk, lease=LEASE))
    watch = BoardWatch.objects.get()
    assert abs(watch.due_at - clock.now() - timedelta(seconds=seconds)) < timedelta(seconds=60)
    assert (watch.lease_id, watch.failures, watch.error, watch.board_id) == (None, 0, "", desk.project.board_id)
    services.poll_soon(desk.project.pk)
    assert services.due(most=1) == [desk.project.pk]


@pytest.mark.parametrize("fails", [False, True])
def test_a_wish_in_the_midst_of_a_poll_is_done_behind_it(desk: Desk, fails: bool) -> None:  # noqa: FBT001 - parametrised
    services.watch_all()
    lease = services.claim(desk.project.pk, lease=LEASE)
    assert lease is not None
    found = services.poll(desk.project, desk.clients, lease=lease)
    services.poll_soon(desk.project.pk)
    if fails:
        services.poll_failed(desk.project.pk, "GitHub is away", lease=lease)
    else:
        with transaction.atomic():
            services.record_poll(found)
    assert services.due(most=1) == [desk.project.pk]
    assert BoardWatch.objects.get().failures == fails


def test_who_lost_the_lease_leaves_the_watch_to_the_one_who_has_it(desk: Desk) -> None:
    services.watch_all()
    lost = services.claim(desk.project.pk, lease=LEASE)
    assert lost is not None
    found = services.poll(desk.project, desk.clients, lease=lost)
    with clock.moved(LEASE):
        lease = services.claim(desk.project.pk, lease=LEASE)
    assert lease is not None
    before = BoardWatch.objects.values().get()
    with transaction.atomic():
        services.record_poll(found)
    services.poll_failed(desk.project.pk, "too late", lease=lost)
    assert BoardWatch.objects.values().get() == before
    assert before["lease_id"] == lease.id


def test_a_poll_that_fails_is_tried_again_later_each_time_and_says_why() -> None:
    project = boards.project()
    services.watch_all()
    pauses = []

    def failed(error: str, pause: timedelta | None = None) -> BoardWatch:
        services.poll_soon(project.pk)
        lease = services.claim(project.pk, lease=LEASE)
        assert lease is not None
        services.poll_failed(project.pk, error, lease=lease, pause=pause)
        return BoardWatch.objects.get()

    for _ in range(7):
        watch = failed("GitHub refuses: token ghp_" + "x" * 36)
        pauses.append(round((watch.due_at - clock.now()).total_seconds() / 60))
    assert pauses == [3, 6, 12, 24, 48, 60, 60]
    assert watch.failures == 7
    assert watch.error.startswith("GitHub refuses")
    assert "x" * 36 not in watch.error
    assert failed("", timedelta(seconds=30)).due_at <= clock.now() + timedelta(seconds=30)


def test_the_database_refuses_watches_that_cannot_be() -> None:
    project = boards.project()
    with pytest.raises(IntegrityError):
        boards.watched(project, failures=1)
    with pytest.raises(IntegrityError):
        boards.watched(project, leased_until=clock.now())


def test_a_board_belongs_to_the_project_that_came_first() -> None:
    first = boards.project("octo-org/one", board_id="PVT_1")
    boards.project("octo-org/two", board_id="PVT_1")
    boards.project("octo-org/three", board_id="PVT_3", status="offboarded")
    assert queries.project_by_board("PVT_1") == first
    assert queries.project_by_board("PVT_3") is None
    assert queries.project_by_board("") is None
