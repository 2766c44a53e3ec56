"""Monthly partitions of the event log, made ahead of time. Rows that fell into DEFAULT are moved where they belong."""

from dataclasses import dataclass
from datetime import UTC, date, datetime

from django.db import connection, transaction
from psycopg import sql

_DEFAULT = "mesh_six_events_default"


@dataclass(frozen=True, kw_only=True)
class Ensured:
    """What was done: names of new partitions, and how many rows were moved out of DEFAULT."""

    made: list[str]
    moved: int


def ensure(today: date, *, months: int) -> Ensured:
    """Make the partitions of this month, of `months` months ahead, and of every month that has rows in DEFAULT.

    Each is made in a transaction of its own; two at a time wait for each other. Repeating it changes nothing.
    """
    wanted = {_month(today, ahead) for ahead in range(months + 1)} | _months_in_default()
    results = [_ensure_one(first) for first in sorted(wanted)]
    made = [name for name, _ in results if name]
    return Ensured(made=made, moved=sum(moved for _, moved in results))


def missing(today: date, *, months: int) -> list[str]:
    """Return the names of the partitions that `ensure` would make now."""
    wanted = {_month(today, ahead) for ahead in range(months + 1)} | _months_in_default()
    return sorted({name_of(first) for first in wanted} - set(existing()))


def name_of(first: date) -> str:
    """Return the partition's name."""
    return f"mesh_six_events_{first:%Y_%m}"


def existing() -> list[str]:
    """Return the names of all partitions but DEFAULT."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'mesh_six_events'::regclass"
            " AND inhrelid <> %s::regclass ORDER BY 1",
            [_DEFAULT],
        )
        return [name for (name,) in cursor.fetchall()]


def _month(today: date, ahead: int) -> date:
    months = today.year * 12 + today.month - 1 + ahead
    return date(months // 12, months % 12 + 1, 1)


def _months_in_default() -> set[date]:
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT DISTINCT date_trunc('month', \"timestamp\" AT TIME ZONE 'UTC')::date FROM {_DEFAULT}")  # noqa: S608 - a constant
        return {first for (first,) in cursor.fetchall()}


@transaction.atomic
def _ensure_one(first: date) -> tuple[str, int]:
    """Make one partition if it is absent; return its name, or nothing, and how many rows moved into it.

    A partition cannot be attached while DEFAULT holds rows of its month, so they are moved first, unseen by others.
    """
    name = name_of(first)
    start = datetime(first.year, first.month, 1, tzinfo=UTC)
    following = _month(first, 1)
    end = datetime(following.year, following.month, 1, tzinfo=UTC)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext('mesh_six_events partitions'))")
        cursor.execute("SELECT to_regclass(%s) IS NOT NULL", [name])
        if cursor.fetchone()[0]:
            return "", 0
        words = {"new": sql.Identifier(name), "start": sql.Literal(start), "end": sql.Literal(end)}
        cursor.execute("LOCK TABLE mesh_six_events IN SHARE ROW EXCLUSIVE MODE")  # readers go on, publishers wait
        cursor.execute("SET LOCAL mesh_six.moving_events = 'on'")
        cursor.execute(
            sql.SQL("CREATE TABLE {new} (LIKE mesh_six_events INCLUDING DEFAULTS INCLUDING CONSTRAINTS)").format(
                **words
            )
        )
        cursor.execute(
            sql.SQL(
                f'WITH gone AS (DELETE FROM {_DEFAULT} WHERE "timestamp" >= {{start}} AND "timestamp" < {{end}}'  # noqa: S608 - a constant
                " RETURNING *) INSERT INTO {new} SELECT * FROM gone"
            ).format(**words)
        )
        moved = cursor.rowcount
        cursor.execute(
            sql.SQL("ALTER TABLE mesh_six_events ATTACH PARTITION {new} FOR VALUES FROM ({start}) TO ({end})").format(
                **words
            )
        )
    return name, moved
