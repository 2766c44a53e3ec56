"""Windows of a real browser, of people who are signed in at a `web` process of this test process's database."""

import shutil
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from typing import Literal, ParamSpec, TypeVar
from uuid import uuid4

import pytest
from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import connections
from playwright.async_api import (
    Browser,
    BrowserContext,
    Page,
    TimeoutError,  # noqa: A004 - Playwright's own
    ViewportSize,
    async_playwright,
)

from tests.browsing import GOES_WITHIN_MS, SETTLES_WITHIN_MS
from tests.web_process import WebProcess, person, sign_in, web_process

P = ParamSpec("P")
T = TypeVar("T")


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


async def go(page: Page, letter: str, address: str) -> None:
    """Press g and the letter until the page is there: on a busy machine the second key may come too late."""
    for _ in range(SETTLES_WITHIN_MS // GOES_WITHIN_MS):
        await page.keyboard.press("g")
        await page.keyboard.press(letter)
        with suppress(TimeoutError):
            return await page.wait_for_url(address, timeout=GOES_WITHIN_MS)
    raise AssertionError(f"g {letter} never led to {address}")
