"""What the memory does by itself."""

from uuid import UUID

from celery import shared_task

from apps.agents.memory import reflection, services
from meshsix.wiring import clients


@shared_task(name="agent_memory.tidy")
def tidy() -> None:
    """Delete what has expired or is too much."""
    services.tidy()


@shared_task(name=reflection.DISTIL)
def distil(memory_id: str) -> None:
    """Learn facts from an exchange."""
    reflection.distil_exchange(UUID(memory_id), clients())
