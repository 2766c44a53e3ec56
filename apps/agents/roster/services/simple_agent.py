"""simple-agent: general questions, answered from memory, two small tools and what the model knows."""

from dataclasses import dataclass
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field

from apps.agents.llm.tools import ToolFailed, tool
from apps.agents.memory.context import Parts
from apps.agents.registry.agent import Agent, capability, vendor
from apps.agents.registry.models import AgentType
from apps.agents.registry.services.jobs import Job
from apps.agents.roster import arithmetic
from apps.agents.roster.basis import Basis, basis_of
from apps.agents.roster.milestones import M1, M2
from meshsix.kit import clock

MOST_MEMORIES = 3


@dataclass(frozen=True, kw_only=True)
class GeneralQuery:
    """A question. `user_id` is one of the people for whom the requester asks; without it, the requester.

    Its memories are those of this requester's person alone: a name is no proof, and opens nobody else's.
    """

    query: Annotated[str, Field(min_length=1, max_length=20_000)]
    user_id: Annotated[str, Field(max_length=150)] | None = None


@dataclass(frozen=True, kw_only=True)
class GeneralAnswer:
    """The answer in words, how many memories the model was given, and what it rests on."""

    response: str
    memories_used: int
    basis: Basis


def calculate(expression: str) -> str:
    """Reckon a sum of numbers with + - * / // % ** and brackets, for example `(2 + 3) * 4.5`."""
    try:
        return arithmetic.reckon(expression)
    except arithmetic.NoSum as error:
        raise ToolFailed(str(error)) from error


def current_time(timezone: str = "UTC") -> str:
    """Tell date and time in a time zone by its IANA name, for example `Europe/Berlin`."""
    try:
        zone = ZoneInfo(timezone)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ToolFailed("There is no such time zone; use an IANA name such as Europe/Berlin.") from error
    return clock.now().astimezone(zone).strftime("%A, %d %B %Y, %H:%M:%S %Z (UTC%z)")


TOOLS = (tool(calculate), tool(current_time))


class SimpleAgent(Agent):
    """Answers general questions from memory and the model's knowledge."""

    agent_id, type, max_concurrency = "simple-agent", AgentType.LLM, 4
    checks = {"litellm-healthy": vendor("litellm")}
    smoke = (M1, M2)

    @capability("general-query", weight=0.8, requires=("litellm-healthy",), timeout_seconds=120)
    def answer(self, ask: GeneralQuery, job: Job) -> GeneralAnswer:
        """Answer, and remember the exchange for the person who asked."""
        person = ask.user_id or None
        found = job.memory.recall(ask.query, limit=MOST_MEMORIES, subject=person)
        prompt = job.llm.prompt("answer")
        parts = Parts(system=prompt.render(), payload=ask.query, memories=[each.content for each in found])
        context = job.context(parts)
        reply = job.llm.answer(prompt, context.messages, offered=TOOLS, may_go_on=job.checkpoint)
        job.memory.remember_exchange(ask.query, reply.value, subject=person)
        return GeneralAnswer(response=reply.value, memories_used=context.memories_used, basis=basis_of(reply))
