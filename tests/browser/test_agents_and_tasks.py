"""The pages of agents and tasks in a real browser: live, in every size and theme, by forms alone and by keys alone."""

import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Literal, ParamSpec, TypeVar
from uuid import uuid4

import pytest
from asgiref.sync import sync_to_async
from axe_playwright_python.async_playwright import Axe
from django.conf import settings
from django.db import connections
from playwright.async_api import Browser, BrowserContext, ViewportSize, async_playwright, expect

from apps.agents.registry.models import Agent, Check, Task
from apps.agents.registry.services import operating
from apps.agents.registry.services.operating import Change
from meshsix.kit import clock
from tests.service.registry.conftest import BERT, Office, deployment
from tests.web_process import WebProcess, person, sign_in, web_process

__all__ = ["deployment"]
pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
P = ParamSpec("P")
T = TypeVar("T")
PLANTED = "<img src=x onerror=planted=1><script>planted=1</script>"


async def away(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call what blocks in another thread, and leave no connection there."""

    def call() -> T:
        try:
            return function(*args, **kwargs)
        finally:
            connections.close_all()

    return await sync_to_async(call)()


@pytest.fixture(scope="module")
def web(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[WebProcess]:
    request.getfixturevalue("django_db_setup")
    with web_process(tmp_path_factory.mktemp("web") / "web.log", {"RATE_LIMITS_ON": "false"}) as process:
        yield process


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    async with async_playwright() as playwright:
        yield await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])


async def window(
    browser: Browser,
    web: WebProcess,
    *,
    width: int = 1280,
    scheme: Literal["light", "dark"] = "light",
    scripts: bool = True,
    role: str = "viewer",
) -> BrowserContext:
    """Return the window of somebody who is signed in."""
    cookie = await away(lambda: sign_in(person(f"ann-{uuid4().hex[:6]}", role)))
    context = await browser.new_context(
        base_url=web.http,
        viewport=ViewportSize(width=width, height=800),
        color_scheme=scheme,
        java_script_enabled=scripts,
    )
    value = cookie.partition("=")[2]
    await context.add_cookies([{"name": settings.SESSION_COOKIE_NAME, "value": value, "url": web.http}])
    return context


def filled() -> dict[str, Task]:
    """Return a task of every sort, by its state, with agents of every sort."""
    office = Office()
    office.register("alpha", "beta", "careful", "needy", "steady")
    Check.objects.update(ok=False, checked_at=clock.now(), detail=f"connection refused {PLANTED}")
    office.succeeded("alpha", "+++-++")
    office.age("steady", 90)
    tasks = [
        office.run(office.submit("echo", "boom", "ok", payload={"text": PLANTED}, project="octo-org/bookmarks")),
        office.work(office.submit("echo", "permanent")),
        office.begin(office.submit("echo", "slow")),
        office.submit("change", project="octo-org/bookmarks"),
        office.submit("keep"),
    ]
    operating.change("beta", Change(capabilities=[{"name": "echo", "override_preferred": True}]), actor=BERT)
    Agent.objects.filter(pk="careful").update(title="Does nothing without a person, whatever it is asked for.")
    return {task.status: task for task in tasks}


async def test_a_task_is_followed_from_the_feed_to_its_end(browser: Browser, web: WebProcess) -> None:
    office = Office()
    await away(office.register, "alpha")
    page = await (await window(browser, web)).new_page()
    await page.goto("/tasks")
    await expect(page.locator("#live-state")).to_have_text("Live")
    await expect(page.get_by_text("Nobody has asked for anything yet")).to_be_visible()
    task = await away(lambda: office.submit("echo", payload={"text": PLANTED}))
    await page.get_by_role("link", name="echo").click()
    await page.wait_for_url(f"**/tasks/{task.task_id}")
    shown = page.locator("#task")
    await expect(shown).to_have_attribute("data-status", "dispatched")
    await expect(page.locator("#live-state")).to_have_text("Live")
    await page.evaluate("window.loadedOnce = true")
    await away(office.work, task)
    await expect(shown).to_have_attribute("data-status", "completed")
    await expect(page.locator("#result")).to_contain_text("alpha")
    assert await page.evaluate("window.loadedOnce") is True
    assert await page.evaluate("typeof planted") == "undefined"


async def test_an_agents_slots_and_switch_are_followed(browser: Browser, web: WebProcess) -> None:
    office = Office()
    await away(office.register, "alpha")
    page = await (await window(browser, web, role="operator")).new_page()
    await page.goto("/agents/alpha")
    await expect(page.locator("#live-state")).to_have_text("Live")
    await expect(page.get_by_text("0 of 2")).to_be_visible()
    await page.get_by_label("Slots").fill("7")
    await away(office.submit)
    await expect(page.locator("#agent").get_by_text("1 of 2")).to_be_visible()
    await away(operating.change, "alpha", Change(agent={"enabled": False}), actor=BERT)
    await expect(page.get_by_text("Switched off by an operator")).to_be_visible()
    await expect(page.get_by_label("Slots")).to_have_value("7")


@pytest.mark.parametrize(("width", "scheme"), [(320, "dark"), (390, "light"), (1280, "light"), (1280, "dark")])
async def test_every_page_is_accessible_and_fits(
    browser: Browser, web: WebProcess, scheme: Literal["light", "dark"], width: int
) -> None:
    tasks = await away(filled)
    page = await (await window(browser, web, width=width, scheme=scheme, role="admin")).new_page()
    for address in (
        "/agents",
        "/agents/alpha",
        "/agents/needy",
        "/agents/score/echo?agent=beta",
        "/tasks",
        "/tasks?status=timeout",
        *(f"/tasks/{task.task_id}" for task in tasks.values()),
    ):
        await page.goto(address)
        report = await Axe().run(page)
        assert report.violations_count == 0, f"{address}: {report.generate_report()}"
        wide = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, f"{address} is {wide} px too wide"
        assert await page.evaluate("typeof planted") == "undefined"


async def test_without_javascript_an_approver_reads_and_answers(browser: Browser, web: WebProcess) -> None:
    tasks = await away(filled)
    page = await (await window(browser, web, scripts=False, width=390, role="approver")).new_page()
    await page.goto("/tasks?status=awaiting_approval")
    await page.get_by_role("link", name="change").click()
    await expect(page.get_by_role("heading", name="May careful do this?")).to_be_visible()
    await page.get_by_role("button", name="Approve").click()
    await expect(page.get_by_text("careful may do it.")).to_be_visible()
    found = await away(lambda: Task.objects.get(pk=tasks["awaiting_approval"].pk).status)
    assert found == "dispatched"


async def test_by_keys_alone_from_anywhere_to_a_score(browser: Browser, web: WebProcess) -> None:
    await away(filled)
    page = await (await window(browser, web)).new_page()
    await page.goto("/agents")
    await page.keyboard.press("j")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/agents/alpha")
    await page.keyboard.press("j")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/agents/score/echo?agent=alpha")
    await expect(page.get_by_text("has the highest score")).to_be_visible()
