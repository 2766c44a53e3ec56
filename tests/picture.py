"""`make picture`: take the README's picture, an onboarding that waits for its sign-in, from a platform that runs."""

import sys
import tempfile
from pathlib import Path

from playwright.sync_api import expect

from deploy.local.options import BASE, Options
from deploy.local.stack import Stack
from tests.browsing import chromium, window
from tests.platform import Platform, running
from tests.servers import plain_environment

PICTURE = BASE / "docs" / "onboarding.png"
REPOSITORY = "octo-org/bookmarks"
HEIGHT = 1010


def take(platform: Platform, repository: str = REPOSITORY) -> None:
    """Onboard a repository up to its sign-in, and keep what the page shows then."""
    run_id = platform.start(repository)
    platform.wait(run_id, "waiting_auth")
    with chromium() as browser, window(browser, platform.stack) as person:
        person.sign_in("demo", platform.stack.demo_password or "")
        person.page.set_viewport_size({"width": 1280, "height": HEIGHT})
        person.page.goto(f"/onboarding/{run_id}")
        expect(person.page.locator("#sign-in")).to_be_visible()
        person.live()
        PICTURE.parent.mkdir(exist_ok=True)
        person.page.screenshot(path=PICTURE)
    sys.stdout.write(f"{PICTURE.relative_to(BASE)}: {PICTURE.stat().st_size // 1024} KB\n")


def main() -> None:
    """Run a platform just for the picture."""
    with (
        tempfile.TemporaryDirectory() as directory,
        running(Stack(Options(data=Path(directory) / "stack", environ=plain_environment()))) as platform,
    ):
        take(platform)


if __name__ == "__main__":
    main()
