"""An agent that does nothing, and a plain Celery application with a task that does the same, for the benchmark."""

import os
from dataclasses import dataclass

from celery import Celery

from apps.agents.registry.agent import Agent, capability
from apps.agents.registry.models import AgentType
from apps.agents.registry.services.jobs import Job

QUEUE = "bench-plain"


@dataclass(frozen=True, kw_only=True)
class Ask:
    """What both are given."""

    number: int


@dataclass(frozen=True, kw_only=True)
class Gave:
    """What both give."""

    number: int


class Nothing(Agent):
    """Gives back what it is given."""

    agent_id, type, max_concurrency = "bench-nothing", AgentType.RULE, 8

    @capability("nothing", weight=1.0)
    def answer(self, ask: Ask, job: Job) -> Gave:  # noqa: ARG002 - a handler takes its job
        """Return the number."""
        return Gave(number=ask.number)


plain = Celery("bench", broker=os.environ["REDIS_URL"], backend=os.environ["REDIS_URL"])
plain.conf.update(
    task_default_queue=QUEUE,
    task_acks_late=True,
    broker_connection_retry_on_startup=True,
    result_expires=600,
    worker_prefetch_multiplier=4,
)


@plain.task(name="bench.nothing")
def nothing(number: int) -> dict[str, int]:
    """Return the number."""
    return {"number": number}
