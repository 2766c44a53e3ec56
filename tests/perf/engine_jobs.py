"""Fourteen empty steps, as a workflow of the engine and as plain Celery tasks. Each notes when it began and ended."""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import cache

from celery import Signature, chain

from meshsix.celery import app
from meshsix.durable.definition import Phase, Step, Workflow
from meshsix.kit.backoff import Backoff
from meshsix.wiring import Clients

STEPS = 14
NOTES = "BENCH_NOTES"
QUEUE = "agents"


@cache
def _notes() -> int:
    return os.open(os.environ[NOTES], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)


def note(run: str, step: int) -> None:
    """Note that a step ran: run, step, moment. An empty step begins and ends at once."""
    os.write(_notes(), f"{run} {step} {time.monotonic()}\n".encode())


@dataclass(frozen=True, kw_only=True)
class Ask:
    """What a run is given."""

    number: int


def _empty(index: int) -> Callable[[Ask, Clients], None]:
    def does(ask: Ask, clients: Clients) -> None:  # noqa: ARG001 - a step takes its clients
        note(str(ask.number), index)

    does.__name__ = f"step_{index}"
    return does


BLANK = Workflow(
    name="bench",
    ask=Ask,
    queue=QUEUE,
    phases=(
        Phase(
            name="all",
            title="All",
            stretch=tuple(
                Step(
                    name=f"step_{index}",
                    does=_empty(index),
                    backoff=Backoff(attempts=3, first=timedelta(seconds=1), most=timedelta(seconds=10)),
                    timeout=timedelta(seconds=30),
                )
                for index in range(STEPS)
            ),
        ),
    ),
)


@app.task(name="bench.empty")
def empty(run: str, index: int) -> None:
    """Do nothing but note it."""
    note(run, index)


def plain_chain(run: int) -> Signature:
    """Return a chain of empty tasks, without results, on the same queue."""
    return chain(*[empty.si(str(run), index).set(queue=QUEUE) for index in range(STEPS)])
