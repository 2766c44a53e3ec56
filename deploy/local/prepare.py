"""Bring the database of a stack up to date and make sure that somebody can sign in.

The launcher runs it as a process of its own, with the environment of the platform, so that the launcher itself needs
no Django. What it prints on its last line is JSON: `{"user": "demo", "password": "...", "token": "..."}`, the
password only when it was set just now and the token only when asked for.
"""

import argparse
import json
import os
import secrets
import sys
from datetime import timedelta

import django
from django.core.management import call_command

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "meshsix.settings")
django.setup()

from django.contrib.auth.models import Group, User  # noqa: E402 - models exist once Django is set up

from apps.projects.credentials import tokens  # noqa: E402 - models exist once Django is set up

USER = "demo"
_TOKEN_LIFE = timedelta(hours=1)


def somebody(*, new_password: bool) -> str | None:
    """Make the account with every role, if it is absent; return its password if one was set, else None."""
    user, made = User.objects.get_or_create(username=USER, defaults={"is_staff": True, "is_superuser": True})
    user.groups.set(Group.objects.all())
    if not (made or new_password):
        return None
    password = secrets.token_urlsafe(12)
    user.set_password(password)
    user.save()
    return password


def main() -> None:
    """Migrate, make the event log's partitions, then see to the account."""
    parser = argparse.ArgumentParser(prog="python -m deploy.local.prepare")
    parser.add_argument("--new-password", action="store_true", help="set a new password for the account and print it")
    parser.add_argument("--token", action="store_true", help="issue a token that may operate, for an hour")
    asked = parser.parse_args()
    call_command("migrate", interactive=False, verbosity=0)
    call_command("ensure_partitions", "--json")
    password = somebody(new_password=asked.new_password)
    token = _token() if asked.token else None
    sys.stdout.write(json.dumps({"user": USER, "password": password, "token": token}) + "\n")


def _token() -> str:
    """Issue a token for the demo's own calls of the API."""
    owner = User.objects.get(username=USER)
    return tokens.issue(owner, ["read", "operate"], name="demo", life=_TOKEN_LIFE).plaintext


if __name__ == "__main__":
    main()
