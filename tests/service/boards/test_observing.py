"""Looks at cards of a real board: the present at GitHub decides, each move is told once, and losing is normal."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from django.db import IntegrityError, connection, transaction

from apps.projects.boards.models import BoardCard
from apps.projects.boards.observing import CARD_CHANGED
from apps.projects.canonical import Kind, Source
from apps.projects.models import Project
from meshsix.kit import clock
from meshsix.live.models import Event
from tests import boards
from tests.board_desk import ARCHIVE, RESTORE, TAKE_OFF, Desk

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_card_that_comes_to_todo_is_told_once_with_what_its_issue_says(desk: Desk) -> None:
    number = desk.issue("Tag it", labels=["bug"], assignees=["octo-user"])
    item = desk.move(number, "Todo")
    events = desk.record(desk.look(item), actor="octo-user", cause="delivery:7")
    assert events is not None
    (event,) = events
    assert (event.kind, event.issue, event.item_id, event.project_id) == (
        Kind.NEW_TODO,
        number,
        item,
        desk.project.pk,
    )
    assert (event.source, event.cause, event.repository.full_name) == (
        Source.WEBHOOK,
        "delivery:7",
        "octo-org/bookmarks",
    )
    facts = event.facts
    assert (facts["title"], facts["author"], facts["labels"], facts["assignees"]) == (
        "Tag it",
        "octo-user",
        ["bug"],
        ["octo-user"],
    )
    assert (facts["actor"], facts["issue_open"], facts["from"], facts["to"]) == ("octo-user", True, "", "Todo")
    assert facts["node_id"]
    assert clock.now() - event.occurred_at < timedelta(minutes=1)
    assert desk.see(item) == []
    assert desk.row(item).version == 1


def test_every_kind_of_move(desk: Desk) -> None:
    number = desk.issue()
    item = desk.add(number)
    assert desk.see(item) == []
    for column, expected in (
        ("Todo", ["new-todo >Todo"]),
        ("In Progress", ["card-moved Todo>In Progress"]),
        ("Blocked", ["card-blocked In Progress>Blocked"]),
        ("QA", ["card-unblocked Blocked>QA"]),
        ("QA", []),
        ("Todo", ["card-moved QA>Todo"]),
    ):
        desk.move(number, column)
        assert desk.see(item) == expected
    desk.act(ARCHIVE, item)
    assert desk.see(item) == ["card-removed Todo>"]
    assert desk.see(item) == []
    desk.act(RESTORE, item)
    assert desk.see(item) == ["new-todo >Todo"]
    desk.act(TAKE_OFF, item)
    assert desk.see(item) == ["card-removed Todo>"]
    assert desk.see(item) == []


def test_done_and_then_a_late_in_progress_the_present_decides(desk: Desk) -> None:
    number = desk.issue()
    item = desk.move(number, "In Progress")
    assert desk.see(item) == ["card-moved >In Progress"]
    desk.move(number, "Done")
    assert desk.see(item) == ["card-moved In Progress>Done"]
    assert desk.see(item) == []
    assert desk.row(item).column == "Done"


def test_each_told_move_has_a_key_of_its_own_and_a_mirrored_event(desk: Desk) -> None:
    number = desk.issue()
    keys = []
    for column in ("Todo", "QA", "Todo", "QA"):
        events = desk.record(desk.look(desk.move(number, column)))
        assert events is not None
        keys += [event.key for event in events]
    assert len(set(keys)) == 4
    changes = Event.objects.filter(aggregate_id="project:octo-org/bookmarks", event_type=CARD_CHANGED)
    assert [event.payload["column"] for event in changes.order_by("seq")] == ["Todo", "QA", "Todo", "QA"]


def test_drafts_pull_requests_and_other_repositories_issues_are_mirrored_and_start_nothing(desk: Desk) -> None:
    draft = desk.draft()
    other = desk.move(desk.issue(repository="octo-org/platform"), "Todo", repository="octo-org/platform")
    assert desk.see(draft) == desk.see(other) == []
    assert [(row.content, row.workable) for row in BoardCard.objects.order_by("id")] == [
        ("draft_issue", False),
        ("issue", False),
    ]
    desk.act(TAKE_OFF, draft)
    assert desk.see(draft) == []
    assert desk.row(draft).removed_at is not None


def test_what_changes_beside_the_status_is_mirrored_and_tells_no_move(desk: Desk) -> None:
    number = desk.issue("Before")
    item = desk.move(number, "Todo")
    desk.see(item)
    desk.sandbox.rest("PATCH", f"/repos/octo-org/bookmarks/issues/{number}", {"title": "After", "state": "closed"})
    assert desk.see(item) == []
    row = desk.row(item)
    assert (row.title, row.issue_open, row.version) == ("After", False, 2)
    assert Event.objects.filter(event_type=CARD_CHANGED).latest("seq").payload["changed"] == ["issue_open", "title"]


def test_a_column_is_known_by_its_options_id_whatever_people_call_it(desk: Desk) -> None:
    ids = desk.project.metadata["option_ids"]["Status"]
    noted = {**ids, "Todo": ids["QA"], "QA": ids["Todo"]}
    Project.objects.update(metadata={**desk.project.metadata, "option_ids": {"Status": noted}})
    desk.project.refresh_from_db()
    item = desk.move(desk.issue(), "Todo")
    assert desk.see(item) == ["card-moved >QA"]
    assert (desk.row(item).column, desk.row(item).status) == ("QA", "Todo")


def test_a_repository_that_is_renamed_before_the_registry_knows_loses_no_card(desk: Desk) -> None:
    item = desk.move(desk.issue(), "Todo")
    desk.see(item)
    Project.objects.update(name="other")
    desk.project.refresh_from_db()
    assert desk.see(item) == []
    assert desk.row(item).workable
    newcomer = desk.move(desk.issue(), "Todo")
    assert desk.see(newcomer) == []
    Project.objects.update(name="bookmarks")
    desk.project.refresh_from_db()
    assert desk.see(newcomer) == ["new-todo >Todo"]


def test_a_sighting_is_void_when_somebody_recorded_meanwhile(desk: Desk) -> None:
    number = desk.issue()
    early = desk.look(desk.move(number, "Todo"))
    late = desk.look(desk.move(number, "Done"))
    assert desk.record(late) is not None
    assert desk.record(early) is None
    assert desk.row(late.item_id).column == "Done"
    early = desk.look(late.item_id)
    desk.move(number, "QA")
    assert desk.see(late.item_id) == ["card-moved Done>QA"]
    assert desk.record(early) is None


def test_of_several_who_look_at_once_one_tells(desk: Desk) -> None:
    item = desk.move(desk.issue(), "Todo")
    barrier = Barrier(4)

    def one(_: int) -> bool:
        sighting = desk.look(item)
        barrier.wait(60)
        try:
            return bool(desk.record(sighting))
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(one, range(4))) == [False, False, False, True]
    assert desk.row(item).version == 1


def test_what_is_rolled_back_is_told_again(desk: Desk) -> None:
    item = desk.move(desk.issue(), "Todo")
    sighting = desk.look(item)
    with transaction.atomic():
        assert desk.record(sighting)
        transaction.set_rollback(True)
    assert not BoardCard.objects.exists()
    assert not Event.objects.filter(event_type=CARD_CHANGED).exists()
    assert desk.see(item) == ["new-todo >Todo"]


def test_a_card_of_another_board_is_not_on_ours(desk: Desk) -> None:
    item = desk.move(desk.issue(), "Todo")
    desk.see(item)
    Project.objects.update(board_id="PVT_another")
    desk.project.refresh_from_db()
    assert desk.see(item) == ["card-removed Todo>"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"version": 0},
        {"content": "song"},
        {"content": "draft_issue"},
        {"issue": None},
        {"column": ""},
        {"status_option_id": ""},
        {"missing_since": clock.now(), "removed_at": clock.now()},
    ],
)
def test_the_database_refuses_cards_that_cannot_be(wrong: dict[str, object]) -> None:
    boards.card(boards.project(), 1)
    with pytest.raises(IntegrityError):
        BoardCard.objects.update(**wrong)
