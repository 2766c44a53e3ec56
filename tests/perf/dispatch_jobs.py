"""An agent that does nothing, for the benchmark."""

from dataclasses import dataclass

from apps.agents.registry.agent import Agent, capability
from apps.agents.registry.models import AgentType
from apps.agents.registry.services.jobs import Job


@dataclass(frozen=True, kw_only=True)
class Ask:
    """What it is given."""

    number: int


@dataclass(frozen=True, kw_only=True)
class Gave:
    """What it gives."""

    number: int


class Nothing(Agent):
    """Gives back what it is given."""

    agent_id, type, max_concurrency = "bench-nothing", AgentType.RULE, 8

    @capability("nothing", weight=1.0)
    def answer(self, ask: Ask, job: Job) -> Gave:  # noqa: ARG002 - a handler takes its job
        """Return the number."""
        return Gave(number=ask.number)
