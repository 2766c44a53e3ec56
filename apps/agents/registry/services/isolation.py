"""Keeps an error to the one task with which it happened."""

from collections.abc import Callable
from typing import TypeVar
from uuid import UUID

import structlog
from django.db.utils import InterfaceError, OperationalError

from meshsix import prepared

T = TypeVar("T")
log = structlog.get_logger()


def alone(task_id: UUID, does: Callable[[], T]) -> T | None:
    """Return what `does` gives, None where it failed: the task would come first in every later sweep as well.

    A database that is away ends all.
    """
    try:
        with prepared.savepoint():
            return does()
    except (InterfaceError, OperationalError):
        raise
    except Exception:
        log.exception("a task cannot be looked at", task=str(task_id))
        return None
