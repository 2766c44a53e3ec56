"""From the commit of a step's change to its paint in a real Chromium, over whole onboardings in the embedded stack.

Goal: 300 ms for 95 of 100 changes. A change counts as painted with the first frame that shows it or a newer one; the
events' own timestamps, taken just before the commit, are on the same clock as the browser's.
"""

import json
import sys
import tempfile
from pathlib import Path

from deploy.local.options import Options
from deploy.local.stack import Stack
from tests.browsing import chromium, delays, percentile, window
from tests.perf.sizes import size
from tests.platform import Platform, running
from tests.servers import plain_environment

RUNS = size(5, small=1)
_MS = 1000


def measure() -> dict[str, float]:
    """Onboard some repositories one after the other with their pages open; return the delays in milliseconds."""
    with tempfile.TemporaryDirectory() as directory:
        environment = {**plain_environment(), "RATE_LIMITS_ON": "false"}
        with running(Stack(Options(data=Path(directory) / "stack", environ=environment))) as platform:
            found = _delays(platform)
    return {
        "changes": len(found),
        "p50_ms": round(percentile(found, 0.5) * _MS),
        "p95_ms": round(percentile(found, 0.95) * _MS),
        "longest_ms": round(max(found) * _MS),
    }


def _delays(platform: Platform) -> list[float]:
    found: list[float] = []
    with chromium() as browser, window(browser, platform.stack) as person:
        person.sign_in("demo", platform.stack.demo_password or "")
        for _ in range(RUNS):
            full_name = platform.repository()
            person.page.goto("/onboarding/new")
            person.page.get_by_label("Repository", exact=True).fill(full_name)
            person.page.get_by_role("button", name="Start").click()
            person.status("waiting_auth")
            run_id = person.page.url.rsplit("/", 1)[1]
            platform.sign_in(run_id)
            person.status("completed")
            events = platform.ask("GET", f"/events/replay/run:{run_id}?limit=1000", status=200)["results"]
            paints = person.paints()
            found += delays(paints, [event for event in events if event["aggregate_seq"] <= paints[-1].seq])
    return found


if __name__ == "__main__":
    sys.stdout.write(json.dumps(measure(), indent=2) + "\n")
