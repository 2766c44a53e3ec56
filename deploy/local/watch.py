"""Keep a stack running: a part that dies is started again, one that keeps dying stops the whole with its last words.

The agents are no foundation: where they keep dying, the platform goes on without them.
"""

import contextlib
import time
from collections import deque
from datetime import timedelta

from rich.console import Console

from deploy.local.children import Child
from deploy.local.errors import CannotStart, last_lines
from deploy.local.stack import AGENTS, Stack

_LOOK_EVERY = timedelta(seconds=1)
_DEATHS_ALLOWED = 5
_DEATHS_WITHIN = timedelta(minutes=1)
_AGENTS_DEATHS_WITHIN = timedelta(minutes=5)
"""Longer than so many starts take that come to nothing."""


def keep_running(stack: Stack, console: Console) -> None:
    """Watch until the person interrupts. Raises CannotStart when a part dies again and again."""
    with contextlib.suppress(KeyboardInterrupt):
        _watch(stack, console)


def _watch(stack: Stack, console: Console) -> None:
    deaths: dict[str, deque[float]] = {name: deque(maxlen=_DEATHS_ALLOWED) for name in stack.children}
    given_up: set[str] = set()
    while True:
        _wait(stack)
        for name, child in stack.children.items():
            if child.alive or name in given_up:
                continue
            if name == AGENTS:
                if not _agents_again(child, deaths[name], console):
                    given_up.add(name)
                continue
            if _too_many(deaths[name], within=_DEATHS_WITHIN):
                raise CannotStart(f"{name} keeps dying. The end of {child.log}:", hint=last_lines(child.log))
            console.print(_told(child))
            stack.restart_part(name)


def _wait(stack: Stack) -> None:
    """Wait a moment, less when the first part dies."""
    next(iter(stack.children.values())).ended(within=_LOOK_EVERY)


def _agents_again(child: Child, deaths: deque[float], console: Console) -> bool:
    """Start the agents again without waiting for them; return False once they are given up."""
    if _too_many(deaths, within=_AGENTS_DEATHS_WITHIN):
        console.print(f"{child.name} keeps dying; going on without it. The end of {child.log}:")
        console.print(last_lines(child.log), markup=False, highlight=False)
        return False
    console.print(_told(child))
    child.stop()
    try:
        child.start()
    except CannotStart as error:
        console.print(str(error), markup=False, highlight=False)
    return True


def _told(child: Child) -> str:
    return f"{child.name} ended with code {child.exit_code}; starting it again (see {child.log})"


def _too_many(deaths: deque[float], *, within: timedelta) -> bool:
    """Note a death; return whether all that are allowed came before it, the first of them not long ago."""
    now = time.monotonic()
    too_many = len(deaths) == _DEATHS_ALLOWED and now - deaths[0] < within.total_seconds()
    deaths.append(now)
    return too_many
