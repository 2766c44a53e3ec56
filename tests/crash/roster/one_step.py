"""Run a step of a run in this process, which may be killed: `python -m tests.crash.roster.one_step RUN STEP`."""

import os
import sys
from uuid import UUID

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "meshsix.settings")
django.setup()

from meshsix.durable import stretches  # noqa: E402 - models are known once Django is set up

if __name__ == "__main__":
    stretches.run(UUID(sys.argv[1]), sys.argv[2], in_chord=False)
