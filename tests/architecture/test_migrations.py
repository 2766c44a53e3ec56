"""Migrations are complete, and go forward and back."""

import json
import os
import subprocess
import sys
from datetime import datetime

import psycopg
import pytest
from django.apps import apps
from django.conf import settings
from psycopg import sql

from tests.tree import BASE

OURS = [app.label for app in apps.get_app_configs() if app.name.startswith(("meshsix", "apps"))]


def python(*words: str, url: str) -> str:
    """Run Python with the platform's settings on another database; return what it says."""
    environ = {**os.environ, "DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "meshsix.settings"}
    done = subprocess.run([sys.executable, *words], cwd=BASE, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


@pytest.fixture
def empty_database(worker_id: str) -> str:
    """The address of a database of its own."""
    url = os.environ["DATABASE_URL"]
    name = f"migrations_{worker_id}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    return url.rpartition("/")[0] + f"/{name}"


def test_no_model_has_changed_without_a_migration() -> None:
    python("manage.py", "makemigrations", "--check", "--dry-run", url=os.environ["DATABASE_URL"])


def test_migrations_go_forward_back_and_forward_again(empty_database: str) -> None:
    assert json.loads(python("-m", "tests.architecture.both_ways", url=empty_database)) == []


def test_a_pause_that_lasts_is_taken_over(empty_database: str) -> None:
    told = json.loads(python("-m", "tests.architecture.takes_over", url=empty_database))
    kept, *others = told["pauses"]
    assert datetime.fromisoformat(kept["alpha"]) == datetime.fromisoformat(told["was"])
    assert others == [None, None]


def test_every_app_of_ours_is_installed() -> None:
    assert {name for name in settings.INSTALLED_APPS if name.startswith(("meshsix", "apps"))} == {
        app.name for app in apps.get_app_configs() if app.label in OURS
    }
