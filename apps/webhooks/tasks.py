"""Celery tasks of webhooks: load, call, done."""

import random
from uuid import UUID

from billiard.einfo import ExceptionInfo
from celery import Task

from apps.webhooks import services
from meshsix.celery import app


class Handling(Task[[str], None]):
    """A task whose failure is written to its delivery; the row's `due_at` decides when it is tried again."""

    def on_failure(
        self,
        exc: Exception,
        task_id: str,  # noqa: ARG002 - Celery's signature
        args: tuple[str, ...],
        kwargs: dict[str, object],  # noqa: ARG002 - Celery's signature
        einfo: ExceptionInfo,  # noqa: ARG002 - Celery's signature
    ) -> None:
        """Write the error down; called by Celery."""
        services.failed(UUID(args[0]), f"{type(exc).__name__}: {exc}", chance=random.random())


@app.task(name=services.HANDLE, base=Handling)
def handle_delivery(delivery_id: str) -> None:
    """Handle one delivery."""
    services.handle(UUID(delivery_id))


@app.task(name="webhooks.recover")
def recover() -> None:
    """Nudge deliveries whose message was lost."""
    services.recover()
