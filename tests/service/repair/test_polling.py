"""Boards that send no events move by polling: claimed once, visible where it fails, and told once with webhooks."""

from datetime import timedelta
from typing import cast

import httpx
import pytest
from django.core.management import call_command
from pytest_django import Settings

from apps.onboarding.steps.board import create_project_board
from apps.onboarding.words import BoardWanted
from apps.projects.boards import services as boards
from apps.projects.boards.models import BoardCard, BoardWatch
from apps.projects.canonical import Kind
from apps.projects.models import Project
from apps.webhooks.repair import polling, services, tasks
from apps.webhooks.repair.polling import Polled
from meshsix.durable.definition import StepFacts
from meshsix.kit import clock, ids
from meshsix.live.models import Event
from meshsix.wiring import Clients
from tests.github_bench import Bench
from tests.service.repair.site import project

pytestmark = pytest.mark.usefixtures("transactional_db")
FULL_NAME = "octo-user/notes"


@pytest.fixture
def notes(bench: Bench) -> Project:
    """A person's repository with a board, which sends no events, and an issue on it."""
    now = clock.now()
    this = StepFacts(
        run_id=ids.new_id(), step="x", attempt=1, first_started_at=now, deadline=now + timedelta(minutes=1)
    )
    wanted = BoardWanted(ask=bench.ask(FULL_NAME), validate_repo=bench.access(FULL_NAME), answer=None, this=this)
    board = create_project_board(wanted, bench.clients)
    bench.sandbox.rest("POST", f"/repos/{FULL_NAME}/issues", {"title": "Write it down"})
    row = project(
        FULL_NAME,
        trigger_method="poll",
        board_id=board.board_id,
        board_number=board.number,
        metadata={"field_ids": board.field_ids, "option_ids": board.option_ids},
    )
    assert poll(bench, row).told == ()  # the first poll learns the board
    return row


def move(bench: Bench, status: str, full_name: str = FULL_NAME) -> None:
    """Move the issue's card as a person would."""
    given = {"repository": full_name, "issue": 1, "status": status, "actor": "octo-user"}
    httpx.post(f"{bench.sandbox.url}/_sandbox/cards/move", json=given, timeout=60).raise_for_status()


def poll(bench: Bench, row: Project) -> Polled:
    polled = polling.poll_now(row.pk, bench.clients)
    assert polled is not None
    return polled


def told(row: Project) -> list[str]:
    """Return what the project's log tells of cards, in order."""
    kinds = [Kind.NEW_TODO, Kind.CARD_MOVED, Kind.CARD_BLOCKED, Kind.CARD_UNBLOCKED, Kind.CARD_REMOVED]
    found = Event.objects.filter(aggregate_id=f"project:{row.full_name}", event_type__in=kinds)
    return list(found.order_by("aggregate_seq").values_list("event_type", flat=True))


def test_a_users_board_moves_an_issue_by_polling_and_tells_each_move_once(bench: Bench, notes: Project) -> None:
    move(bench, "Todo")
    assert [each.event.kind for each in poll(bench, notes).told] == [Kind.NEW_TODO]
    assert BoardCard.objects.get(project=notes).column == "Todo"
    assert poll(bench, notes).told == ()
    move(bench, "In Progress")
    poll(bench, notes)
    poll(bench, notes)
    assert told(notes) == [Kind.NEW_TODO, Kind.CARD_MOVED]


def test_the_first_poll_of_a_board_is_due_at_once_and_the_next_in_three_minutes(bench: Bench, notes: Project) -> None:
    watch = BoardWatch.objects.get(project=notes)
    assert timedelta(minutes=2) < watch.due_at - clock.now() <= timedelta(minutes=3)
    assert polling.poll(notes.pk, bench.clients) is None
    Project.objects.update(trigger_method="webhook")
    poll(bench, notes)
    watch.refresh_from_db()
    assert timedelta(minutes=59) < watch.due_at - clock.now() <= timedelta(hours=1)


def test_two_beats_and_two_workers_poll_once(bench: Bench, notes: Project) -> None:
    boards.poll_soon(notes.pk)
    assert services.sweep() == services.sweep() == 1
    bench.sandbox.forget_requests()
    assert boards.claim(notes.pk, lease=polling.LEASE) is not None
    assert polling.poll(notes.pk, bench.clients) is None
    assert services.sweep() == 0
    assert bench.sandbox.requests() == []
    with clock.moved(polling.LEASE):
        assert services.sweep() == 1


def test_a_rate_limit_moves_the_next_poll_to_when_github_said(bench: Bench, notes: Project) -> None:
    bench.sandbox.fault("graphql-rate-limit", match={"path": "/graphql"}, seconds=40)
    assert poll(bench, notes).error
    watch = BoardWatch.objects.get(project=notes)
    assert timedelta(seconds=20) < watch.due_at - clock.now() <= timedelta(seconds=45)
    assert watch.error
    assert watch.lease_id is None


def test_a_board_that_cannot_be_read_says_so_until_it_can(bench: Bench, notes: Project) -> None:
    bench.sandbox.fault("status", match={"path": "/graphql"}, status=502)
    assert poll(bench, notes).error
    watch = BoardWatch.objects.get(project=notes)
    assert (watch.failures, bool(watch.error)) == (1, True)
    poll(bench, notes)
    watch.refresh_from_db()
    assert (watch.failures, watch.error) == (0, "")


def test_what_nobody_expected_is_written_to_the_board(bench: Bench, notes: Project) -> None:
    tasks.poll_board.apply(args=(str(notes.pk),))  # not due: nothing happens
    boards.poll_soon(notes.pk)
    Project.objects.update(board_id="PVT_nonsense")
    tasks.poll_board.apply(args=(str(notes.pk),))
    assert BoardWatch.objects.get(project=notes).failures == 1
    assert bench.sandbox.url


def test_a_poll_that_breaks_after_its_time_leaves_the_board_to_the_next(bench: Bench, notes: Project) -> None:
    taken: list[boards.Lease | None] = []

    class Broken:
        """Clients that break once another poller has the board."""

        @property
        def github(self) -> None:
            with clock.moved(polling.LEASE):
                taken.append(boards.claim(notes.pk, lease=polling.LEASE))
            raise ZeroDivisionError

    boards.poll_soon(notes.pk)
    with pytest.raises(ZeroDivisionError):
        polling.poll(notes.pk, cast("Clients", Broken()))
    watch = BoardWatch.objects.get(project=notes)
    assert taken[0] is not None
    assert (watch.lease_id, watch.failures, watch.error) == (taken[0].id, 0, "")
    with clock.moved(2 * polling.LEASE), pytest.raises(AttributeError):
        polling.poll(notes.pk, cast("Clients", bench))
    watch.refresh_from_db()
    assert (watch.lease_id, watch.failures) == (None, 1)
    assert watch.error.startswith("AttributeError")


def test_filters_hold_for_polls_too(bench: Bench, notes: Project) -> None:
    Project.objects.update(settings={"filters": {"required_labels": ["agent"]}})
    move(bench, "Todo")
    (rejected,) = poll(bench, notes).told
    assert Kind.NEW_TODO not in told(notes)
    assert rejected.event.kind is Kind.NEW_TODO


def test_the_command_reads_the_board_now(
    bench: Bench, notes: Project, capsys: pytest.CaptureFixture[str], settings: Settings
) -> None:
    settings.GITHUB_API_URL, settings.GITHUB_TOKEN = bench.sandbox.url, bench.sandbox.tokens["full"]
    move(bench, "Todo")
    call_command("reconcile_board", FULL_NAME)
    assert "1 cards read, 1 changes told." in capsys.readouterr().out
    assert told(notes) == [Kind.NEW_TODO]
    boards.poll_soon(notes.pk)
    boards.claim(notes.pk, lease=polling.LEASE)
    with pytest.raises(SystemExit) as busy:
        call_command("reconcile_board", FULL_NAME)
    assert busy.value.code == 3
