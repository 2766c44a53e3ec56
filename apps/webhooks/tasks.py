"""Celery tasks of webhooks: load, call, done."""

from uuid import UUID

from apps.webhooks import handling, services
from meshsix.celery import app


@app.task(name=services.HANDLE)
def handle_delivery(delivery_id: str) -> None:
    """Handle one delivery."""
    handling.handle(UUID(delivery_id))


@app.task(name="webhooks.recover")
def recover() -> None:
    """Nudge deliveries whose message was lost."""
    services.recover()


@app.task(name="webhooks.forget_payloads")
def forget_payloads() -> None:
    """Drop payloads that were kept long enough."""
    services.forget_payloads()
