"""A hook that does not work any more raises an alert once, tells people once, and clears it when it is well again."""

import pytest

from apps.webhooks.models import Delivery
from apps.webhooks.repair.models import Gap, HookAlert
from apps.webhooks.repair.states import AlertKind, AlertState, GapState
from meshsix.integrations.errors import Missing
from meshsix.kit import clock
from tests.service.repair.site import FULL_NAME, Site, until

pytestmark = pytest.mark.usefixtures("transactional_db")


def test_a_disabled_hook_raises_one_alert_and_one_notice_until_it_is_well(site: Site) -> None:
    site.bench.sandbox.rest("PATCH", site.at_github, {"active": False})
    assert site.look().troubles == (AlertKind.DISABLED,)
    site.look()
    alert = site.alert
    assert (alert.kind, alert.state) == (AlertKind.DISABLED, AlertState.TOLD)
    (notice,) = site.notices()
    assert FULL_NAME in notice["title"]
    assert notice["click"].endswith(f"#alert-{alert.pk}")
    site.bench.sandbox.rest("PATCH", site.at_github, {"active": True})
    site.look()
    assert site.alert.state == AlertState.CLEARED
    told = [event.event_type for name in ("raised", "told", "cleared") for event in site.told(f"hook-alert-{name}")]
    assert told == ["hook-alert-raised", "hook-alert-told", "hook-alert-cleared"]
    assert {event.aggregate_id for event in site.told("hook-alert-raised")} == {"project:octo-org/bookmarks"}


def test_a_new_episode_is_a_new_alert_and_told_again(site: Site) -> None:
    for _ in range(2):
        site.bench.sandbox.rest("PATCH", site.at_github, {"active": False})
        site.look()
        site.bench.sandbox.rest("PATCH", site.at_github, {"active": True})
        site.look()
    assert list(HookAlert.objects.values_list("state", flat=True)) == [AlertState.CLEARED] * 2
    assert len(site.notices()) == 2


def test_a_deleted_hook_is_noticed_and_nothing_is_asked_of_it(site: Site) -> None:
    site.lose(FULL_NAME)
    site.comment()
    site.look()
    Gap.objects.update(due_at=clock.now())
    site.bench.sandbox.rest("DELETE", site.at_github)
    before = site.asked_again()
    assert site.look().troubles == (AlertKind.DELETED,)
    assert site.asked_again() == before
    assert site.gap.state in {GapState.MISSING, GapState.ASKED}


def test_a_hook_that_sends_elsewhere_is_noticed(site: Site) -> None:
    elsewhere = "http://127.0.0.1:9/in?token=planted-token"
    site.bench.sandbox.rest("PATCH", f"{site.at_github}/config", {"url": elsewhere})
    assert site.look().troubles == (AlertKind.READDRESSED,)
    assert site.alert.facts == {"sends_to": "127.0.0.1/in", "content_type": "json"}


def test_a_run_of_bad_signatures_is_noticed_and_one_good_delivery_ends_it(site: Site) -> None:
    site.sign_with("of somebody else")
    for number in range(2):
        site.comment(str(number))
    assert site.look().troubles == ()
    site.comment("the third")
    assert site.look().troubles == (AlertKind.BAD_SIGNATURES,)
    assert len(site.notices()) == 1
    site.sign_with(site.bench.clients.vault.read(site.hook.secret_path).data["secret"])
    site.comment("good")
    until(lambda: Delivery.objects.filter(event="issue_comment").exists())
    assert site.look().troubles == ()
    assert site.alert.state == AlertState.CLEARED


def test_a_stranger_who_sends_junk_to_the_door_raises_no_alert(site: Site) -> None:
    for _ in range(5):
        site.knock(b"{}")
    assert site.look().troubles == ()


def test_an_alert_that_could_not_be_told_is_told_by_the_next_look(site: Site) -> None:
    site.bench.sandbox.rest("PATCH", site.at_github, {"active": False})
    site.ntfy.fault(match={"method": "POST"})
    site.look()
    assert site.alert.state == AlertState.RAISED
    site.look()
    assert site.alert.state == AlertState.TOLD
    assert len(site.notices()) == 1


def test_a_crash_after_the_notice_tells_nobody_twice(site: Site) -> None:
    site.bench.sandbox.rest("PATCH", site.at_github, {"active": False})
    site.look()
    HookAlert.objects.update(state=AlertState.RAISED, told_at=None)
    site.look()
    assert site.alert.state == AlertState.TOLD
    assert len(site.notices()) == 1


def test_a_repository_that_we_may_not_see_is_an_error_and_no_deleted_hook(site: Site) -> None:
    site.bench.sandbox.fault("status", match={"path": "*/hooks"}, status=404, body={"message": "Not Found"})
    looked = site.look()
    assert looked.troubles == ()
    assert looked.error
    assert not HookAlert.objects.exists()
    assert Missing.__name__ not in looked.error
