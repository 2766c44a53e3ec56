"""Tasks that beat sends again and again: one that begins does the work of all that were queued before it.

Short expiry in its place starves them: where a round of sweeps takes longer than its interval, those that always stand
last in it are over each time that their turn comes.
"""

from datetime import datetime, timedelta
from typing import Any

from celery import Task

from meshsix.kit import clock

KEPT = timedelta(minutes=10)
"""When a sweep's message expires, so that no heap of them grows while there is no worker. It tells its age, too."""

_began: dict[str, datetime] = {}


class Sweep(Task[..., None]):
    """A sweep that does nothing where the same has begun in this process since its message was sent."""

    abstract = True

    def __call__(self, *args: Any, **kwargs: Any) -> None:  # noqa: ANN401 - as Celery calls it
        """Do one round, unless it is done."""
        sent_at, began = self._sent_at(), _began.get(self.name)
        if sent_at is not None and began is not None and sent_at <= began:
            return
        _began[self.name] = clock.now()
        self.run(*args, **kwargs)

    def _sent_at(self) -> datetime | None:
        """Return when the message was sent, None where there is none: somebody calls the task as a function."""
        expires = self.request.expires
        return datetime.fromisoformat(str(expires)) - KEPT if expires else None
