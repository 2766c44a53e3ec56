"""Migrate a database that holds running pauses as version 0004 of the registry kept them; print what became of them.

A process of its own, since it needs a database of its own.
"""

import json
import os
import sys
from datetime import timedelta
from uuid import UUID

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "meshsix.settings")
django.setup()

from django.core.management import call_command  # noqa: E402 - once Django is set up
from django.db import connection  # noqa: E402 - once Django is set up
from django.db.migrations.executor import MigrationExecutor  # noqa: E402 - once Django is set up
from django.utils import timezone  # noqa: E402 - once Django is set up

from apps.agents.registry.models import Task  # noqa: E402 - models are known once Django is set up

BEFORE = [("registry", "0004_settings_of_operators")]
PAUSES = {UUID(int=1): timedelta(hours=1), UUID(int=2): timedelta(hours=-1), UUID(int=3): None}


def main() -> None:
    """Keep a pause that lasts, one that is over and none, then migrate."""
    executor = MigrationExecutor(connection)
    executor.migrate(BEFORE)
    kept = executor.loader.project_state(BEFORE).apps.get_model("registry", "Task")
    now = timezone.now()
    facts = {"capability": "echo", "dispatched_to": "alpha", "payload": {}, "wait_until": now + timedelta(days=1)}
    for task_id, pause in PAUSES.items():
        kept.objects.create(task_id=task_id, same_agent_at=None if pause is None else now + pause, **facts)
    was = kept.objects.get(pk=UUID(int=1)).same_agent_at
    call_command("migrate", verbosity=0)
    found = Task.objects.order_by("pk").values_list("pauses", flat=True)
    sys.stdout.write(json.dumps({"was": was.isoformat(), "pauses": list(found)}))


if __name__ == "__main__":
    main()
