"""The platform's own moves: really made at GitHub, once, told to nobody; a person's move is never swallowed."""

from datetime import timedelta

import pytest

from apps.projects.boards import moves, services
from apps.projects.boards.columns import Column
from apps.projects.boards.models import BoardCard, BoardWatch, ExpectedMove
from apps.projects.boards.observing import CARD_CHANGED
from apps.projects.models import Project
from meshsix.integrations.errors import Refused, TryLater
from meshsix.kit import clock
from meshsix.kit.actor import SYSTEM
from meshsix.live.models import Event
from tests import boards
from tests.board_desk import TAKE_OFF, Desk

pytestmark = pytest.mark.django_db(transaction=True)
MOVE = {"operation": "updateProjectV2ItemFieldValue"}


@pytest.fixture
def card(desk: Desk) -> tuple[int, str]:
    """An issue whose card is known to stand in Todo, and its item."""
    number = desk.issue()
    item = desk.move(number, "Todo")
    assert desk.see(item) == ["new-todo >Todo"]
    desk.sandbox.forget_requests()
    return number, item


def option(desk: Desk, column: str) -> str:
    return str(desk.project.metadata["option_ids"]["Status"][column])


def by_hand(desk: Desk, item: str, column: str) -> None:
    """Move the card with the platform's client alone, as a process does that dies right afterwards."""
    desk.clients.github.boards.move(
        "octo-org",
        board_id=desk.project.board_id,
        item_id=item,
        field_id=desk.project.metadata["field_ids"]["Status"],
        option_id=option(desk, column),
    )


def test_a_card_is_moved_at_github_and_its_echo_tells_nothing(desk: Desk, card: tuple[int, str]) -> None:
    number, item = card
    moved = services.move_card(desk.project, number, Column.QA, desk.clients)
    assert (moved.item_id, moved.column, moved.changed) == (item, "QA", True)
    assert (desk.column(item), desk.row(item).column, desk.moves_asked()) == ("QA", "QA", 1)
    assert desk.see(item) == desk.poll() == []
    assert not ExpectedMove.objects.exists()
    assert Event.objects.filter(event_type=CARD_CHANGED).latest("seq").payload["own_move"]


def test_a_card_that_is_there_already_is_not_moved(desk: Desk, card: tuple[int, str]) -> None:
    assert not services.move_card(desk.project, card[1], Column.TODO, desk.clients).changed
    services.move_card(desk.project, card[0], Column.QA, desk.clients)
    assert not services.move_card(desk.project, card[0], Column.QA, desk.clients).changed
    assert desk.moves_asked() == 1


@pytest.mark.parametrize("heard_by", ["look", "poll"])
def test_the_echo_of_a_process_that_died_tells_nothing(desk: Desk, card: tuple[int, str], heard_by: str) -> None:
    _, item = card
    services.expect_move(desk.project.pk, item, option(desk, "QA"))
    by_hand(desk, item, "QA")
    assert (desk.see(item) if heard_by == "look" else desk.poll()) == []
    assert (desk.row(item).column, ExpectedMove.objects.count()) == ("QA", 0)


def test_a_repeat_after_a_crash_moves_nothing_twice_and_tells_nothing(desk: Desk, card: tuple[int, str]) -> None:
    number, item = card
    desk.sandbox.fault("drop-after-effect", match=MOVE)
    with pytest.raises(TryLater):
        services.move_card(desk.project, number, Column.QA, desk.clients)
    assert ExpectedMove.objects.count() == 1
    assert not services.move_card(desk.project, number, Column.QA, desk.clients).changed
    assert desk.moves_asked() == 1
    assert desk.see(item) == []
    assert not ExpectedMove.objects.exists()


def test_a_refused_move_leaves_nothing_behind(desk: Desk, card: tuple[int, str]) -> None:
    number, item = card
    wrong = {**desk.project.metadata, "option_ids": {"Status": {"Todo": option(desk, "Todo"), "QA": "no-such-option"}}}
    Project.objects.update(metadata=wrong)
    desk.project.refresh_from_db()
    with pytest.raises(Refused):
        services.move_card(desk.project, number, Column.QA, desk.clients)
    assert not ExpectedMove.objects.exists()
    desk.move(number, "Blocked")
    assert desk.see(item) == ["card-blocked Todo>Blocked"]


@pytest.mark.parametrize("kind", ["rate-limit-secondary", "graphql-rate-limit"])
def test_a_move_that_a_limit_stopped_leaves_nothing_behind(desk: Desk, card: tuple[int, str], kind: str) -> None:
    desk.sandbox.fault(kind, match=MOVE)
    with pytest.raises(TryLater):
        services.move_card(desk.project, card[0], Column.QA, desk.clients)
    assert not ExpectedMove.objects.exists()


def test_a_person_who_moves_on_before_the_echo_is_told(desk: Desk, card: tuple[int, str]) -> None:
    number, item = card
    services.move_card(desk.project, number, Column.QA, desk.clients)
    desk.move(number, "Done")
    assert desk.see(item) == ["card-moved QA>Done"]


def test_a_person_who_moves_back_before_the_echo_is_told(desk: Desk, card: tuple[int, str]) -> None:
    number, item = card
    services.move_card(desk.project, number, Column.QA, desk.clients)
    desk.move(number, "Todo")
    assert desk.see(item) == ["card-moved QA>Todo"]


def test_a_person_who_moves_on_after_a_process_died_is_told(desk: Desk, card: tuple[int, str]) -> None:
    number, item = card
    services.expect_move(desk.project.pk, item, option(desk, "QA"))
    by_hand(desk, item, "QA")
    desk.move(number, "Blocked")
    assert desk.see(item) == ["card-blocked Todo>Blocked"]


def test_a_persons_move_that_nobody_was_told_of_comes_first(desk: Desk, card: tuple[int, str]) -> None:
    number, item = card
    boards.watched(desk.project)
    desk.move(number, "Blocked")
    desk.sandbox.forget_requests()
    with pytest.raises(services.MovedElsewhere, match="Blocked"):
        services.move_card(desk.project, number, Column.QA, desk.clients)
    assert (desk.moves_asked(), desk.row(item).column) == (0, "Todo")
    assert BoardWatch.objects.get().due_at <= clock.now()
    assert desk.see(item) == ["card-blocked Todo>Blocked"]
    assert services.move_card(desk.project, number, Column.QA, desk.clients).changed


@pytest.mark.parametrize(
    ("goes_on_to", "told"),
    [("", []), ("Done", ["card-moved QA>Done"]), ("Todo", ["card-moved QA>Todo"])],
)
def test_who_recorded_while_github_moved_makes_the_next_look_decide(
    desk: Desk, card: tuple[int, str], goes_on_to: str, told: list[str]
) -> None:
    number, item = card
    before = desk.look(item)
    services.expect_move(desk.project.pk, item, option(desk, "QA"), from_option_id=option(desk, "Todo"))
    desk.sandbox.rest("PATCH", f"/repos/octo-org/bookmarks/issues/{number}", {"title": "Renamed meanwhile"})
    assert desk.see(item) == []
    void = desk.look(item)
    by_hand(desk, item, "QA")
    target = moves._target(desk.project, Column.QA)
    moves._confirm(desk.project, before, desk.clients.github.boards.card("octo-org", item), target, SYSTEM)
    assert ExpectedMove.objects.get().made_at is not None
    assert desk.record(void) is None
    if goes_on_to:
        desk.move(number, goes_on_to)
    assert desk.poll() == told
    assert not ExpectedMove.objects.exists()
    assert desk.row(item).column == (goes_on_to or "QA")


def test_after_five_minutes_a_move_is_a_persons(desk: Desk, card: tuple[int, str]) -> None:
    number, item = card
    with clock.moved(-timedelta(minutes=6)):
        services.expect_move(desk.project.pk, item, option(desk, "QA"))
    desk.move(number, "QA")
    assert desk.see(item) == ["card-moved Todo>QA"]
    assert not ExpectedMove.objects.exists()


def test_an_echo_is_one_however_late_it_is_heard(desk: Desk, card: tuple[int, str]) -> None:
    _, item = card
    services.expect_move(desk.project.pk, item, option(desk, "QA"))
    by_hand(desk, item, "QA")
    with clock.moved(timedelta(hours=1)):
        assert desk.see(item) == []
    assert not ExpectedMove.objects.exists()


def test_a_move_that_github_never_made_is_given_up(desk: Desk, card: tuple[int, str]) -> None:
    number, item = card
    services.expect_move(desk.project.pk, item, option(desk, "QA"))
    with clock.moved(timedelta(hours=1)):
        assert desk.see(item) == []
    assert not ExpectedMove.objects.exists()
    desk.move(number, "QA")
    assert desk.see(item) == ["card-moved Todo>QA"]


def test_an_answer_that_is_older_than_what_is_known_moves_nothing(desk: Desk, card: tuple[int, str]) -> None:
    number, item = card
    BoardCard.objects.update(item_updated_at=clock.now() + timedelta(minutes=1))
    for column in (Column.TODO, Column.QA):
        with pytest.raises(TryLater):
            services.move_card(desk.project, number, column, desk.clients)
    assert (desk.moves_asked(), desk.column(item)) == (0, "Todo")


def test_a_failed_move_is_forgotten(desk: Desk, card: tuple[int, str]) -> None:
    number, item = card
    services.expect_move(desk.project.pk, item, option(desk, "QA"))
    services.move_failed(desk.project.pk, item, option(desk, "QA"))
    desk.move(number, "QA")
    assert desk.see(item) == ["card-moved Todo>QA"]


def test_what_cannot_be_moved_is_said(desk: Desk, card: tuple[int, str]) -> None:
    number, item = card
    with pytest.raises(services.CannotMove, match="has no card"):
        services.move_card(desk.project, 999, Column.QA, desk.clients)
    desk.act(TAKE_OFF, item)
    with pytest.raises(services.MovedElsewhere):
        services.move_card(desk.project, number, Column.QA, desk.clients)
    desk.see(item)
    with pytest.raises(services.CannotMove, match="is not on the board"):
        services.move_card(desk.project, item, Column.QA, desk.clients)
    Project.objects.update(metadata={})
    desk.project.refresh_from_db()
    with pytest.raises(services.CannotMove, match="has no column QA"):
        services.move_card(desk.project, number, Column.QA, desk.clients)
