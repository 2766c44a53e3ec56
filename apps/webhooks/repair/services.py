"""Who is to look now: sweeps nudge, workers look. Two sweeps at once are harmless, a lost message costs one sweep."""

from uuid import UUID

from django.conf import settings

from apps.projects.boards import services as boards
from apps.webhooks.repair import claims, polling
from meshsix.celery import app
from meshsix.durable import nudges
from meshsix.kit import clock

LOOK = "webhooks.look_at_hook"
POLL = "webhooks.poll_board"


def sweep() -> int:
    """Watch hooks that are new, and nudge the looks and polls that are due; return how many."""
    now = clock.now()
    claims.make(now)
    looks, polls = claims.due(now), boards.due(most=polling.AT_ONCE)
    for watch_id in looks:
        _nudge(LOOK, watch_id)
    for project_id in polls:
        _nudge(POLL, project_id)
    return len(looks) + len(polls)


def _nudge(task: str, row_id: UUID) -> None:
    """Send the message that makes a worker look; one that was not taken until the next sweep is of no use any more."""
    expires = settings.WATCH_SWEEP_INTERVAL.total_seconds() * 2
    nudges.send(app.signature(task, args=(str(row_id),), queue="webhooks", expires=expires))
