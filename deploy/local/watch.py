"""Keep a stack running: a part that dies is started again, one that keeps dying stops the whole with its last words."""

import contextlib
import time
from collections import deque
from datetime import timedelta

from rich.console import Console

from deploy.local.children import Child
from deploy.local.errors import CannotStart, last_lines
from deploy.local.stack import Stack

_LOOK_EVERY = timedelta(seconds=1)
_DEATHS_ALLOWED = 5
_DEATHS_WITHIN = timedelta(minutes=1)


def keep_running(stack: Stack, console: Console) -> None:
    """Watch until the person interrupts. Raises CannotStart when a part dies again and again."""
    with contextlib.suppress(KeyboardInterrupt):
        _watch(stack, console)


def _watch(stack: Stack, console: Console) -> None:
    deaths: dict[str, deque[float]] = {name: deque(maxlen=_DEATHS_ALLOWED) for name in stack.children}
    while True:
        _wait(stack)
        for name, child in stack.children.items():
            if child.alive:
                continue
            _count(deaths[name], name, child)
            console.print(f"{name} ended with code {child.exit_code}; starting it again (see {child.log})")
            stack.restart_part(name)


def _wait(stack: Stack) -> None:
    """Wait a moment, less when the first part dies."""
    next(iter(stack.children.values())).ended(within=_LOOK_EVERY)


def _count(deaths: deque[float], name: str, child: Child) -> None:
    now = time.monotonic()
    if len(deaths) == _DEATHS_ALLOWED and now - deaths[0] < _DEATHS_WITHIN.total_seconds():
        raise CannotStart(f"{name} keeps dying. The end of {child.log}:", hint=last_lines(child.log))
    deaths.append(now)
