"""Deliveries that were lost are found in GitHub's log and redelivered; what cannot come is asked for a few times."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import cast

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from pytest_django import Settings

from apps.projects.models import Hook
from apps.webhooks.models import Delivery
from apps.webhooks.repair import claims, gaps, mending, redelivery, watch
from apps.webhooks.repair.models import Gap, HookWatch
from apps.webhooks.repair.reach import Shown, reach
from apps.webhooks.repair.states import GapState
from meshsix.integrations.github.messages import HookDelivery
from meshsix.kit import clock
from meshsix.kit.actor import SYSTEM
from meshsix.wiring import Clients
from tests.crossing import crossed
from tests.service.repair.site import FULL_NAME, Site, until

pytestmark = pytest.mark.usefixtures("transactional_db")


def test_a_delivery_that_was_lost_is_found_redelivered_and_comes_in(site: Site) -> None:
    site.lose(FULL_NAME)
    site.comment("lost")
    assert not Delivery.objects.filter(event="issue_comment").exists()
    site.lose()
    assert site.look().asked_for == 1
    assert (site.gap.state, site.gap.tries, site.gap.event) == (GapState.ASKED, 1, "issue_comment")
    until(lambda: Delivery.objects.filter(event="issue_comment").exists())
    assert Delivery.objects.get(event="issue_comment").guid == site.gap.guid
    site.look()
    assert site.gap.state == GapState.FOUND
    assert [event.event_type for event in site.told("deliveries-missing") + site.told("deliveries-found")] == [
        "deliveries-missing",
        "deliveries-found",
    ]


def test_what_came_in_is_not_asked_for(site: Site) -> None:
    site.comment()
    until(lambda: Delivery.objects.filter(event="issue_comment").exists())
    site.bench.sandbox.forget_requests()
    looked = site.look()
    assert (looked.missing, looked.asked_for, looked.troubles) == (0, 0, ())
    assert not site.bench.sandbox.requests(changes=True)
    assert not Gap.objects.exists()


def test_a_second_look_begins_where_the_first_one_ended(site: Site) -> None:
    site.look()
    first = site.watch.compared_until
    site.look()
    second = site.watch.compared_until
    assert first is not None
    assert second is not None
    assert second > first
    assert site.watch.due_at > clock.now()
    assert (site.watch.error, site.watch.lease_until) == ("", None)


def test_a_look_that_breaks_says_so_and_after_its_time_leaves_the_hook_to_the_next(site: Site) -> None:
    def broken(*, late: bool) -> Clients:
        class Broken:
            """Clients that break, late ones once somebody else looks."""

            @property
            def github(self) -> None:
                if late:
                    with clock.moved(claims.LEASE):
                        claims.take(pk, clock.now())
                raise ZeroDivisionError("by nothing")

        return cast("Clients", Broken())

    pk = site.watch.pk
    claims.hurry([pk], clock.now())
    with pytest.raises(ZeroDivisionError):
        watch.look(pk, broken(late=False))
    assert (site.watch.error, site.watch.lease_until) == ("ZeroDivisionError: by nothing", None)
    claims.hurry([pk], clock.now())
    HookWatch.objects.update(error="")
    with pytest.raises(ZeroDivisionError):
        watch.look(pk, broken(late=True))
    assert site.watch.error == ""
    assert site.watch.lease_until is not None


def test_what_never_comes_is_asked_for_five_times_and_then_given_up(site: Site) -> None:
    site.lose(FULL_NAME)
    site.comment()
    for hours in range(0, 30, 3):
        site.look(later=timedelta(hours=hours))
    assert site.asked_again() == gaps.BACKOFF.attempts - 1
    assert (site.gap.state, site.gap.reason) == (GapState.GIVEN_UP, "asked for 5 times")
    assert len(site.told("deliveries-given-up")) == 1


def test_a_person_lets_the_tries_begin_anew(site: Site) -> None:
    site.lose(FULL_NAME)
    site.comment()
    site.look()
    Gap.objects.update(state=GapState.GIVEN_UP, tries=5, reason="asked for 5 times")
    assert redelivery.reopen(site.watch, clock.now()) == 1
    site.lose()
    assert site.look().asked_for == 1
    until(lambda: Delivery.objects.filter(event="issue_comment").exists())


def test_what_is_older_than_github_remembers_is_given_up_without_asking(site: Site) -> None:
    site.lose(FULL_NAME)
    site.comment()
    site.look()
    before = site.asked_again()
    site.look(later=gaps.KEPT)
    assert (site.gap.state, site.gap.reason) == (GapState.GIVEN_UP, "GitHub keeps it no longer")
    assert site.asked_again() == before


def test_where_github_forgot_it_nothing_more_is_tried(site: Site) -> None:
    site.lose(FULL_NAME)
    site.comment()
    site.bench.sandbox.fault("status", match={"path": "*/attempts"}, status=404, body={"message": "Not Found"})
    site.look()
    assert (site.gap.state, site.gap.reason) == (GapState.GIVEN_UP, "GitHub has it no longer")


def test_a_rate_limit_moves_the_next_look_and_costs_no_try(site: Site) -> None:
    site.lose(FULL_NAME)
    site.comment()
    site.bench.sandbox.fault("rate-limit-secondary", match={"path": "*/attempts"}, seconds=30)
    looked = site.look()
    assert looked.asked_for == 0
    assert (site.gap.state, site.gap.tries) == (GapState.MISSING, 0)
    row = site.watch
    assert timedelta(seconds=20) < row.due_at - clock.now() <= timedelta(seconds=31)
    assert row.error
    assert row.lease_until is None


def test_while_github_is_away_the_row_says_so_and_the_cursor_stays(site: Site) -> None:
    site.look()
    before = site.watch.compared_until
    site.bench.sandbox.fault("status", match={"path": "*/hooks"}, status=502)
    assert site.look().error
    assert "Server Error" in site.watch.error
    assert site.watch.compared_until == before
    assert site.look().error == ""
    assert site.watch.error == ""


def test_two_sweeps_and_two_workers_look_once(site: Site) -> None:
    now = clock.now()
    HookWatch.objects.filter(pk=site.watch.pk).update(due_at=now)
    assert claims.due(now) == [site.watch.pk]
    first, second = claims.take(site.watch.pk, now), claims.take(site.watch.pk, now)
    assert (first is not None, second) == (True, None)
    assert claims.due(now) == []
    assert watch.look(site.watch.pk, site.bench.clients) is None


def test_a_worker_that_died_is_followed_by_another_and_its_late_word_counts_no_more(site: Site) -> None:
    now = clock.now()
    HookWatch.objects.filter(pk=site.watch.pk).update(due_at=now)
    lost = claims.take(site.watch.pk, now)
    assert lost is not None
    later = now + claims.LEASE
    assert claims.due(later) == [site.watch.pk]
    assert claims.take(site.watch.pk, later) is not None
    assert not claims.end(lost, due_at=now, error="too late")
    assert site.watch.error == ""


@dataclass
class Busy:
    """A hook that sent a lot; `between` is what happens before the page after the first is read."""

    between: Callable[[], object]
    address: str = ""
    read: int = 0

    def shown(self) -> Shown:
        return Shown(active=True, url=self.address)

    def deliveries(self, since: datetime) -> Iterator[HookDelivery]:  # noqa: ARG002 - a Reach
        for self.read in range(1, 2 * watch.PAGE + 1):
            if self.read == watch.PAGE:
                self.between()
            yield _lost(self.read)

    def redeliver(self, delivery_id: int) -> None:
        raise LookupError(delivery_id)


def test_a_long_list_is_read_to_its_end_by_the_one_who_began(site: Site) -> None:
    row = claims_of(site)
    hook = Busy(between=lambda: HookWatch.objects.update(lease_until=clock.now()))
    seen = watch.observe(row, hook)
    assert seen is not None
    assert len(seen.made) == hook.read == 2 * watch.PAGE
    assert claims.take(row.pk, clock.now()) is None, "it is still ours"
    assert claims.end(row, due_at=clock.now())


def test_who_lost_the_claim_in_a_long_list_reads_no_further(site: Site) -> None:
    row = claims_of(site)

    def by_another() -> None:
        HookWatch.objects.update(lease_until=clock.now())
        assert claims.take(row.pk, clock.now()) is not None

    hook = Busy(between=by_another)
    assert watch.observe(row, hook) is None
    assert hook.read == watch.PAGE


def test_what_is_asked_for_in_the_midst_of_a_look_is_done_behind_it(site: Site) -> None:
    row = claims_of(site)
    mending.redeliver_missing(row, actor=SYSTEM)
    claims.end(row, due_at=clock.now() + timedelta(hours=1))
    assert claims.due(clock.now()) == [row.pk]


def test_a_wish_of_a_person_and_a_running_look_do_not_wait_in_a_circle(site: Site) -> None:
    row = claims_of(site)
    given_up = {"state": GapState.GIVEN_UP, "reason": "asked for 5 times", "tries": 5}
    Gap.objects.create(watch=row, guid="g", delivery_id=1, event="push", delivered_at=clock.now(), **given_up)

    def note() -> None:
        redelivery.note(row, gaps.missing([_lost(99)], set()), clock.now())

    crossed(lambda: claims.hold(row), lambda: mending.redeliver_missing(row, actor=SYSTEM), note)
    assert set(Gap.objects.values_list("state", flat=True)) == {GapState.MISSING}


def test_a_crash_between_the_count_and_the_asking_asks_once_more_later(site: Site) -> None:
    site.lose(FULL_NAME)
    site.comment()
    site.bench.sandbox.fault("drop-before-effect", match={"path": "*/attempts"})
    site.look()
    gap = site.gap
    assert redelivery.ask(gap, site.watch, clock.now(), chance=0.5)  # ... and here the worker dies
    assert not redelivery.ask(gap, site.watch, clock.now(), chance=0.5), "another one counted this try"
    site.lose()
    assert site.look(later=timedelta(hours=3)).asked_for == 1
    until(lambda: Delivery.objects.filter(event="issue_comment").exists())


def test_the_organizations_hook_is_compared_on_its_own(site: Site) -> None:
    hook = site.hook_up(FULL_NAME, organization=True)
    claims.make(clock.now())
    HookWatch.objects.update(due_at=clock.now())
    looked = [watch.look(row.pk, site.bench.clients) for row in HookWatch.objects.all()]
    assert [each.missing for each in looked if each] == [0, 0]
    Delivery.objects.filter(hook=hook).delete()
    HookWatch.objects.update(due_at=clock.now())
    assert watch.look(HookWatch.objects.get(hook=hook).pk, site.bench.clients).asked_for == 1  # type: ignore[union-attr] # it is ours to look
    until(lambda: Delivery.objects.filter(hook=hook, event="ping").exists())


def test_hooks_of_projects_that_left_are_not_watched(site: Site) -> None:
    assert site.hook.project is not None
    HookWatch.objects.filter(pk=site.watch.pk).update(due_at=clock.now())
    assert len(claims.due(clock.now())) == 1
    site.hook.project.__class__.objects.update(status="offboarded")
    assert claims.due(clock.now()) == []
    HookWatch.objects.all().delete()
    claims.make(clock.now())
    assert not HookWatch.objects.exists()


@pytest.mark.parametrize("many", [1, 25])
def test_a_record_costs_the_same_number_of_queries_however_much_is_missing(site: Site, many: int) -> None:
    row = claims_of(site)
    made = [_lost(number) for number in range(many)]
    with CaptureQueriesContext(
        connection,
    ) as counted:
        redelivery.note(row, gaps.missing(made, set()), clock.now())
    assert len(counted) <= 7
    assert Gap.objects.count() == many
    assert Hook.objects.count() == 1


def claims_of(site: Site) -> HookWatch:
    HookWatch.objects.filter(pk=site.watch.pk).update(due_at=clock.now())
    row = claims.take(site.watch.pk, clock.now())
    assert row is not None
    return row


def _lost(number: int) -> HookDelivery:
    return HookDelivery(
        id=number,
        guid=f"guid-{number}",
        event="push",
        action="",
        delivered_at=clock.now(),
        status_code=502,
        redelivery=False,
    )


def test_the_apps_hook_is_wanted_where_the_doors_are(site: Site, settings: Settings) -> None:
    app = HookWatch(hook=None)
    assert reach(app, site.bench.clients).address == f"{settings.PUBLIC_URL}{reverse('webhook-github')}"
    settings.WEBHOOK_URL = "https://doors.example.org"
    assert reach(app, site.bench.clients).address == "https://doors.example.org/webhooks/github"
