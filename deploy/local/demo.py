"""The demo: onboard the sample repository through the real API, sign in, show it live, sum it up, move a card."""

import time
from datetime import timedelta

from rich.console import Console

from deploy.local.api import Api, Onboarding
from deploy.local.card import move_card
from deploy.local.display import LiveProgress, PlainProgress, Progress
from deploy.local.person import CannotSignIn, allow
from deploy.local.stack import Stack
from deploy.local.summary import account, summary
from deploy.local.vendors import SAMPLE_REPOSITORY

_LOOK_EVERY = timedelta(milliseconds=150)
_WITHIN = timedelta(minutes=5)


def demonstrate(stack: Stack, console: Console) -> bool:
    """Run the whole demo on a started stack; return whether all went well."""
    console.print(f"\nMesh Six is up: [bold]{stack.url}[/bold]", highlight=False)
    account(stack.demo_password, console)
    api = Api(stack.url, token=stack.demo_token())
    run = api.onboard(SAMPLE_REPOSITORY)
    console.print(f"Onboarding [bold]{SAMPLE_REPOSITORY}[/bold]: {stack.url}{run.url}\n", highlight=False)
    began = time.monotonic()
    progress = LiveProgress(console) if console.is_terminal else PlainProgress(console)
    with progress:
        run = _follow(stack, api, run, progress)
    console.print()
    summary(stack, run, console, took=timedelta(seconds=time.monotonic() - began))
    return run.status == "completed" and move_card(stack, api, SAMPLE_REPOSITORY, console)


def _follow(stack: Stack, api: Api, run: Onboarding, progress: Progress) -> Onboarding:
    """Show the run until it ends; do the person's part when it is their turn."""
    deadline = time.monotonic() + _WITHIN.total_seconds()
    signed_in: set[str] = set()
    while True:
        run = api.onboarding(run.id)
        progress.show(run)
        address = run.sign_in_address
        if run.ended or time.monotonic() > deadline:
            return run
        if run.status == "waiting_auth" and address and address not in signed_in:
            signed_in.add(address)
            _sign_in(stack, api, run, progress)
        stack.children["web"].ended(within=_LOOK_EVERY)


def _sign_in(stack: Stack, api: Api, run: Onboarding, progress: Progress) -> None:
    """Allow on the sandbox's page and hand the code in. A real provider's page is left to the person who watches."""
    if "sign_in" not in stack.sandboxes:
        progress.tell("Waiting for you: open the address above, allow, and paste the code on the run's page.")
        return
    try:
        code = allow(run.sign_in_address)
    except CannotSignIn as error:
        progress.tell(f"The sandbox's sign-in page could not be used: {error}")
        return
    progress.tell("Opened the sign-in page, clicked Allow, copied the code and handed it in.")
    api.hand_in_code(run.id, code)
