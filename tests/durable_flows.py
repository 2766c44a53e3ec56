"""Workflows for tests of the engine. What each step does in a run is written in the run's input, the script.

A script names for a step the outcomes of its calls, in order; the last one holds for all further calls:
`ok`, `later` (TryLater), `limited` (TryLater that counts no attempt), `refused`, `permanent`, `skip`, `boom`, `slow`,
`ask` (WaitFor unless it has an answer), `die` (SIGKILL before the effect), `die-after` (SIGKILL after it).
"""

import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta

from django.db import connection

from meshsix.durable.definition import Answer, Parallel, Phase, Step, StepFacts, Workflow
from meshsix.durable.outcomes import Asked, Permanent, Refused, Skipped, TryLater, WaitFor
from meshsix.kit.backoff import Backoff
from meshsix.wiring import Clients

EFFECTS = """
CREATE TABLE IF NOT EXISTS test_effects (id bigserial, run_id uuid, step text, kind text, at timestamptz DEFAULT now());
CREATE INDEX IF NOT EXISTS test_effects_by_step ON test_effects (run_id, step, kind)
"""
WAIT = timedelta(hours=24)
LIMIT = timedelta(milliseconds=200)


@dataclass(frozen=True, kw_only=True)
class Ask:
    """The script: outcomes by step."""

    script: dict[str, list[str]] = field(default_factory=dict)
    wait_seconds: float = WAIT.total_seconds()


@dataclass(frozen=True, kw_only=True)
class Made:
    """What a step says it made."""

    text: str


@dataclass(frozen=True, kw_only=True)
class Plain:
    """What most steps take."""

    ask: Ask
    answer: Answer | None
    this: StepFacts


@dataclass(frozen=True, kw_only=True)
class Joined:
    """What the joining step takes: outputs of both branches."""

    ask: Ask
    answer: Answer | None
    this: StepFacts
    first: Made
    left: Made | None
    right_two: Made


def note(this: StepFacts, kind: str) -> int:
    """Note something about a step, outside of the engine's transactions; return how often it was noted before."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM test_effects WHERE run_id = %s AND step = %s AND kind = %s",
            [this.run_id, this.step, kind],
        )
        row: tuple[int] = cursor.fetchone()
        cursor.execute(
            "INSERT INTO test_effects (run_id, step, kind) VALUES (%s, %s, %s)", [this.run_id, this.step, kind]
        )
    return row[0]


def make_effect(this: StepFacts) -> None:
    """Look for the effect under its natural key, the run and step; make it only where it is absent."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO test_effects (run_id, step, kind) SELECT %(run)s, %(step)s, 'effect' WHERE NOT EXISTS "
            "(SELECT 1 FROM test_effects WHERE run_id = %(run)s AND step = %(step)s AND kind = 'effect')",
            {"run": this.run_id, "step": this.step},
        )


def play(ask: Ask, answer: Answer | None, this: StepFacts) -> Made:
    """Do what the script says for this call."""
    outcomes = ask.script.get(this.step, ["ok"])
    calls = note(this, "call")
    outcome = outcomes[min(calls, len(outcomes) - 1)]
    if outcome == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if outcome == "ask" and answer is None:
        name = f"{this.step}:{this.run_id}"
        raise WaitFor(name, until=timedelta(seconds=ask.wait_seconds), asked=Asked(who="a tester", what="a word"))
    if outcome in _RAISES:
        error = _RAISES[outcome]()
        raise error
    if outcome == "slow":
        time.sleep(60)
    make_effect(this)
    if outcome == "die-after":
        os.kill(os.getpid(), signal.SIGKILL)
    text = f"{this.step}#{this.attempt}"
    if answer is not None:
        text += ":timed-out" if answer.timed_out else f":{answer.payload['word']}"
    return Made(text=text)


_RAISES: dict[str, Callable[[], Exception]] = {
    "later": lambda: TryLater("busy", vendor="test", status=503),
    "limited": lambda: TryLater("limit reached", pause=LIMIT, counts=False, vendor="test", hint="Wait."),
    "refused": lambda: Refused("no", code="test:refused", hint="Ask somebody.", status=403),
    "permanent": lambda: Permanent("test:no-way", hint="Turn around.", detail="a wall"),
    "skip": lambda: Skipped("nothing to do"),
    "boom": lambda: ZeroDivisionError("token ghp_abcdefghijklmnopqrstuvwxyz0123456789"),
}


def plain(given: Plain, clients: Clients) -> Made:  # noqa: ARG001 - a step takes its clients
    """Play the script."""
    return play(given.ask, given.answer, given.this)


def joined(given: Joined, clients: Clients) -> Made:  # noqa: ARG001 - a step takes its clients
    """Play the script, and show what the branches gave."""
    left = given.left.text if given.left else "nothing"
    made = play(given.ask, given.answer, given.this)
    return Made(text=f"{made.text}({given.first.text},{left},{given.right_two.text})")


def step(name: str, does: Callable[..., Made] = plain, *, attempts: int = 3, timeout: float = 1) -> Step:
    """Return a step with short pauses."""
    backoff = Backoff(attempts=attempts, first=timedelta(milliseconds=20), most=timedelta(milliseconds=100))
    return Step(name=name, does=does, backoff=backoff, timeout=timedelta(seconds=timeout))


LINE = Workflow(
    name="line",
    ask=Ask,
    queue="agents",
    phases=(
        Phase(name="begin", title="Begin", stretch=(step("one"), step("two"))),
        Phase(name="end", title="End", stretch=(step("three"),)),
    ),
)
DIAMOND = Workflow(
    name="diamond",
    ask=Ask,
    queue="agents",
    observer="tests.durable_flows.observe",
    phases=(
        Phase(
            name="begin",
            title="Begin",
            stretch=(
                step("first"),
                Parallel(((step("left"),), (step("right_one"), step("right_two")))),
                step("join", joined),
            ),
        ),
        Phase(
            name="end", title="End", stretch=(step("question"), Parallel(((step("last_one"),), (step("last_two"),))))
        ),
    ),
)
TOLD = Workflow(
    name="told",
    ask=Ask,
    queue="agents",
    ended="tests.durable_flows.note_end",
    phases=(Phase(name="all", title="All", stretch=(step("one"), step("two"))),),
)
PATIENT = Workflow(
    name="patient",
    ask=Ask,
    queue="agents",
    phases=(Phase(name="all", title="All", stretch=(step("one", timeout=20),)),),
)
"""Its step may take much longer than a worker that is asked to stop."""
STEPS_OF_DIAMOND = ("first", "left", "right_one", "right_two", "join", "question", "last_one", "last_two")


def observe(run: object, row: object) -> None:
    """Note that the observer was called, in the transaction that it tells of."""
    state = f"{getattr(run, 'state', '')}/{getattr(row, 'name', '')}={getattr(row, 'state', '')}"
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO test_effects (run_id, step, kind) VALUES (%s, %s, 'observed')",
            [getattr(run, "pk", None), state],
        )


def note_end(run: object, output: str | None) -> tuple[()]:  # noqa: ARG001 - it takes what the last step gave
    """Note that a run ended, in the transaction in which it did."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO test_effects (run_id, step, kind) VALUES (%s, %s, 'ended')",
            [getattr(run, "pk", None), f"{getattr(run, 'state', '')}:{getattr(run, 'error_code', '')}"],
        )
    return ()
