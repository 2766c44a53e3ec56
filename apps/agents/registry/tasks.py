"""Celery tasks of the registry: load, call, done."""

from uuid import UUID

from django.conf import settings

from apps.agents.registry.services import checks, dispatching, nudging, registration, watching
from meshsix.celery import app
from meshsix.kit import clock
from meshsix.sweeps import Sweep
from meshsix.wiring import clients


@app.task(name=nudging.DISPATCH)
def dispatch(task_id: str) -> None:
    """Try to give one task to an agent."""
    dispatching.offer(UUID(task_id))


@app.task(name=nudging.FILL)
def fill(agent_id: str) -> None:
    """Give an agent's free slots to those who wait for them."""
    dispatching.fill(agent_id, clock.now())


@app.task(name=nudging.DISPATCH_DUE, base=Sweep)
def dispatch_due() -> None:
    """Give out what is due."""
    dispatching.dispatch_due(clock.now())


@app.task(name="registry.watch_tasks", base=Sweep)
def watch_tasks() -> None:
    """End what is over, and give out what is due."""
    watching.sweep(clock.now())


@app.task(name="registry.watch_agents", base=Sweep)
def watch_agents() -> None:
    """Publish which agents came, fell silent or left."""
    registration.watch()


@app.task(name="registry.refresh_checks", base=Sweep)
def refresh_checks() -> None:
    """Look at what agents depend on."""
    checks.refresh(clients())


@app.task(name="registry.forget_results")
def forget_results() -> None:
    """Take away results that need not be kept any longer."""
    watching.forget_results(clock.now(), settings.TASK_RETENTION, clients())
