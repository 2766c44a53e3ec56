"""How long the platform takes to onboard a repository in the sandbox, without the person's part.

Run `python -m tests.perf.bench_onboarding`. The whole platform runs as for `make up` with two workers; the time is from
the request until only the sign-in is left, and from the code until the end.
"""

import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from deploy.local.api import Api, Onboarding
from deploy.local.options import Options
from deploy.local.person import allow
from deploy.local.stack import Stack
from deploy.local.vendors import SAMPLE_REPOSITORY
from tests.servers import plain_environment

DEADLINE_SECONDS = 180.0


def measure() -> dict[str, float]:
    """Return the seconds of both parts and of an onboarding that finds all done."""
    with (
        tempfile.TemporaryDirectory() as directory,
        Stack(Options(data=Path(directory) / "stack", environ=plain_environment())) as stack,
    ):
        api = Api(stack.url, token=stack.demo_token())
        began = time.monotonic()
        run = api.onboard(SAMPLE_REPOSITORY)
        run = _until(api, run, _only_the_person_is_left)
        asked = time.monotonic()
        code = allow(run.sign_in_address)
        handed_in = time.monotonic()
        api.hand_in_code(run.id, code)
        _until(api, run, lambda now: now.ended)
        done = time.monotonic()
        _until(api, api.onboard(SAMPLE_REPOSITORY), lambda now: now.ended)
        again = time.monotonic()
    return {
        "until_sign_in_seconds": round(asked - began, 2),
        "after_sign_in_seconds": round(done - handed_in, 2),
        "platform_seconds": round(asked - began + done - handed_in, 2),
        "second_time_seconds": round(again - done, 2),
    }


def _only_the_person_is_left(run: Onboarding) -> bool:
    left = {step.name for step in run.steps if step.state not in ("done", "skipped")}
    return bool(run.sign_in_address) and left == {"initiate_claude_oauth", "store_claude_credentials"}


def _until(api: Api, run: Onboarding, enough: Callable[[Onboarding], bool]) -> Onboarding:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not enough(run):
        if run.status in ("failed", "cancelled") or time.monotonic() > deadline:
            raise RuntimeError(f"{run.repository}: {run.status_text}")
        run = api.onboarding(run.id)
    return run


if __name__ == "__main__":
    sys.stdout.write(json.dumps(measure(), indent=2) + "\n")
