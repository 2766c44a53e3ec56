"""Agents for tests. What a handler does stands in its input: the mode, or a list of modes, one for each attempt."""

import os
import signal
import time
from dataclasses import dataclass
from datetime import timedelta

from apps.agents.registry.agent import Agent, capability, vendor
from apps.agents.registry.models import AgentType, Risk
from apps.agents.registry.services.jobs import Job
from apps.agents.registry.workflow import serving
from meshsix.durable.definition import Phase, Step, StepFacts
from meshsix.durable.outcomes import Permanent, WaitFor
from meshsix.integrations.errors import Missing, Refused, TryLater
from meshsix.kit.backoff import Backoff
from meshsix.wiring import Clients


@dataclass(frozen=True, kw_only=True)
class Words:
    """What the agents are asked."""

    text: str
    modes: tuple[str, ...] = ("ok",)
    seconds: float = 0.0
    action: str = ""


@dataclass(frozen=True, kw_only=True)
class Said:
    """What they answer."""

    text: str
    by: str


@dataclass(frozen=True, kw_only=True)
class Other:
    """What an agent asks for that takes something else."""

    number: int


def play(agent_id: str, words: Words, job: Job) -> Said:
    """Do what the mode of this attempt says."""
    mode = words.modes[min(job.attempt, len(words.modes)) - 1]
    if mode in _RAISES:
        raise _RAISES[mode]
    if mode == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if mode == "slow":
        time.sleep(words.seconds)
    if mode == "until-told":
        while True:
            job.checkpoint()
            time.sleep(0.05)
    if mode == "ask" and job.answer is None:
        raise WaitFor(f"question:{job.task_id}", until=timedelta(hours=1))
    if mode == "wrong":
        return Said(text=words.text, by=7)  # type: ignore[arg-type] # that is what is wrong
    if mode in _SAYS:
        return Said(text=_SAYS[mode], by=agent_id)
    job.progress("said", {"by": agent_id})
    heard = f":{job.answer.payload['word']}" if job.answer is not None else ""
    return Said(text=f"{words.text}{heard}", by=agent_id)


_SAYS = {
    "large": "x" * 300_000,
    "odd": "a\0b",
    "leak": "token ghp_abcdefghijklmnopqrstuvwxyz0123456789",
}
_RAISES: dict[str, Exception] = {
    "later": TryLater("busy", pause=timedelta(seconds=30), vendor="test"),
    "refused": Refused("no", code="test:refused", hint="Ask somebody."),
    "missing": Missing("not there", code="test:missing"),
    "permanent": Permanent("test:no-way", hint="Turn around.", detail="a wall"),
    "budget": Permanent("budget_exceeded", hint="Raise the budget."),
    "boom": ZeroDivisionError("token ghp_abcdefghijklmnopqrstuvwxyz0123456789"),
}


class Alpha(Agent):
    """Says it first."""

    agent_id, type, max_concurrency = "alpha", AgentType.RULE, 2

    @capability("echo", weight=0.9, preferred=True)
    def answer(self, words: Words, job: Job) -> Said:
        return play(self.agent_id, words, job)


class Beta(Agent):
    """Says it too."""

    agent_id, type, max_concurrency = "beta", AgentType.RULE, 2

    @capability("echo", weight=0.7)
    @capability("repeat", weight=0.7)
    def answer(self, words: Words, job: Job) -> Said:
        return play(self.agent_id, words, job)


class Careful(Agent):
    """Does nothing without a person."""

    agent_id = "careful"

    @capability("change", weight=0.5, risk=Risk.APPROVAL_REQUIRED, preview={"text": "would change it", "modes": ["ok"]})
    def change(self, words: Words, job: Job) -> Said:
        return play(self.agent_id, words, job)

    @capability("tidy", weight=0.5, risky_actions=("delete",))
    def tidy(self, words: Words, job: Job) -> Said:
        return play(self.agent_id, words, job)


class Needy(Agent):
    """Depends on a vendor."""

    agent_id = "needy"
    checks = {"vault-healthy": vendor("vault")}

    @capability("keep", weight=0.9, requires=("vault-healthy",))
    def keep(self, words: Words, job: Job) -> Said:
        return play(self.agent_id, words, job)


class Counter(Agent):
    """Takes numbers where others take words."""

    agent_id = "counter"

    @capability("echo", weight=1.0)
    def count(self, other: Other, job: Job) -> Said:
        return Said(text=str(other.number), by=f"{self.agent_id}#{job.attempt}")


@dataclass(frozen=True, kw_only=True)
class FirstWanted:
    """What the first step of a workflow takes."""

    ask: Words
    this: StepFacts


@dataclass(frozen=True, kw_only=True)
class LastWanted:
    """What its last step takes."""

    first: Said
    this: StepFacts


def first(wanted: FirstWanted, clients: Clients) -> Said:  # noqa: ARG001 - a step takes its clients
    """Say it."""
    if wanted.ask.modes[0] == "permanent":
        raise Permanent("test:no-way", hint="Turn around.")
    return Said(text=wanted.ask.text, by="first")


def last(wanted: LastWanted, clients: Clients) -> Said:  # noqa: ARG001 - a step takes its clients
    """Say it again."""
    return Said(text=f"{wanted.first.text}!", by="last")


_ONE_BACKOFF = Backoff(attempts=2, first=timedelta(milliseconds=10), most=timedelta(milliseconds=20))
TWICE = serving(
    name="twice",
    ask=Words,
    phases=(
        Phase(
            name="say",
            title="Say it twice",
            stretch=(
                Step(name="first", does=first, backoff=_ONE_BACKOFF, timeout=timedelta(seconds=5)),
                Step(name="last", does=last, backoff=_ONE_BACKOFF, timeout=timedelta(seconds=5)),
            ),
        ),
    ),
)


class Steady(Agent):
    """Says it in two steps."""

    agent_id = "steady"

    twice = capability("twice", weight=0.8, workflow="tests.registry_agents.TWICE").declared(takes=Words, gives=Said)


AGENTS = {
    kind.agent_id: f"tests.registry_agents.{kind.__name__}" for kind in (Alpha, Beta, Careful, Needy, Counter, Steady)
}
