"""Polls boards that are due: claimed by a lease, read at GitHub, then told in one transaction.

When a board is due, and every figure of its last poll, stand in its BoardWatch (apps.projects.boards). A second poller
loses the claim; one whose lease is over does no harm, since the mirror's versions decide.
"""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import structlog
from django.db import transaction

from apps.projects.boards import services as boards
from apps.projects.models import Project
from apps.webhooks import canonical
from apps.webhooks.canonical import Emitted
from meshsix.integrations.errors import TryLater, VendorError, worded
from meshsix.wiring import Clients

LEASE = timedelta(minutes=2)
"""How long one poll may take; a board has at most a few dozen pages."""
AT_ONCE = 200

log = structlog.get_logger()


@dataclass(frozen=True, kw_only=True)
class Polled:
    """What came of a poll: how many cards the board has, what was told (new or not), or why it could not be read."""

    cards: int = 0
    told: tuple[Emitted, ...] = ()
    error: str = ""


def poll(project_id: UUID, clients: Clients) -> Polled | None:
    """Poll a project's board if it is due; None where it is not, or somebody else does it."""
    lease = boards.claim(project_id, lease=LEASE)
    if lease is None:
        return None
    try:
        return _polled(Project.objects.get(pk=project_id), clients, lease)
    except TryLater as error:
        return _failed(project_id, lease, error, pause=error.pause)
    except VendorError as error:
        return _failed(project_id, lease, error)
    except Exception as error:  # whatever it was, people must see it at the board
        _failed(project_id, lease, error)
        raise


def _polled(project: Project, clients: Clients, lease: boards.Lease) -> Polled:
    seen = boards.poll(project, clients, lease=lease)
    with transaction.atomic():
        told = canonical.emit(boards.record_poll(seen))
    return Polled(cards=len(seen.cards), told=told)


def poll_now(project_id: UUID, clients: Clients) -> Polled | None:
    """Poll a project's board whether it is due or not; None where somebody else polls it at this moment."""
    boards.watch_all()
    boards.poll_soon(project_id)
    return poll(project_id, clients)


def _failed(project_id: UUID, lease: boards.Lease, error: Exception, *, pause: timedelta | None = None) -> Polled:
    """Keep the error where people see it, and when the board is tried again: GitHub's own wish comes first."""
    boards.poll_failed(project_id, worded(error), pause=pause, lease=lease)
    log.info("board not polled", project=str(project_id), error=str(error))
    return Polled(error=str(error))
