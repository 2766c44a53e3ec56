"""Prepared statements live on when a migration changes what they give back."""

from collections.abc import Iterator
from typing import LiteralString

import psycopg
import pytest
from django.db import OperationalError, connection, transaction

from meshsix import prepared

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def table() -> Iterator[None]:
    """A table from which a prepared statement has read."""
    run("CREATE TABLE prepared_words (word varchar(3))")
    run("INSERT INTO prepared_words VALUES ('one')")
    assert read() == [("one",)]
    yield
    run("DROP TABLE prepared_words")


def run(statement: LiteralString) -> None:
    """Run a statement as somebody else: who alters a table makes no statement of his own stale."""
    with psycopg.connect(**connection.get_connection_params()) as other:
        other.execute(statement)


def read() -> list[tuple[str]]:
    return prepared.fetch("SELECT word FROM prepared_words", [])


@pytest.mark.usefixtures("table")
def test_a_statement_runs_again_on_a_new_connection() -> None:
    run("ALTER TABLE prepared_words ALTER word TYPE varchar(5)")
    assert read() == [("one",)]


@pytest.mark.usefixtures("table")
def test_inside_a_transaction_it_fails_as_a_lost_connection_does() -> None:
    run("ALTER TABLE prepared_words ALTER word TYPE varchar(5)")
    with pytest.raises(OperationalError), transaction.atomic():
        read()
    assert read() == [("one",)]
