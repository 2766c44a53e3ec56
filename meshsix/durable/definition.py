"""What a workflow is: a value made of phases, steps and parallel branches. No database, no clock, no Celery.

A step is a function of one frozen dataclass and the clients:

    @dataclass(frozen=True, kw_only=True)
    class HookWanted:
        ask: Ask                                # the run's input, under the reserved name `ask`
        validate_repo: Access                   # the output of the step of that name
        scaffold_devcontainer: Scaffold | None  # `| None` where that step may have been skipped
        answer: Answer | None                   # reserved: the answer that this step waited for, None on its first call
        this: StepFacts                         # reserved: the run and attempt that the step is part of

    def register_webhook(wanted: HookWanted, clients: Clients) -> Hook: ...

A step that needs the run's input only takes the input's own type:

    def validate_repo(ask: Ask, clients: Clients) -> Access: ...
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from meshsix.kit.backoff import Backoff


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What arrived for a waiting step. `payload` holds references and facts, never a secret."""

    id: str
    name: str
    payload: dict[str, Any]
    timed_out: bool = False


@dataclass(frozen=True, kw_only=True)
class StepFacts:
    """The run and attempt in which a step is called."""

    run_id: UUID
    step: str
    attempt: int
    first_started_at: datetime
    deadline: datetime


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step: `does` is its function; `timeout` bounds one attempt and is its lease."""

    name: str
    does: Callable[[Any, Any], Any]
    backoff: Backoff
    timeout: timedelta


@dataclass(frozen=True)
class Parallel:
    """Branches that run side by side; each is a stretch of its own. What follows waits for all of them."""

    branches: tuple[tuple["Step | Parallel", ...], ...]


@dataclass(frozen=True, kw_only=True)
class Phase:
    """A named stretch of steps, for people."""

    name: str
    title: str
    stretch: tuple[Step | Parallel, ...]


@dataclass(frozen=True, kw_only=True)
class Workflow:
    """A named order of phases. `observer` is the dotted path of `f(run: Run, step: StepRow | None) -> None`.

    The observer is called inside each transaction that changes a run or a step; an app keeps its own table up to date
    with it. `ended` is the dotted path of `f(run: Run, output: str | None) -> Iterable[NewEvent]`, called inside each
    transaction in which a run ends, well or not; unlike an observer it costs the steps before nothing. `output` is what
    the last step of all gave (JSON), None where several end the run; the events are published with the run's. `queue`
    is the Celery queue of all its steps, where a run is not started with one of its own.
    """

    name: str
    ask: type
    phases: tuple[Phase, ...]
    queue: str
    observer: str = ""
    ended: str = ""
