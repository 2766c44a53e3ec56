"""The Celery application. Messages are hints: losing all of them costs seconds (see meshsix/durable/README.md)."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "meshsix.settings")

app = Celery("meshsix")
