"""A start brings the database up to date unless nothing has changed since an earlier one did."""

from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth.models import User

from deploy.local import schema
from deploy.local.kept import Kept

pytestmark = pytest.mark.django_db(transaction=True)


def url(name: str | None = None) -> str:
    database = settings.DATABASES["default"]
    return "postgresql://{USER}:{PASSWORD}@{HOST}:{PORT}/{NAME}".format(
        **{**database, "NAME": name or database["NAME"]}
    )


def test_the_mark_stays_until_something_has_to_be_done() -> None:
    before = schema.mark(url())
    assert before is not None
    assert schema.mark(url()) == before
    User.objects.create(username="demo")
    assert schema.mark(url()) != before


def test_without_a_schema_or_a_database_there_is_no_mark() -> None:
    assert schema.mark(url("template1")) is None
    assert schema.mark(url("nowhere")) is None
    assert schema.mark("") is None


def test_only_the_mark_that_was_kept_counts(tmp_path: Path) -> None:
    kept = Kept(tmp_path / "stack.json")
    assert not kept.is_prepared("a mark")
    kept.prepared("a mark")
    kept.save()
    again = Kept(tmp_path / "stack.json")
    assert again.is_prepared("a mark")
    assert not again.is_prepared("another")
    assert not again.is_prepared(None)
