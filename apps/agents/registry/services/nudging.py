"""Makes workers look at tasks soon. Every message may be lost: the sweep finds all that is due."""

from uuid import UUID

from django.db import transaction

from apps.agents.memory.reflection import DISTIL
from apps.agents.registry.queries import tasks as task_queries
from meshsix import sweeps
from meshsix.celery import app
from meshsix.durable import nudges

DISPATCH_DUE = "registry.dispatch_due"
DISPATCH = "registry.dispatch"
FILL = "registry.fill"
QUEUE = "agents"


def look_at(task_id: UUID) -> None:
    """Let a worker try to give this task to somebody, once the transaction is committed."""
    message = app.signature(DISPATCH, args=(str(task_id),), queue=QUEUE)
    transaction.on_commit(lambda: nudges.send(message), robust=True)


def distil(memory_id: UUID) -> None:
    """Let a worker learn facts from an exchange, once the transaction is committed."""
    message = app.signature(DISTIL, args=(str(memory_id),), queue=QUEUE)
    transaction.on_commit(lambda: nudges.send(message), robust=True)


def look_at_all() -> None:
    """Let a worker give out what is due, once the transaction is committed."""
    message = app.signature(DISPATCH_DUE, queue=QUEUE, expires=sweeps.KEPT.total_seconds())
    transaction.on_commit(lambda: nudges.send(message), robust=True)


def slot_is_free(agent_id: str) -> None:
    """Let a worker give it to whom it is due, once the transaction is committed, if a task waits for this agent.

    A task that is being routed at that moment looks once more itself, when it has stored that it waits.
    """

    def look() -> None:
        if task_queries.is_waited_for(agent_id):
            fill(agent_id)

    transaction.on_commit(look, robust=True)


def look_once_more(task_id: UUID) -> None:
    """Fill the slots for which a task waits that were freed while it was routed, once the transaction is committed."""

    def look() -> None:
        for agent_id in task_queries.free_after_all(task_id):
            fill(agent_id)

    transaction.on_commit(look, robust=True)


def fill(agent_id: str) -> None:
    """Let a worker give an agent's free slots to those who wait for them."""
    nudges.send(app.signature(FILL, args=(agent_id,), queue=QUEUE, expires=30))
