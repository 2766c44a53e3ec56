"""Celery tasks of webhooks: load, call, done."""

from uuid import UUID

from apps.webhooks import handling, intake, services
from apps.webhooks.doors import refusals
from meshsix.celery import app
from meshsix.kit import clock
from meshsix.sweeps import Sweep


@app.task(name=intake.HANDLE)
def handle_delivery(delivery_id: str) -> None:
    """Handle one delivery."""
    handling.handle(UUID(delivery_id))


@app.task(name=intake.HANDLE_SOME)
def handle_deliveries(delivery_ids: list[str]) -> None:
    """Handle several deliveries that came at once; each succeeds or fails for itself."""
    for delivery_id in delivery_ids:
        handling.handle(UUID(delivery_id))


@app.task(name="webhooks.recover", base=Sweep)
def recover() -> None:
    """Nudge deliveries whose message was lost."""
    services.recover()


@app.task(name="webhooks.forget_payloads")
def forget_payloads() -> None:
    """Drop payloads and counts of refusals that were kept long enough."""
    services.forget_payloads()
    refusals.forget(clock.now())
