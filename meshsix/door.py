"""The door process: takes GitHub's deliveries and nothing else, for installations that receive many.

    granian --interface asgi --no-ws meshsix.door:application

It needs PostgreSQL and Vault as the web process does; behind one address, a proxy sends `/webhooks/github` to it. Where
none runs, the web process takes deliveries through the same code.
"""

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "meshsix.settings")

import django

django.setup()  # loads the apps, which everything below needs

from apps.webhooks.doors.process import Application  # noqa: E402 - after the apps are loaded

application = Application()
