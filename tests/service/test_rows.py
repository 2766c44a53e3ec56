"""Rows that go to PostgreSQL as one JSON value come back as they were."""

from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import pytest
from django.db import DataError, IntegrityError

from apps.agents.registry.models import History, Task
from apps.agents.registry.models.tasks import MOST_PRIORITY
from meshsix import rows
from meshsix.kit import ids

pytestmark = pytest.mark.django_db
MOMENT = datetime(2026, 2, 28, 23, 59, 59, 999_999, tzinfo=UTC)
PAYLOADS: list[Any] = [
    {"text": 'Größe "5" \\ {a,b} \n\t 😀 %s %(x)s', "deep": [{"none": None, "yes": True, "big": 2**53, "small": 1e-7}]},
    {},
    [],
    "null",
    0,
    False,
]


def a_task(**values: Any) -> Task:  # noqa: ANN401 - columns of a task
    facts = {"capability": "echo", "payload": {}, "requested_by": "o'brien", "trace_id": uuid4().hex}
    return Task(**{**facts, "wait_until": MOMENT, "created_at": MOMENT, **values})


def values_of(row: Task) -> dict[str, object]:
    return {field.attname: getattr(row, field.attname) for field in Task._meta.concrete_fields}


@pytest.mark.parametrize("payload", PAYLOADS, ids=repr)
def test_each_kind_of_column_keeps_its_value(payload: object) -> None:
    task = a_task(
        payload=payload,
        run_id=uuid4(),
        allowed_agents=["alpha", 'a"b', "c,d", "{}", "NULL", ""],
        gate={"agents": ["alpha"]},
        explorable=False,
        priority=MOST_PRIORITY,
        idempotency_key=None,
    )
    rows.insert(task)
    assert values_of(Task.objects.get(pk=task.pk)) == values_of(task)


def test_what_is_none_is_null_and_no_json_null() -> None:
    task = a_task()
    rows.insert(task)
    assert Task.objects.filter(pk=task.pk, result__isnull=True, error__isnull=True, started_at=None).exists()


def test_the_database_gives_the_key_that_a_row_has_not() -> None:
    past = History(
        task_id=ids.new_id(),
        attempt=1,
        agent_id="alpha",
        capability="echo",
        success=True,
        duration_ms=2**40,
        counted=True,
    )
    rows.insert(past)
    assert History.objects.values_list("pk", "duration_ms").get() == (past.pk, 2**40)


def test_rules_of_the_table_hold() -> None:
    task = a_task(idempotency_key="k")
    rows.insert(task)
    twin = a_task(idempotency_key="k")
    assert rows.write(rows.insertion(twin, or_nothing=True)) == (None,)
    with pytest.raises(IntegrityError):
        rows.insert(twin)


@pytest.mark.parametrize("wrong", [{"requested_by": "x" * 151}, {"wait_reason": "NUL \0"}], ids=["long", "nul"])
def test_what_does_not_fit_is_refused_and_not_cut(wrong: dict[str, str]) -> None:
    with pytest.raises(DataError):
        rows.insert(a_task(**wrong))


def test_what_a_json_column_cannot_hold_is_refused_and_not_made_a_text() -> None:
    with pytest.raises(TypeError):
        rows.insert(a_task(payload={"at": MOMENT}))


def test_changes_of_several_tables_are_parts_of_one_statement_with_values_of_their_own() -> None:
    text, values = rows.parts([("SELECT %s, %s", ["a", 1]), ("SELECT %s", ["b"])])
    assert text == "part0 AS (SELECT %(part0_0)s, %(part0_1)s), part1 AS (SELECT %(part1_0)s), "
    assert values == {"part0_0": "a", "part0_1": 1, "part1_0": "b"}
