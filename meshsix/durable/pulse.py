"""When beat was last seen at work. Kept in the broker, which may forget it: then nobody knows, and nothing is lost."""

from datetime import datetime

import structlog
from django.core.cache import cache
from redis.exceptions import RedisError

from meshsix.kit import clock

_KEY = "durable:pulse"

log = structlog.get_logger()


def beat() -> None:
    """Note that a task of beat's has just run."""
    try:
        cache.set(_KEY, clock.now().isoformat(), timeout=None)
    except RedisError as error:
        log.warning("pulse not noted", error=type(error).__name__)


def last() -> datetime | None:
    """Return when beat's recovery ran last, or None where that is not known. Raises RedisError."""
    seen = cache.get(_KEY)
    return datetime.fromisoformat(seen) if seen else None
