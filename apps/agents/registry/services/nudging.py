"""Makes workers look at tasks soon. Every message may be lost: the sweep finds all that is due."""

from uuid import UUID

from django.db import transaction

from apps.agents.memory.reflection import DISTIL
from meshsix.celery import app
from meshsix.durable import nudges

DISPATCH_DUE = "registry.dispatch_due"
DISPATCH = "registry.dispatch"
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
    """Let a worker give out what is due, once the transaction is committed: a slot is free."""
    message = app.signature(DISPATCH_DUE, queue=QUEUE, expires=30)
    transaction.on_commit(lambda: nudges.send(message), robust=True)
