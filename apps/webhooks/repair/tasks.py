"""Celery tasks of the watch: load, call, done."""

from uuid import UUID

from apps.webhooks.repair import polling, services, watch
from meshsix.celery import app
from meshsix.sweeps import Sweep
from meshsix.wiring import clients


@app.task(name="webhooks.sweep_watches", base=Sweep)
def sweep_watches() -> None:
    """Nudge every look and every poll that is due."""
    services.sweep()


@app.task(name=services.LOOK)
def look_at_hook(watch_id: str) -> None:
    """Look at one hook."""
    watch.look(UUID(watch_id), clients())


@app.task(name=services.POLL)
def poll_board(project_id: str) -> None:
    """Poll one board."""
    polling.poll(UUID(project_id), clients())
