"""The demo's last part: a person moves a card at GitHub, and the platform's board shows it."""

import time
from datetime import timedelta

import httpx
from rich.console import Console

from deploy.local.api import Api
from deploy.local.stack import Stack

ISSUE = 1
_FIRST, _THEN = "Todo", "In Progress"
_OFTEN, _SELDOM = timedelta(milliseconds=40), timedelta(milliseconds=500)
_SOON, _WITHIN = timedelta(seconds=5), timedelta(seconds=60)
_TIMEOUT_SECONDS = 15


def move_card(stack: Stack, api: Api, repository: str, console: Console) -> bool:
    """Move the sample issue's card and say after what time the board showed it; return whether it did.

    A real GitHub's board is left to the person who watches.
    """
    if "github" not in stack.sandboxes:
        return True
    took: timedelta | None = None
    for column in (_FIRST, _THEN):
        began = time.monotonic()
        _move(stack.sandboxes["github"], repository, column)
        took = _shown(api, repository, column, since=began)
        if took is None:
            console.print(f"The board did not show the card in {column} within {_WITHIN.seconds} s.", style="red")
            return False
    console.print(f"\nSomebody moved the card of issue #{ISSUE} to [bold]{_THEN}[/bold] at GitHub.", highlight=False)
    seconds = took.total_seconds() if took is not None else 0.0
    where = f"{stack.url}/projects/{repository}"
    console.print(f"The board showed it after [bold]{seconds:.2f} s[/bold]: {where}", highlight=False)
    return True


def _move(github: str, repository: str, column: str) -> None:
    """Do what a person does on GitHub's page; the card is put on the board first where it is not there."""
    given = {"repository": repository, "issue": ISSUE, "status": column, "actor": "octo-user"}
    answer = httpx.post(f"{github}/_sandbox/cards/move", json=given, timeout=_TIMEOUT_SECONDS, trust_env=False)
    answer.raise_for_status()


def _shown(api: Api, repository: str, column: str, *, since: float) -> timedelta | None:
    """Return how long after `since` (of the monotonic clock) the board showed the card there, None where it did not."""
    while True:
        seen = api.column_of(repository, ISSUE)
        passed = timedelta(seconds=time.monotonic() - since)
        if seen == column:
            return passed
        if passed > _WITHIN:
            return None
        time.sleep((_OFTEN if passed < _SOON else _SELDOM).total_seconds())
