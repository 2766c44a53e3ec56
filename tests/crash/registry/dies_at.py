"""Do something again and again, each time in a process that is killed one statement later, until it gets through.

    python -m tests.crash.registry.dies_at submit PREFIX        # asks for a task with the key PREFIX-N
    python -m tests.crash.registry.dies_at work INSTANCE TASK ... # works on the N-th task as an instance of alpha

The N-th process dies before its N-th statement or commit. Prints how many there were, the one that lived among them.
"""

import os
import signal
import sys
from collections.abc import Callable
from typing import Any
from uuid import UUID

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "meshsix.settings")
django.setup()

import psycopg  # noqa: E402 - once Django is set up
from django.db import connections  # noqa: E402 - models are known once Django is set up

from apps.agents.registry.here import HERE  # noqa: E402 - the same
from apps.agents.registry.models import Task  # noqa: E402 - the same
from apps.agents.registry.services import submission  # noqa: E402 - the same
from apps.agents.registry.words import Request  # noqa: E402 - the same
from meshsix.durable import stretches  # noqa: E402 - the same
from meshsix.durable.models import StepRow  # noqa: E402 - the same
from meshsix.kit.actor import SYSTEM  # noqa: E402 - the same


def dying(number: int, does: Callable[[int], None]) -> bool:
    """Do it in a process that dies before its statement `number`; return whether it lived."""
    connections.close_all()
    process = os.fork()
    if process == 0:
        _die_before(number)
        does(number)
        os._exit(0)
    return os.waitpid(process, 0)[1] == 0


def _die_before(number: int) -> None:
    """Let this process be killed before its statement `number`; a commit is one too. The driver sees all of them."""
    done = 0

    def counted(function: Callable[..., Any]) -> Callable[..., Any]:
        def count(*facts: Any, **more: Any) -> Any:  # noqa: ANN401 - whatever the driver takes
            nonlocal done
            done += 1
            if done == number:
                os.kill(os.getpid(), signal.SIGKILL)
            return function(*facts, **more)

        return count

    psycopg.Cursor.execute = counted(psycopg.Cursor.execute)  # type: ignore[method-assign] # of the driver, in a process that dies
    psycopg.Connection.commit = counted(psycopg.Connection.commit)  # type: ignore[method-assign] # the same


def submit(prefix: str) -> Callable[[int], None]:
    """Return what asks for a task under a key of its own."""

    def ask(number: int) -> None:
        request = Request(capability="echo", payload={"text": "hello"}, idempotency_key=f"{prefix}-{number}")
        submission.submit(request, actor=SYSTEM)

    return ask


def work(instance_id: str, tasks: list[str]) -> Callable[[int], None]:
    """Return what works on one of the tasks."""

    def begin(number: int) -> None:
        HERE.instance_id = instance_id
        task = Task.objects.get(pk=tasks[number - 1])
        if task.run_id is not None:
            stretches.run(task.run_id, _first_of(task.run_id), in_chord=False)

    return begin


def _first_of(run_id: UUID) -> str:
    return StepRow.objects.values_list("name", flat=True).get(run_id=run_id, position=0)


if __name__ == "__main__":
    does = submit(sys.argv[2]) if sys.argv[1] == "submit" else work(sys.argv[2], sys.argv[3:])
    tried = 1
    while not dying(tried, does):
        tried += 1
    sys.stdout.write(f"{tried}\n")
