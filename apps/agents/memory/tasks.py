"""What the memory does by itself."""

from celery import shared_task

from apps.agents.memory import services


@shared_task(name="agent_memory.forget_expired")
def forget_expired() -> None:
    """Delete what has expired."""
    services.forget_expired()
