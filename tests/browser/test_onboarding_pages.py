"""Onboarding's pages as a person meets them in Chromium: by clicking, by keys, without scripts, after being away."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Literal

import psycopg
import pytest
from axe_playwright_python.sync_playwright import Axe
from django.contrib.auth.hashers import make_password
from playwright.sync_api import Browser, Locator, expect

from deploy.local.options import Options
from deploy.local.person import allow
from deploy.local.stack import Stack
from tests.browsing import Person, chromium, delays, percentile, window
from tests.doors import quick_environment
from tests.platform import Platform, running

pytestmark = [pytest.mark.browser, pytest.mark.xdist_group("onboarding-pages")]
PLANTED = "<img src=x onerror=planted=1><script>planted=1</script>"
PASSWORD = "a long enough password"
NEWCOMER = """
insert into auth_user
  (username, password, first_name, last_name, email, is_staff, is_superuser, is_active, date_joined)
values (%(name)s, %(password)s, '', '', '', false, false, true, now())
"""
PAINTED_WITHIN_SECONDS, PACES = 2, 10
"""tests/perf/bench_paint.py measures; here the machine may be busy with anything, so that its own pace counts too."""
RULES = {"rules": {"target-size": {"enabled": True}}}
_STATES = {
    "step-ready": "ready",
    "step-started": "running",
    "step-retrying": "retrying",
    "step-waiting": "waiting",
    "step-answered": "ready",
    "step-done": "done",
    "step-skipped": "skipped",
}


@dataclass(frozen=True, kw_only=True)
class Place:
    """The platform, a browser, and the session of somebody who may do everything."""

    platform: Platform
    browser: Browser
    session: Any

    @property
    def stack(self) -> Stack:
        return self.platform.stack

    def events(self, run_id: str) -> list[dict[str, Any]]:
        found = self.platform.ask("GET", f"/events/replay/run:{run_id}?limit=1000", status=200)["results"]
        return list(found)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    options = Options(data=tmp_path_factory.mktemp("stack"), environ=quick_environment(), workers=1)
    with running(Stack(options)) as platform, chromium() as browser:
        with window(browser, platform.stack) as person:
            person.sign_in("demo", platform.stack.demo_password or "")
            session = person.context.storage_state()
        yield Place(platform=platform, browser=browser, session=session)


@pytest.fixture
def person(place: Place) -> Iterator[Person]:
    """Somebody signed in, at a browser that has nothing to complain of."""
    with window(place.browser, place.stack, session=place.session) as somebody:
        yield somebody
        assert somebody.heard() == []


@pytest.fixture(scope="module")
def runs(place: Place) -> dict[str, str]:
    """One onboarding in each state, by status."""
    platform = place.platform
    cancelled = platform.start(platform.repository())
    found = {
        "waiting_auth": platform.start(platform.repository()),
        "failed": platform.start(platform.repository(archived=True), display_name=PLANTED),
        "completed": platform.start(platform.repository(), skip_auth=True, skip_litellm=True),
    }
    platform.wait(cancelled, "waiting_auth")
    platform.ask("POST", f"/onboard/{cancelled}/cancel", status=202)
    for status, run_id in {**found, "cancelled": cancelled}.items():
        platform.wait(run_id, status)
    return {**found, "cancelled": cancelled}


def history(person: Person) -> list[str]:
    """Return everything that a run's page tells that does not change with the clock."""
    person.page.locator("#events").evaluate("details => { details.open = true }")
    steps = person.page.locator("[data-step]").evaluate_all(
        "steps => steps.map(step => step.dataset.step + ' ' + step.dataset.state)"
    )
    return [*steps, *person.page.locator("[data-event]").all_inner_texts()]


def faultless(person: Person, address: str) -> None:
    """Open a page and find nothing wrong with it."""
    person.page.goto(address)
    report = Axe().run(person.page, options=RULES)
    assert report.violations_count == 0, f"{address}: {report.generate_report()}"
    assert person.overflow() <= 0, f"{address} is {person.overflow()} px too wide"
    assert person.heard() == [], address


def tab_to(person: Person, target: Locator) -> None:
    """Press Tab until the target has the focus."""
    for _ in range(60):
        if target.evaluate("element => element === document.activeElement"):
            return
        person.page.keyboard.press("Tab")
    raise AssertionError(f"no way by Tab to {target}")


def test_an_empty_platform_says_what_would_fill_it(place: Place, person: Person) -> None:
    for address in ("/", "/onboarding"):
        faultless(person, address)
        person.live()
    expect(person.page.get_by_text("No repository was onboarded yet.")).to_be_visible()
    person.page.locator("#onboardings").get_by_role("link", name="Onboard a repository").click()
    expect(person.page).to_have_url(f"{place.stack.url}/onboarding/new")


def test_from_the_form_to_the_end_by_clicking_only(place: Place, person: Person) -> None:
    full_name = place.platform.repository()
    person.page.goto("/")
    person.page.get_by_role("link", name="Onboard a repository").click()
    person.page.get_by_label("Repository", exact=True).fill(full_name)
    person.page.get_by_role("button", name="Start").click()
    expect(person.page.get_by_role("heading", name=full_name)).to_be_visible()
    expect(person.page.locator("#sign-in")).to_be_visible()
    person.status("waiting_auth")
    before = person.paints()
    pace = person.pace()
    code = person.allow()
    person.page.get_by_label("Code").fill(code)
    person.page.get_by_role("button", name="Hand in").click()
    person.status("completed")
    expect(person.page.locator("#sign-in")).to_have_count(0)
    pace = max(pace, person.pace())
    events = place.events(person.page.url.rsplit("/", 1)[1])
    after = person.paints()
    seen = [event for event in events if event["aggregate_seq"] <= before[-1].seq]
    late = [*delays(before, seen), *delays(after, events)]
    assert percentile(late, 0.95) < PAINTED_WITHIN_SECONDS + PACES * pace, (pace, sorted(late)[-5:])
    for paints in (before, after):
        assert [paint.seq for paint in paints] == sorted({paint.seq for paint in paints})
    assert set(after[-1].steps.values()) <= {"done", "skipped"}
    assert after[-1].seq == events[-1]["aggregate_seq"]
    for name in after[-1].steps:
        told = iter(["pending", *(_STATES[event["event_type"]] for event in events if _is_of(event, name))])
        painted = [state for state, _ in groupby(paint.steps[name] for paint in (*before, *after))]
        assert all(state in told for state in painted), f"{name} was painted {painted}"


def _is_of(event: dict[str, Any], step: str) -> bool:
    return event["payload"].get("step") == step and event["event_type"] in _STATES


def test_one_who_was_offline_sees_what_one_who_stayed_sees(place: Place, person: Person) -> None:
    run_id = place.platform.start(place.platform.repository())
    with window(place.browser, place.stack, session=place.session) as away:
        for each in (person, away):
            each.page.goto(f"/onboarding/{run_id}")
            each.status("waiting_auth")
            each.live()
        away.context.set_offline(offline=True)
        place.platform.sign_in(run_id)
        person.status("completed")
        expect(away.page.locator("#onboarding")).to_have_attribute("data-status", "waiting_auth")
        away.context.set_offline(offline=False)
        away.status("completed")
        assert history(away) == history(person)
    person.page.reload()
    with window(place.browser, place.stack, session=place.session) as late:
        late.page.goto(f"/onboarding/{run_id}")
        assert history(late) == history(person)
        assert len(history(late)) > len(place.events(run_id))


def test_a_dead_web_process_and_an_empty_broker_lose_nothing(place: Place) -> None:
    run_id = place.platform.start(place.platform.repository())
    with window(place.browser, place.stack, session=place.session) as stayed:
        stayed.page.goto(f"/onboarding/{run_id}")
        stayed.status("waiting_auth")
        stayed.live()
        place.platform.sign_in(run_id)
        place.stack.kill("web")
        place.stack.empty_broker()
        state = stayed.page.locator("#live-state")
        expect(state).to_have_attribute("data-state", re.compile("reconnecting|polling"))
        place.stack.start_part("web")
        stayed.status("completed")
        stayed.live()
        caught_up = history(stayed)
        stayed.page.reload()
        assert history(stayed) == caught_up
        assert len(stayed.page.locator("[data-event]").all()) == len(place.events(run_id))


def test_everything_goes_without_javascript(place: Place) -> None:
    full_name = place.platform.repository()
    with window(place.browser, place.stack, session=place.session, scripts=False) as plain:
        page = plain.page
        page.goto("/onboarding/new")
        page.get_by_label("Repository", exact=True).fill("no/such/name")
        page.get_by_role("button", name="Start").click()
        expect(page.get_by_text("Nothing was started.")).to_be_visible()
        page.get_by_label("Repository", exact=True).fill(full_name)
        page.get_by_role("button", name="Check first").click()
        expect(page.get_by_text("Nothing was started or changed.")).to_be_visible()
        page.get_by_role("button", name="Start").click()
        run_id = page.url.rsplit("/", 1)[1]
        place.platform.wait(run_id, "waiting_auth")
        page.get_by_role("link", name="Refresh").click()
        page.get_by_label("Code").fill(allow(page.locator("#sign-in-address").get_attribute("href") or ""))
        page.get_by_role("button", name="Hand in").click()
        place.platform.wait(run_id, "completed")
        page.get_by_role("link", name="Refresh").click()
        expect(page.get_by_text("Done.", exact=True)).to_be_visible()
        page.get_by_text("Everything that happened").click()
        expect(page.locator("[data-event]").first).to_be_visible()
        page.goto("/")
        expect(page.get_by_role("heading", name="Waits for you")).to_be_visible()


def test_cancelling_and_resuming_without_javascript(place: Place) -> None:
    platform = place.platform
    waits, full_name = platform.start(platform.repository()), platform.repository(archived=True)
    stopped = platform.start(full_name)
    platform.wait(stopped, "failed")
    platform.wait(waits, "waiting_auth")
    with window(place.browser, place.stack, session=place.session, scripts=False) as plain:
        plain.page.goto(f"/onboarding/{waits}")
        plain.page.get_by_text("Cancel", exact=True).click()
        plain.page.get_by_role("button", name="Cancel this onboarding").click()
        expect(plain.page.locator("#onboarding")).to_have_attribute("data-status", "cancelled")
        platform.sandbox("github", "PATCH", f"repositories/{full_name}", {"archived": False})
        plain.page.goto(f"/onboarding/{stopped}")
        expect(plain.page.locator("#failure")).to_contain_text("Unarchive it")
        plain.page.get_by_role("button", name="Resume").click()
        expect(plain.page.locator("#failure")).to_have_count(0)
    platform.wait(stopped, "waiting_auth")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 1280])
def test_every_page_is_accessible_and_fits(
    place: Place, runs: dict[str, str], scheme: Literal["light", "dark"], width: int
) -> None:
    with window(place.browser, place.stack, width=width, scheme=scheme) as stranger:
        faultless(stranger, "/sign-in")
    with window(place.browser, place.stack, width=width, scheme=scheme, session=place.session) as person:
        for address in (
            "/",
            "/onboarding",
            "/onboarding?q=nothing-like-this",
            "/onboarding/new",
            "/account",
            "/nothing",
        ):
            faultless(person, address)
        person.page.goto("/onboarding/new")
        person.page.get_by_label("Repository", exact=True).fill("not a name")
        person.page.get_by_role("button", name="Start").click()
        report = Axe().run(person.page, options=RULES)
        assert report.violations_count == 0, report.generate_report()
        for run_id in runs.values():
            faultless(person, f"/onboarding/{run_id}")


def test_an_account_without_a_role_reads_whom_to_ask(place: Place) -> None:
    with psycopg.connect(place.stack.env["DATABASE_URL"]) as database:
        database.execute(NEWCOMER, {"name": "newcomer", "password": make_password(PASSWORD)})
    with window(place.browser, place.stack, width=320, scheme="dark") as newcomer:
        newcomer.sign_in("newcomer", PASSWORD)
        faultless(newcomer, "/")
        expect(newcomer.page.locator("main")).to_contain_text("Admins here: demo.")


def test_by_keys_alone_while_steps_change(place: Place) -> None:
    run_id = place.platform.start(place.platform.repository())
    place.platform.fault("litellm", "status", times=4, status=503)
    with window(place.browser, place.stack) as person:
        keys, page = person.page.keyboard, person.page
        page.goto("/sign-in")
        tab_to(person, page.get_by_label("Username"))
        keys.type("demo")
        tab_to(person, page.get_by_label("Password"))
        keys.type(place.stack.demo_password or "")
        keys.press("Enter")
        page.wait_for_url("**/")
        person.go("b", "**/onboarding")
        keys.press("j")
        keys.press("Enter")
        page.wait_for_url(f"**/onboarding/{run_id}")
        expect(page.locator("#sign-in")).to_be_visible()
        code = allow(page.locator("#sign-in-address").get_attribute("href") or "")
        field = page.get_by_label("Code")
        tab_to(person, field)
        keys.type(code)
        before = person.paints()[-1].seq
        place.platform.ask("POST", f"/onboard/{run_id}/rerun", {"step": "configure_app_settings"}, status=202)
        page.wait_for_function("seq => window.paints.at(-1).seq > seq", arg=before)
        expect(page.locator("#step-configure_app_settings")).to_have_attribute("data-state", "done")
        expect(field).to_be_focused()
        expect(field).to_have_value(code)
        keys.press("Enter")
        person.status("completed")
        assert person.heard() == []


def test_planted_markup_runs_nowhere(place: Place, person: Person, runs: dict[str, str]) -> None:
    platform = place.platform
    full_name = platform.repository()
    platform.fault(
        "github",
        "status",
        times=20,
        match={"method": "GET", "path": f"/repos/{full_name}"},
        status=422,
        body={"message": PLANTED},
    )
    refused = platform.start(full_name, default_branch="main")
    platform.wait(refused, "failed")
    for address in ("/", "/onboarding", f"/onboarding/{runs['failed']}", f"/onboarding/{refused}"):
        person.page.goto(address)
        person.live()
        assert person.page.evaluate("typeof planted") == "undefined"
        assert person.page.locator("main img, main script").count() == 0
    expect(person.page.locator("#failure")).to_contain_text("onerror=planted=1")
    person.page.goto(f"/onboarding/{runs['failed']}")
    expect(person.page.locator("main")).to_contain_text(PLANTED)
