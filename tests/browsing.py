"""A person at a real Chromium in front of a running stack: signing in, clicking, and what the browser complains of."""

import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, TimeoutError, expect, sync_playwright  # noqa: A004 - Playwright's own

from deploy.local.stack import Stack

SETTLES_WITHIN_MS = 60_000
GOES_WITHIN_MS = 5_000
_ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
_OPENED_ITSELF = re.compile(r"Failed to load resource: .* status of (403|404|422)")

# Notes what was painted: `seq` each time that the run's part of the page is of another event, and each step's states.
# Half a page, as a browser paints it while it still reads the other half, does not count.
NOTE_PAINTS = """
window.paints = [];
let paintedSeq = -1;
const notePaint = () => requestAnimationFrame(() => {
  if (document.readyState === "loading") return;
  const run = document.querySelector("[data-aggregate][data-seq]");
  const seq = Number(run?.dataset.seq ?? -1);
  if (seq === paintedSeq) return;
  paintedSeq = seq;
  const steps = [...run.querySelectorAll("[data-step]")].map((step) => [step.dataset.step, step.dataset.state]);
  window.paints.push({ seq, at: Date.now(), steps: Object.fromEntries(steps) });
});
document.addEventListener("DOMContentLoaded", notePaint);
new MutationObserver(notePaint)
  .observe(document, { subtree: true, childList: true, attributeFilter: ["data-seq", "data-state"] });
"""
# In milliseconds, how long the page's live part takes to be fetched and a frame to be painted: the machine's own pace.
FETCH = """
async () => {
  const region = document.querySelector("[hx-get][data-seq]"), began = performance.now();
  await (await fetch(region.getAttribute("hx-get"), { headers: { "HX-Request": "true" } })).text();
  await new Promise(requestAnimationFrame);
  return performance.now() - began;
}
"""
# What the content security policy stopped.
NOTE_REPORTS = """
window.stopped = [];
document.addEventListener("securitypolicyviolation", (event) => window.stopped.push(
  `${event.violatedDirective} stopped ${event.blockedURI} at ${event.sourceFile}:${event.lineNumber}`));
"""


@dataclass(frozen=True, kw_only=True)
class Paint:
    """The page as of event `seq`, painted `at` (seconds since the epoch), with each step's state."""

    seq: int
    at: float
    steps: Mapping[str, str]


@dataclass
class Person:
    """Somebody at one browser window."""

    context: BrowserContext
    page: Page
    complaints: list[str] = field(default_factory=list)

    def listen(self) -> None:
        """Note whatever the console says from now on."""
        self.page.on("console", self._note)
        self.page.on("pageerror", lambda error: self.complaints.append(f"page error: {error}"))

    def _note(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"} and not _OPENED_ITSELF.match(message.text):
            self.complaints.append(f"{message.type}: {message.text} at {message.location}")

    def heard(self) -> list[str]:
        """Return what the console said and what the content security policy stopped, for the page that is open."""
        stopped: list[str] = self.page.evaluate("window.stopped ?? []")
        found = [*self.complaints, *stopped]
        self.complaints.clear()
        return found

    def sign_in(self, name: str, password: str) -> None:
        """Sign in by the form."""
        self.page.goto("/sign-in")
        self.page.get_by_label("Username").fill(name)
        self.page.get_by_label("Password").fill(password)
        self.page.get_by_role("button", name="Sign in").click()
        self.page.wait_for_url("**/")

    def status(self, *wanted: str) -> None:
        """Wait until the run on the page shows one of these, by itself."""
        shown = self.page.locator("#onboarding")
        expect(shown).to_have_attribute("data-status", re.compile("|".join(wanted)), timeout=SETTLES_WITHIN_MS)

    def live(self) -> None:
        """Wait until the page says that it is live."""
        expect(self.page.locator("#live-state")).to_have_attribute("data-state", "live", timeout=SETTLES_WITHIN_MS)

    def paints(self) -> list[Paint]:
        """Return what was painted since the page was opened."""
        found = self.page.evaluate("window.paints")
        return [Paint(seq=each["seq"], at=each["at"] / 1000, steps=each["steps"]) for each in found]

    def pace(self) -> float:
        """Return how many seconds it takes now to fetch the page's live part anew, whatever else this machine does."""
        return float(self.page.evaluate(FETCH)) / 1000

    def go(self, letter: str, address: str) -> None:
        """Press g and the letter until the page is there: on a busy machine the second key may come too late."""
        for _ in range(SETTLES_WITHIN_MS // GOES_WITHIN_MS):
            self.page.keyboard.press("g")
            self.page.keyboard.press(letter)
            with suppress(TimeoutError):
                self.page.wait_for_url(address, timeout=GOES_WITHIN_MS)
                return
        raise AssertionError(f"g {letter} never led to {address}")

    def allow(self) -> str:
        """Open the address of the sign-in box, click Allow there, and return the code that is shown."""
        with self.context.expect_page() as opened:
            self.page.locator("#sign-in-address").click()
        provider = opened.value
        provider.get_by_role("button", name="Allow").click()
        code = provider.locator("#code").inner_text()
        provider.close()
        return code

    def overflow(self) -> int:
        """Return by how many pixels the page is wider than the window."""
        wide: int = self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        return wide


@contextmanager
def chromium() -> Iterator[Browser]:
    """Run this machine's Chromium."""
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=_ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def window(
    browser: Browser,
    stack: Stack,
    *,
    width: int = 1280,
    scheme: Literal["light", "dark"] = "light",
    session: Any = None,  # noqa: ANN401 - Playwright's storage state
    scripts: bool = True,
) -> Iterator[Person]:
    """Open a window of a browser that knows nothing but `session`."""
    context = browser.new_context(
        base_url=stack.url,
        viewport={"width": width, "height": 800},
        color_scheme=scheme,
        storage_state=session,
        java_script_enabled=scripts,
    )
    context.add_init_script(NOTE_PAINTS)
    context.add_init_script(NOTE_REPORTS)
    person = Person(context, context.new_page())
    person.listen()
    try:
        yield person
    finally:
        context.close()


def delays(paints: Sequence[Paint], events: Sequence[Mapping[str, Any]]) -> list[float]:
    """Return for each event that came while the page was open how many seconds later the page showed it."""
    first = paints[0].seq
    found = []
    for event in events:
        if event["aggregate_seq"] > first:
            shown = next((paint.at for paint in paints if paint.seq >= event["aggregate_seq"]), None)
            assert shown is not None, f"never painted: {event['aggregate_seq']} {event['event_type']}"
            found.append(shown - datetime.fromisoformat(event["timestamp"]).timestamp())
    return found


def percentile(figures: Sequence[float], part: float) -> float:
    """Return the figure below which this part of them lies."""
    return sorted(figures)[min(len(figures) - 1, int(len(figures) * part))]
