"""One thing that happened is told once, by however many hooks and polls it is heard of, and the present state decides.

Through the real door, from the sandbox GitHub, with the platform's own handlers.
"""

from collections.abc import Iterator
from datetime import timedelta

import httpx
import pytest

from apps.onboarding.steps.board import create_project_board
from apps.onboarding.words import BoardWanted
from apps.projects.boards import services as boards
from apps.projects.boards.columns import Column
from apps.projects.boards.models import BoardCard
from apps.projects.canonical import Kind
from apps.projects.models import Project
from apps.webhooks import handling
from apps.webhooks.models import Delivery
from apps.webhooks.repair import polling
from apps.webhooks.states import OPEN
from meshsix import wiring
from meshsix.durable.definition import StepFacts
from meshsix.kit import clock, ids
from meshsix.kit.actor import SYSTEM
from meshsix.live.models import Event
from tests.github_bench import Bench
from tests.service.repair.site import FULL_NAME, Site, until

pytestmark = pytest.mark.usefixtures("transactional_db")


@pytest.fixture
def row(site: Site) -> Project:
    """The site's project with a board, whose moves the organization's hook tells, polled once."""
    now, bench = clock.now(), site.bench
    this = StepFacts(
        run_id=ids.new_id(), step="x", attempt=1, first_started_at=now, deadline=now + timedelta(minutes=1)
    )
    wanted = BoardWanted(ask=bench.ask(FULL_NAME), validate_repo=bench.access(FULL_NAME), answer=None, this=this)
    board = create_project_board(wanted, bench.clients)
    Project.objects.update(
        board_id=board.board_id,
        board_number=board.number,
        metadata={"field_ids": board.field_ids, "option_ids": board.option_ids},
    )
    site.hook_up(FULL_NAME, organization=True)
    found = Project.objects.get()
    assert polling.poll_now(found.pk, bench.clients) is not None
    return found


@pytest.fixture(autouse=True)
def _wired(site: Site) -> Iterator[None]:  # noqa: ARG001 - its settings point to the sandbox
    wiring.clients.cache_clear()
    yield
    wiring.clients.cache_clear()


def move(bench: Bench, status: str) -> None:
    """Move the issue's card as a person would."""
    given = {"repository": FULL_NAME, "issue": 1, "status": status, "actor": "octo-user"}
    httpx.post(f"{bench.sandbox.url}/_sandbox/cards/move", json=given, timeout=60).raise_for_status()


def arrived(count: int) -> list[Delivery]:
    """Wait until so many deliveries of cards are here; return them, the oldest first."""
    rows = Delivery.objects.filter(event="projects_v2_item").order_by("received_at")
    until(lambda: rows.count() >= count)
    return list(rows)


def handle(*deliveries: Delivery) -> None:
    for each in deliveries:
        handling.handle(each.pk)


def told() -> list[tuple[str, str]]:
    """Return what was told of the card, in order: the kind and the column."""
    kinds = [Kind.NEW_TODO, Kind.CARD_MOVED, Kind.CARD_BLOCKED, Kind.CARD_UNBLOCKED]
    found = Event.objects.filter(event_type__in=kinds).order_by("seq")
    return [(event.event_type, str(event.payload["facts"].get("to", ""))) for event in found]


def column() -> str:
    return BoardCard.objects.get().column


def test_a_move_that_a_webhook_and_a_poll_both_tell_starts_one_thing(site: Site, row: Project) -> None:
    move(site.bench, "Todo")
    handle(*arrived(1))
    assert polling.poll_now(row.pk, site.bench.clients) is not None
    assert [kind for kind, _ in told()] == [Kind.NEW_TODO]
    move(site.bench, "In Progress")
    polled = polling.poll_now(row.pk, site.bench.clients)
    assert polled is not None
    assert len(polled.told) == 1
    handle(*Delivery.objects.filter(state__in=OPEN, event="projects_v2_item"))
    until(lambda: not _handled_late())
    assert [kind for kind, _ in told()] == [Kind.NEW_TODO, Kind.CARD_MOVED]


def _handled_late() -> bool:
    """Handle what came late; return whether there was any."""
    late = list(Delivery.objects.filter(state__in=OPEN, event="projects_v2_item"))
    handle(*late)
    return bool(late)


@pytest.mark.usefixtures("row")
def test_after_done_a_late_in_progress_leaves_the_card_where_github_says_it_is(site: Site) -> None:
    move(site.bench, "Todo")
    handle(*arrived(1))
    move(site.bench, "In Progress")
    move(site.bench, "Done")
    deliveries = arrived(3)
    for late in reversed(deliveries):  # "Done" first, then the "In Progress" that was overtaken
        handle(late)
    assert column() == Column.DONE
    assert told()[-1] == (Kind.CARD_MOVED, Column.DONE)
    assert (Kind.CARD_MOVED, Column.IN_PROGRESS) not in told()


def test_our_own_move_causes_no_transition_and_a_persons_after_it_does(site: Site, row: Project) -> None:
    move(site.bench, "Todo")
    handle(*arrived(1))
    before = told()
    boards.move_card(row, 1, Column.PLANNING, site.bench.clients, actor=SYSTEM)
    handle(*arrived(2))
    assert polling.poll_now(row.pk, site.bench.clients) is not None
    assert column() == Column.PLANNING
    assert told() == before
    move(site.bench, "Blocked")
    until(lambda: _handled_late() or len(told()) > len(before))
    assert told()[len(before) :] == [(Kind.CARD_BLOCKED, Column.BLOCKED)]


def test_the_same_guid_by_the_repositorys_and_the_organizations_hook_is_one_canonical_event(site: Site) -> None:
    hook = site.hook_up(FULL_NAME, organization=True)
    site.bench.sandbox.rest("PATCH", f"/orgs/octo-org/hooks/{hook.github_id}", {"add_events": ["issues"]})
    site.bench.sandbox.rest("PATCH", f"/repos/{FULL_NAME}/issues/1", {"state": "closed"})
    until(lambda: Delivery.objects.filter(event="issues").count() == 2)
    handle(*Delivery.objects.filter(event="issues"))
    assert Event.objects.filter(event_type=Kind.ISSUE_CLOSED).count() == 1
