"""Rows of models by prepared statements: for those that are read and written all the time.

Composing a statement from a query set takes Django longer than PostgreSQL takes to run it; here each is composed once a
process and planned once a connection. Whoever needs more than one row by its keys takes query sets.
"""

from collections.abc import Mapping
from functools import cache
from typing import Any, LiteralString, TypeVar

from django.db import connection, models
from django.db.models.options import Options

from meshsix import prepared

M = TypeVar("M", bound=models.Model)


def read(model: type[M], rest: LiteralString, values: Mapping[str, Any]) -> M | None:
    """Return the first row for which `rest` holds (`WHERE id = %(id)s FOR NO KEY UPDATE`), None without one."""
    return _made(model, prepared.fetch(_select(model) + rest, values, binary=True))


def insert(row: models.Model) -> None:
    """Store a new row and take over the key that the database gave it. Raises IntegrityError."""
    model, given = type(row), row.pk is not None
    values = [field.get_db_prep_save(getattr(row, field.attname), connection) for field in _fields(model, given=given)]
    row.pk = prepared.fetch(_insert(model, given=given), values)[0][0]
    row._state.adding, row._state.db = False, connection.alias  # noqa: SLF001 - Django has no public word for "stored"


def update(model: type[M], key: object, **values: object) -> M | None:
    """Change columns of the row with this key and return it, None where it is gone."""
    statement = _update(model, tuple(values)) + "RETURNING " + _columns(_fields(model))
    return _made(model, prepared.fetch(statement, [*_kept(model, values), key], binary=True))


def change(row: models.Model, **values: object) -> None:
    """Change columns of a stored row, in the database and at hand."""
    model = type(row)
    prepared.fetch(_update(model, tuple(values)) + "RETURNING true", [*_kept(model, values), row.pk])
    for name, value in values.items():
        setattr(row, name, value)


def _kept(model: type[models.Model], values: Mapping[str, object]) -> list[object]:
    """Return values as their columns keep them."""
    fields = _by_name(model)
    return [fields[name].get_db_prep_save(value, connection) for name, value in values.items()]


def _made(model: type[M], found: list[tuple[Any, ...]]) -> M | None:
    return model.from_db(connection.alias, _names(model), found[0]) if found else None


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
    fields, meta = _fields(model, given=given), _meta(model)
    places = ", ".join(["%s"] * len(fields))
    return (
        f"INSERT INTO {meta.db_table} ({_columns(fields)}) VALUES ({places}) "  # noqa: S608 - names of a model
        f"RETURNING {meta.pk.column}"
    )


@cache
def _update(model: type[models.Model], names: tuple[str, ...]) -> str:
    meta = _meta(model)
    places = ", ".join(f'"{_by_name(model)[name].column}" = %s' for name in names)
    return f"UPDATE {meta.db_table} SET {places} WHERE {meta.pk.column} = %s "  # noqa: S608 - names of a model


def _columns(fields: list["models.Field[Any, Any]"]) -> str:
    return ", ".join(f'"{field.column}"' for field in fields)
