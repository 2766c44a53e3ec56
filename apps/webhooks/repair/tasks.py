"""Celery tasks of the watch: load, call, done. What one raises is written to the row that it was about."""

from collections.abc import Callable
from uuid import UUID

from billiard.einfo import ExceptionInfo
from celery import Task

from apps.projects.boards import services as boards
from apps.webhooks.repair import polling, services, watch
from meshsix.celery import app
from meshsix.sweeps import Sweep
from meshsix.wiring import clients


class Watching(Task[[str], None]):
    """A task about one row, whose `due_at` decides when it is tried again."""

    note: Callable[[UUID, str], None]

    def on_failure(
        self,
        exc: Exception,
        task_id: str,  # noqa: ARG002 - Celery's signature
        args: tuple[str, ...],
        kwargs: dict[str, object],  # noqa: ARG002 - Celery's signature
        einfo: ExceptionInfo,  # noqa: ARG002 - Celery's signature
    ) -> None:
        """Write the error down; called by Celery."""
        type(self).note(UUID(args[0]), f"{type(exc).__name__}: {exc}")


class Looking(Watching):
    """About a hook."""

    note = staticmethod(watch.failed)


class Polling(Watching):
    """About a board."""

    note = staticmethod(boards.poll_failed)


@app.task(name="webhooks.sweep_watches", base=Sweep)
def sweep_watches() -> None:
    """Nudge every look and every poll that is due."""
    services.sweep()


@app.task(name=services.LOOK, base=Looking)
def look_at_hook(watch_id: str) -> None:
    """Look at one hook."""
    watch.look(UUID(watch_id), clients())


@app.task(name=services.POLL, base=Polling)
def poll_board(project_id: str) -> None:
    """Poll one board."""
    polling.poll(UUID(project_id), clients())
