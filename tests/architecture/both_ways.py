"""Migrate an empty database forward, every app of ours back, and forward again; print what was left in between.

A process of its own, since it needs a database of its own.
"""

import json
import os
import sys

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "meshsix.settings")
django.setup()

from django.apps import apps  # noqa: E402 - apps are known once Django is set up
from django.core.management import call_command  # noqa: E402 - once Django is set up
from django.db import connection  # noqa: E402 - once Django is set up

_OTHERS = ("django_", "auth_")


def main() -> None:
    """Go both ways."""
    call_command("migrate", verbosity=0)
    for app in reversed(list(apps.get_app_configs())):
        if app.name.startswith(("meshsix", "apps")) and app.models_module:
            call_command("migrate", app.label, "zero", verbosity=0)
    left = [name for name in connection.introspection.table_names() if not name.startswith(_OTHERS)]
    call_command("migrate", verbosity=0)
    sys.stdout.write(json.dumps(left))


if __name__ == "__main__":
    main()
