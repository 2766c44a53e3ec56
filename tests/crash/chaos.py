"""`make chaos`: onboard one repository after another while parts are killed, Valkey is emptied, PostgreSQL restarts.

Run `python -m tests.crash.chaos [--seconds 120] [--seed 1]`. Every onboarding must complete, and GitHub must hold one
of each thing for its repository. The seed is printed, so that a bad run can be repeated as far as time allows.
"""

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import httpx

from deploy.local.api import Api, Onboarding
from deploy.local.errors import CannotStart
from deploy.local.options import Options
from deploy.local.person import CannotSignIn, allow
from deploy.local.stack import Stack
from tests.servers import plain_environment

OWNER = "octo-org"
DEADLINE_SECONDS = 120.0
LONGEST_CALM_SECONDS = 1.5
MOST_HITS = 6


def disasters(stack: Stack) -> list[Callable[[], None]]:
    """Return what may happen. Each leaves the stack running again, as an orchestrator would."""

    def kill(name: str) -> None:
        stack.kill(name)
        stack.start_part(name)

    return [
        lambda: kill("worker-1"),
        lambda: kill("worker-2"),
        lambda: kill("beat-1"),
        lambda: kill("valkey"),
        lambda: stack.restart_part("postgres"),
        stack.empty_broker,
    ]


def onboard(stack: Stack, api: Api, name: str, dice: random.Random) -> str:
    """Onboard a new repository through disasters; return what is wrong in the end, or nothing."""
    github = stack.sandboxes["github"]
    new = {"owner": OWNER, "name": name, "files": {"README.md": f"# {name}\n"}}
    httpx.post(f"{github}/_sandbox/repositories", json=new, timeout=60).raise_for_status()
    run = _patiently(lambda: api.onboard(f"{OWNER}/{name}"))
    deadline = time.monotonic() + DEADLINE_SECONDS
    calm_until = time.monotonic() + dice.uniform(0, LONGEST_CALM_SECONDS)
    signed_in, hits = "", MOST_HITS
    while not run.ended:
        if time.monotonic() > deadline:
            return f"{name}: not done after {DEADLINE_SECONDS:.0f} s: {_where(run)}"
        if hits and time.monotonic() > calm_until:
            hits -= 1
            dice.choice(disasters(stack))()
            calm_until = time.monotonic() + dice.uniform(0, LONGEST_CALM_SECONDS)
        stack.children["web"].ended(within=timedelta(milliseconds=50))
        run = _patiently(partial(api.onboarding, run.id))
        if run.sign_in_address and run.sign_in_address != signed_in:
            signed_in = _sign_in(api, run) or signed_in
    if run.status != "completed":
        return f"{name}: {run.status}: {_where(run)}"
    return _surplus(httpx.get(f"{github}/_sandbox/state", timeout=60).json(), f"{OWNER}/{name}")


def _sign_in(api: Api, run: Onboarding) -> str:
    """Sign in as a person would; return the address that was used, or nothing when it must be tried again."""
    try:
        code = allow(run.sign_in_address)
        api.hand_in_code(run.id, code)
    except (CannotSignIn, httpx.HTTPError, CannotStart):
        return ""
    return run.sign_in_address


def _patiently(ask: Callable[[], Onboarding]) -> Onboarding:
    """Ask again while the platform is being hit."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while True:
        try:
            return ask()
        except (httpx.HTTPError, CannotStart):
            if time.monotonic() > deadline:
                raise


def _where(run: Onboarding) -> str:
    return ", ".join(
        f"{step.name} {step.state} {step.error_code}".strip()
        for step in run.steps
        if step.state not in ("done", "skipped", "pending")
    )


def _surplus(state: dict[str, Any], full_name: str) -> str:
    """Return what there is not exactly one of."""
    counts = {
        "board": sum(full_name in board["repositories"] for board in state["boards"]),
        "repository hook": sum(hook["on"] == full_name for hook in state["hooks"]),
        "organization hook": sum(hook["on"] == OWNER for hook in state["hooks"]),
        "pull request": sum(pull["repository"] == full_name for pull in state["pulls"]),
    }
    wrong = [f"{count} of {what}" for what, count in counts.items() if count != 1]
    return f"{full_name}: {', '.join(wrong)}" if wrong else ""


def main() -> int:
    """Run until the time is over; return 1 if anything went wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.crash.chaos")
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    asked = parser.parse_args()
    dice = random.Random(asked.seed)
    sys.stdout.write(f"seed {asked.seed}\n")
    wrong, rounds, end = 0, 0, time.monotonic() + asked.seconds
    with (
        tempfile.TemporaryDirectory() as directory,
        Stack(Options(data=Path(directory) / "stack", environ=plain_environment())) as stack,
    ):
        api = Api(stack.url, token=stack.demo_token())
        while time.monotonic() < end:
            rounds += 1
            began = time.monotonic()
            problem = onboard(stack, api, f"chaos-{rounds}", dice)
            wrong += bool(problem)
            sys.stdout.write(f"{rounds}: {problem or 'as it should be'} ({time.monotonic() - began:.1f} s)\n")
            sys.stdout.flush()
    sys.stdout.write(f"{rounds} onboardings, {wrong} wrong\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
