"""Rows of models by prepared statements: for those that are read and written all the time.

Composing a statement from a query set takes Django longer than PostgreSQL takes to run it; here each is composed once a
process and planned once a connection. Whoever needs more than one row by its keys takes query sets.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from functools import cache, lru_cache
from typing import Any, LiteralString, TypeVar
from uuid import UUID

from django.db import connection, models
from django.db.models.options import Options

from meshsix import prepared

M = TypeVar("M", bound=models.Model)
Change = tuple[LiteralString, list[object]]
"""A statement that writes rows, as a rule one or none, and gives back the key of each, with its values."""


def read(model: type[M], rest: LiteralString, values: Mapping[str, Any]) -> M | None:
    """Return the first row for which `rest` holds (`WHERE id = %(id)s FOR NO KEY UPDATE`), None without one."""
    return _made(model, prepared.fetch(_select(model) + rest, values, binary=True))


def insert(row: models.Model) -> None:
    """Store a new row and take over the key that the database gave it. Raises IntegrityError."""
    row.pk = write(insertion(row))[0]


def change(row: models.Model, **values: object) -> None:
    """Change columns of a stored row, in the database and at hand."""
    write(transition(row, {}, **values))


def update(model: type[M], key: object, **values: object) -> M | None:
    """Change columns of the row with this key and return it, None where it is gone."""
    statement = _update(model, tuple(values)) + "RETURNING " + _columns(_fields(model))
    return _made(model, prepared.fetch(statement, [*_kept(model, values), key], binary=True))


def write(*changes: Change) -> tuple[Any, ...]:
    """Write rows of different tables as one statement; return the key of each, None where nothing was written."""
    if len(changes) == 1:
        found = prepared.fetch(*changes[0])
        return found[0] if found else (None,)
    parts = ", ".join(f"part{number} AS ({statement})" for number, (statement, _) in enumerate(changes))
    keys = ", ".join(f"(SELECT * FROM part{number} LIMIT 1)" for number in range(len(changes)))  # noqa: S608 - numbers
    return prepared.fetch(f"WITH {parts} SELECT {keys}", [value for _, values in changes for value in values])[0]


def parts(changes: Sequence[Change]) -> tuple[LiteralString, dict[str, object]]:
    """Return changes as the first parts of a statement with named values, each part with a comma behind it."""
    texts, values = list[LiteralString](), dict[str, object]()
    for number, (statement, given) in enumerate(changes):
        names = [f"part{number}_{place}" for place in range(len(given))]
        values |= zip(names, given, strict=True)
        texts.append(_part(statement, number, len(given)))
    return "".join(texts), values


@lru_cache(maxsize=500)
def _part(statement: str, number: int, values: int) -> str:
    return f"part{number} AS ({statement % tuple(f'%(part{number}_{place})s' for place in range(values))}), "


def insertion(row: models.Model, *, or_nothing: bool = False) -> Change:
    """Return what stores a new row; with `or_nothing` not beside one that a unique rule puts in its place.

    The row goes as one JSON value, which costs half of what a value a column does.
    """
    fields = _fields(type(row), given=row.pk is not None)
    row._state.adding, row._state.db = False, connection.alias  # noqa: SLF001 - Django has no public word for "stored"
    values = {
        field.column: value if isinstance(field, models.JSONField) else _plain(value)
        for field, value in ((field, getattr(row, field.attname)) for field in fields)
    }
    unless = "ON CONFLICT DO NOTHING " if or_nothing else ""
    statement = _insert(type(row), given=row.pk is not None) + unless + _key(type(row))
    return statement, [json.dumps(values, ensure_ascii=False)]


def _plain(value: object) -> object:
    """Return the value of a column as JSON has it; what a JSON column holds must be JSON already."""
    if isinstance(value, UUID | datetime | Decimal):
        return str(value)
    return [_plain(each) for each in value] if isinstance(value, list | tuple) else value


def transition(row: models.Model, was: Mapping[str, object], **values: object) -> Change:
    """Return what changes columns of a stored row if these others are still what they were; at hand they change now."""
    for name, value in values.items():
        setattr(row, name, value)
    return setting(type(row), row.pk, was, **values)


def setting(model: type[models.Model], key: object, was: Mapping[str, object], **values: object) -> Change:
    """Return what changes columns of the row with this key if these others are still what they were."""
    same = "".join(f'AND "{_by_name(model)[name].column}" = %s ' for name in was)
    statement = _update(model, tuple(values)) + same + _key(model)
    return statement, [*_kept(model, values), key, *_kept(model, was)]


def _kept(model: type[models.Model], values: Mapping[str, object]) -> list[object]:
    """Return values as their columns keep them."""
    fields = _by_name(model)
    return [fields[name].get_db_prep_save(value, connection) for name, value in values.items()]


def made(model: type[M], values: Sequence[Any]) -> M:
    """Return the row of a statement that reads `columns` of a model."""
    return model.from_db(connection.alias, _names(model), values)


def columns(model: type[models.Model], *, of: str) -> str:
    """Return the columns of a model as a statement reads them from its part `of`."""
    return ", ".join(f'{of}."{field.column}"' for field in _fields(model))


def _made(model: type[M], found: list[tuple[Any, ...]]) -> M | None:
    return made(model, found[0]) if found else None


def _meta(model: type[models.Model]) -> "Options[Any]":
    return model._meta  # noqa: SLF001 - Django's public way to a model's columns, whatever its name


def _fields(model: type[models.Model], *, given: bool = True) -> list["models.Field[Any, Any]"]:
    """Return the columns of a table; without its key where the database is to give that."""
    return [field for field in _meta(model).concrete_fields if given or not field.primary_key]


@cache
def _by_name(model: type[models.Model]) -> dict[str, "models.Field[Any, Any]"]:
    return {field.name: field for field in _fields(model)}


@cache
def _names(model: type[models.Model]) -> list[str]:
    return [field.attname for field in _fields(model)]


@cache
def _select(model: type[models.Model]) -> str:
    return f"SELECT {_columns(_fields(model))} FROM {_meta(model).db_table} "  # noqa: S608 - names of a model


@cache
def _insert(model: type[models.Model], *, given: bool) -> str:
    table, columns = _meta(model).db_table, _columns(_fields(model, given=given))
    source = f"SELECT {columns} FROM json_populate_record(NULL::{table}, %s) "  # noqa: S608 - names of a model
    return f"INSERT INTO {table} ({columns}) {source}"


@cache
def _update(model: type[models.Model], names: tuple[str, ...]) -> str:
    meta = _meta(model)
    places = ", ".join(f'"{_by_name(model)[name].column}" = %s' for name in names)
    return f"UPDATE {meta.db_table} SET {places} WHERE {meta.pk.column} = %s "  # noqa: S608 - names of a model


@cache
def _key(model: type[models.Model]) -> str:
    return f"RETURNING {_meta(model).pk.column}"


def _columns(fields: list["models.Field[Any, Any]"]) -> str:
    return ", ".join(f'"{field.column}"' for field in fields)
