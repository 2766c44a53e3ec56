"""Signatures that were not believed are counted by hook and minute."""

from datetime import timedelta

import pytest
from django.db import connection

from apps.projects.models import Hook
from apps.webhooks import tasks
from apps.webhooks.doors.refusals import REFUSALS
from apps.webhooks.models import Refusals
from meshsix.kit import clock

pytestmark = pytest.mark.usefixtures("transactional_db")


def written(hook: Hook) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT coalesce(sum(number), 0) FROM webhook_refusals WHERE hook_id = %s", [hook.pk])
        row: tuple[int] = cursor.fetchone()
        return row[0]


def test_refusals_are_added_up_and_those_of_a_hook_that_is_gone_are_dropped(repository_hook: Hook) -> None:
    REFUSALS.write()  # what other tests left
    before = written(repository_hook)
    for key in (repository_hook.pk, repository_hook.pk, "gone"):
        REFUSALS.count(key)
    assert written(repository_hook) == before
    REFUSALS.write()
    assert written(repository_hook) == before + 2
    REFUSALS.count(repository_hook.pk)
    REFUSALS.write()
    assert written(repository_hook) == before + 3


def test_what_is_older_than_it_is_kept_goes_every_day(repository_hook: Hook) -> None:
    for days in (1, 6, 8, 400):
        Refusals.objects.create(hook=repository_hook, minute=clock.now() - timedelta(days=days), number=days)
    tasks.forget_payloads()
    assert written(repository_hook) == 1 + 6
