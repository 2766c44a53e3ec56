"""Statements that PostgreSQL plans once a connection instead of each time: for the few that run all the time.

Django binds values on the client, so that every call is a new statement to plan. Here the values go to the server
(https://www.psycopg.org/psycopg3/docs/advanced/prepare.html), in Django's connection and transaction all the same.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, LiteralString

from django.db import DEFAULT_DB_ALIAS, NotSupportedError, OperationalError, connection, connections, transaction
from psycopg import Cursor


def fetch(
    statement: LiteralString, values: Mapping[str, Any] | Sequence[Any], *, binary: bool = False
) -> list[tuple[Any, ...]]:
    """Run a statement and return its rows. Raises Django's database errors.

    `binary` rows are read several times faster, numbers and times above all; JSON comes parsed and not as text.

    A migration may change what a planned statement gives back, which PostgreSQL refuses: the connection is closed, and
    the statement runs again on a new one; inside a transaction that is lost with it, so it is an OperationalError.
    """
    try:
        return _fetch(statement, values, binary=binary)
    except NotSupportedError as error:
        in_transaction = connection.in_atomic_block
        connection.close()
        if in_transaction:
            raise OperationalError("A table has changed since the statement was planned.") from error
        return _fetch(statement, values, binary=binary)


def savepoint() -> AbstractContextManager[None]:
    """Return a block that undoes its own statements alone where it fails in a transaction; outside it costs nothing."""
    return transaction.atomic() if connection.in_atomic_block else nullcontext()


def _fetch(
    statement: LiteralString, values: Mapping[str, Any] | Sequence[Any], *, binary: bool
) -> list[tuple[Any, ...]]:
    here = connections[DEFAULT_DB_ALIAS]  # once: each look at `connection` finds the thread's one anew
    here.close_if_health_check_failed()
    here.ensure_connection()
    here.validate_no_broken_transaction()
    with here.wrap_database_errors, Cursor(here.connection) as cursor:
        if here.queries_logged:
            here.queries_log.append({"sql": statement, "time": "0.000"})
        cursor.execute(statement, values, prepare=True, binary=binary)
        return cursor.fetchall()
