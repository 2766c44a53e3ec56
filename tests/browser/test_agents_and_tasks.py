"""The pages of agents and tasks in a real browser: live, in every size and theme, by forms alone and by keys alone."""

import re
from typing import Literal

import pytest
from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, expect

from apps.agents.registry.models import Agent, Check, Task
from apps.agents.registry.services import approvals, cancelling, operating
from apps.agents.registry.services.operating import Change
from meshsix.kit import clock
from tests.browser.windows import away, browser, web, window
from tests.service.registry.conftest import BERT, Office, deployment
from tests.web_process import WebProcess

__all__ = ["browser", "deployment", "web"]
pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
ROWS = 50
"""Of a page of the feed."""
PLANTED = "<img src=x onerror=planted=1><script>planted=1</script>"


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


async def test_new_tasks_wait_for_a_click_while_one_reads_further_down(browser: Browser, web: WebProcess) -> None:
    office = Office()
    await away(lambda: [office.submit("nobody-offers-it") for _ in range(ROWS + 2)])
    page = await (await window(browser, web)).new_page()
    await page.goto("/tasks")
    await expect(page.locator("#live-state")).to_have_text("Live")
    rows, button = page.locator("#tasks tbody tr"), page.locator("#tasks [data-new]")
    await rows.last.scroll_into_view_if_needed()
    before = [await row.get_attribute("id") for row in await rows.all()]
    await away(office.submit, "nobody-offers-it")
    await expect(button).to_have_text("1 new")
    newest = await away(office.submit, "nobody-offers-it")
    await expect(button).to_have_text("2 new")
    await expect(button).to_be_in_viewport()
    assert [await row.get_attribute("id") for row in await rows.all()] == before
    await button.click()
    await expect(page.locator(f"#task-{newest.pk}")).to_be_in_viewport()
    await expect(button).to_be_hidden()
    assert await rows.count() == ROWS
    await away(office.submit, "nobody-offers-it")
    await expect(rows.nth(1)).to_have_id(f"task-{newest.pk}")


async def test_an_older_task_is_not_new_and_one_that_no_longer_fits_goes(browser: Browser, web: WebProcess) -> None:
    office = Office()
    tasks = await away(lambda: [office.submit("nobody-offers-it") for _ in range(ROWS + 2)])
    page = await (await window(browser, web)).new_page()
    await page.goto("/tasks?status=pending")
    await expect(page.locator("#live-state")).to_have_text("Live")
    rows = page.locator("#tasks tbody tr")
    await rows.last.scroll_into_view_if_needed()
    await away(cancelling.cancel, tasks[-5].pk, actor=BERT)
    await expect(page.locator(f"#task-{tasks[-5].pk}")).to_have_count(0)
    await expect(page.locator("#tasks [data-new]")).to_be_hidden()
    await expect(rows.last).to_have_id(f"task-{tasks[1].pk}")


async def test_a_wait_comes_and_goes_on_the_pages_of_what_waits(browser: Browser, web: WebProcess) -> None:
    office = Office()
    await away(office.register, "careful")
    window_of_two = await window(browser, web, role="approver")
    pages = [await window_of_two.new_page() for _ in range(2)]
    for page, address in zip(pages, ("/decisions", "/"), strict=True):
        await page.goto(address)
        await expect(page.locator("#live-state")).to_have_text("Live")
    task = await away(lambda: office.submit("change"))
    for page in pages:
        await expect(page.get_by_role("link", name="May careful do change?")).to_be_visible()
    await away(lambda: approvals.approve(task.pk, agent="careful", actor=BERT))
    for page in pages:
        await expect(page.get_by_role("link", name="May careful do change?")).to_have_count(0)


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
        "/tasks/new",
        "/tasks/new?capability=echo",
        "/",
        "/decisions",
        "/decisions?kind=choice",
        *(f"/tasks/{task.task_id}" for task in tasks.values()),
    ):
        await page.goto(address)
        report = await Axe().run(page)
        assert report.violations_count == 0, f"{address}: {report.generate_report()}"
        wide = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide <= 0, f"{address} is {wide} px too wide"
        assert await page.evaluate("typeof planted") == "undefined"


async def test_without_javascript_an_operator_asks_for_a_task(browser: Browser, web: WebProcess) -> None:
    await away(Office().register, "alpha")
    page = await (await window(browser, web, scripts=False, width=390, role="operator")).new_page()
    await page.goto("/tasks")
    await page.get_by_role("link", name="Ask for a task").click()
    await page.get_by_label("Capability").select_option("echo")
    await page.get_by_role("button", name="Choose").click()
    given = page.get_by_label("What it is given")
    await expect(given).to_have_value('{\n  "text": ""\n}')
    await given.fill('{"text": 7}')
    await page.get_by_role("button", name="Ask", exact=True).click()
    await expect(page.get_by_text("Nothing was asked for.")).to_be_visible()
    await given.fill('{"text": "hello"}')
    await page.get_by_role("button", name="Ask", exact=True).click()
    await page.wait_for_url(re.compile("/tasks/[0-9a-f-]{36}$"))
    task = await away(Task.objects.get)
    assert (task.payload, task.status) == ({"text": "hello"}, "dispatched")


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
