"""The pages of projects in a real browser: cards move by themselves, in every size and theme, also without scripts."""

from datetime import timedelta
from typing import Literal

import pytest
from axe_playwright_python.async_playwright import Axe
from django.db import transaction
from playwright.async_api import Browser, Page, expect

from apps.projects.boards import services
from apps.projects.boards.models import BoardCard
from apps.projects.boards.observing import Sighting
from apps.projects.canonical import Source
from apps.projects.models import Project
from meshsix.integrations.github.messages import Card, CardContent
from meshsix.kit import clock
from meshsix.live.services import publish
from tests import boards
from tests.browser.windows import away, browser, go, web, window
from tests.web_process import WebProcess

__all__ = ["browser", "web"]
pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
PLANTED = "<img src=x onerror=planted=1><script>planted=1</script>"


def filled() -> Project:
    """Return a project with cards of every sort."""
    project = boards.project()
    boards.watched(project)
    publish(event_type="x", aggregate_id="project:octo-org/bookmarks")
    boards.card(project, 1, "Todo", title=PLANTED, labels=["bug", "good first issue"], ago=timedelta(days=2))
    boards.card(project, 2, "Todo", title="Add tagging support", ago=timedelta(hours=3))
    boards.card(project, 3, "In Progress", title="Import bookmarks from a file that has a rather long name")
    boards.card(project, 4, "Done", title="A pull request", content="pull_request", workable=False)
    boards.card(project, 5, "", title="Not sorted yet", issue_open=False)
    boards.card(project, 6, "Icebox", title="Some day", repository="octo-org/other", workable=False)
    return project


def seen_in(column: str, row: BoardCard) -> None:
    """Record that GitHub has the card in this column now, as a worker does that was told by a webhook."""
    project = row.project
    card = Card(
        id=row.item_id,
        board_id=project.board_id,
        content=CardContent.ISSUE,
        repository=row.repository,
        issue=row.issue,
        issue_node_id=row.issue_node_id,
        title=row.title,
        url=row.url,
        author=row.author,
        labels=tuple(row.labels),
        assignees=(),
        issue_open=True,
        status_option_id=boards.OPTIONS[column],
        status=column,
        updated_at=clock.now(),
        archived=False,
    )
    sighting = Sighting(
        project_id=project.pk, item_id=row.item_id, version=row.version, card=card, looked_at=clock.now()
    )
    with transaction.atomic():
        assert services.record(sighting, source=Source.WEBHOOK, cause="delivery:1")


async def faultless(page: Page, address: str) -> None:
    """Open a page and find nothing wrong with it."""
    await page.goto(address)
    report = await Axe().run(page)
    assert report.violations_count == 0, f"{address}: {report.generate_report()}"
    wide: int = await page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0, f"{address} is {wide} px too wide"


async def test_a_card_that_moves_at_github_moves_on_the_open_page(browser: Browser, web: WebProcess) -> None:
    await away(filled)
    row = await away(lambda: BoardCard.objects.select_related("project").get(issue=2))
    page = await (await window(browser, web)).new_page()
    await page.goto("/projects/octo-org/bookmarks")
    await expect(page.locator("#live-state")).to_have_text("Live", timeout=30_000)
    todo, review = page.locator('[data-column="Todo"]'), page.locator('[data-column="Review"]')
    await expect(todo.locator("[data-item]")).to_have_count(2)
    link = page.get_by_role("link", name="Add tagging support")
    await link.focus()
    await page.evaluate("window.loadedOnce = true")
    await away(seen_in, "Review", row)
    await expect(review.locator(f'[data-item="{row.item_id}"]')).to_be_visible(timeout=30_000)
    await expect(todo.locator("[data-item]")).to_have_count(1)
    assert await page.evaluate("window.loadedOnce") is True
    assert await page.evaluate("typeof planted") == "undefined"
    assert await page.locator("main img, main script").count() == 0


async def test_the_list_follows_by_itself(browser: Browser, web: WebProcess) -> None:
    page = await (await window(browser, web)).new_page()
    await page.goto("/projects")
    await expect(page.locator("#live-state")).to_have_text("Live", timeout=30_000)
    await expect(page.get_by_text("There is no project")).to_be_visible()
    await away(filled)
    await expect(page.get_by_role("link", name="octo-org/bookmarks")).to_be_visible(timeout=30_000)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 390, 1280])
async def test_every_page_is_accessible_and_fits(
    browser: Browser, web: WebProcess, scheme: Literal["light", "dark"], width: int
) -> None:
    page = await (await window(browser, web, width=width, scheme=scheme)).new_page()
    await faultless(page, "/projects")
    ill = await away(boards.project, "octo-org/a-repository-with-a-rather-long-name", status="onboarding")
    await away(boards.watched, ill, failures=1, error="GitHub refuses: the token lacks the scope project")
    await away(filled)
    for address in (
        "/projects",
        "/projects?q=nothing-like-this",
        "/projects/octo-org/bookmarks",
        "/projects/octo-org/a-repository-with-a-rather-long-name",
    ):
        await faultless(page, address)


async def test_without_javascript_all_is_there_to_read(browser: Browser, web: WebProcess) -> None:
    await away(filled)
    page = await (await window(browser, web, scripts=False, width=390)).new_page()
    await page.goto("/projects")
    await page.get_by_role("link", name="octo-org/bookmarks").click()
    await expect(page.get_by_role("heading", name="In Progress 1")).to_be_visible()
    await expect(page.get_by_role("link", name="Add tagging support")).to_have_attribute(
        "href", "https://git.example.org/octo-org/bookmarks/issues/2"
    )
    await expect(page.get_by_role("link", name="Refresh")).to_be_visible()


async def test_by_keys_alone_from_anywhere_to_a_card(browser: Browser, web: WebProcess) -> None:
    await away(filled)
    page = await (await window(browser, web)).new_page()
    await page.goto("/")
    await go(page, "r", "**/projects")
    await page.keyboard.press("j")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/projects/octo-org/bookmarks")
    await page.keyboard.press("j")
    await expect(page.get_by_role("link", name="Not sorted yet")).to_be_focused()
    await page.keyboard.press("j")
    await expect(page.get_by_role("link", name="Add tagging support")).to_be_focused()
