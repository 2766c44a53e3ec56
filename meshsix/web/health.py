"""Is the process alive, and has it what it needs? The checks are named in settings.READINESS_CHECKS."""

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as TooSlow
from dataclasses import dataclass
from time import monotonic

import redis
from django.conf import settings
from django.db import DatabaseError, connection, connections
from django.db.migrations.executor import MigrationExecutor

DEADLINE_SECONDS = 2.0
_KEPT_SECONDS = 1.0
_pool = ThreadPoolExecutor(max_workers=6, thread_name_prefix="health")


class Unfit(Exception):  # noqa: N818 - reads as a word of the domain
    """Something that the process needs is missing; the message says what."""


def database() -> None:
    """PostgreSQL answers."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def migrations() -> None:
    """The schema is that of this version."""
    executor = MigrationExecutor(connections["default"])
    open_ones = executor.migration_plan(executor.loader.graph.leaf_nodes())
    if open_ones:
        raise Unfit(f"{len(open_ones)} migrations are not applied; run manage.py migrate")


def broker() -> None:
    """Redis or Valkey answers."""
    client = redis.Redis.from_url(
        settings.REDIS_URL, socket_timeout=DEADLINE_SECONDS, socket_connect_timeout=DEADLINE_SECONDS
    )
    with client:
        client.ping()


CHECKS: dict[str, Callable[[], None]] = {"database": database, "migrations": migrations, "broker": broker}


@dataclass(frozen=True, kw_only=True)
class Report:
    """What was found, by check: `ok`, or what is wrong."""

    found: dict[str, str]

    @property
    def ready(self) -> bool:
        """Return whether all is well."""
        return all(words == "ok" for words in self.found.values())


_last: tuple[float, Report] | None = None


def report() -> Report:
    """Return what the checks say, all side by side, within two seconds; a report is kept for one."""
    global _last  # noqa: PLW0603 - anybody may ask, so the answer is kept for a second
    if _last is None or monotonic() - _last[0] > _KEPT_SECONDS:
        _last = (monotonic(), _ask())
    return _last[1]


def _ask() -> Report:
    started = monotonic()
    asked = {name: _pool.submit(_quietly, CHECKS[name]) for name in settings.READINESS_CHECKS}
    return Report(found={name: _answer(future, started) for name, future in asked.items()})


def _answer(future: "Future[str]", started: float) -> str:
    try:
        return future.result(timeout=max(0.0, started + DEADLINE_SECONDS - monotonic()))
    except TooSlow:
        return f"no answer within {DEADLINE_SECONDS:.0f} s"


def _quietly(check: Callable[[], None]) -> str:
    try:
        check()
    except Unfit as error:
        return str(error)
    except (DatabaseError, redis.RedisError, OSError) as error:
        return f"failed: {type(error).__name__}"
    finally:
        connection.close()  # back to the pool, or gone: asked rarely, these threads keep none
    return "ok"
