"""What the memory does by itself."""

from uuid import UUID

from celery import shared_task, signals
from django.db import connection

from apps.agents.memory import embeddings, reflection, services
from apps.agents.memory.dimension import Disagreement
from meshsix.wiring import clients


@signals.worker_init.connect
def _stop_unless_vectors_agree(**_: object) -> None:
    """Start no worker that would write memories whose vectors the table cannot keep."""
    try:
        embeddings.check_at_start()
    except Disagreement as error:
        raise SystemExit(str(error)) from error
    finally:
        connection.close()  # the worker's processes have their own


@shared_task(name="agent_memory.tidy")
def tidy() -> None:
    """Delete what has expired or is too much."""
    services.tidy()


@shared_task(name=reflection.DISTIL)
def distil(memory_id: str) -> None:
    """Learn facts from an exchange."""
    reflection.distil_exchange(UUID(memory_id), clients())
