"""What the beats of 1,000 agents cost: one UPDATE an instance each 30 s, and the status that follows from them.

Run `python -m tests.perf.bench_beats`. Each agent has one instance of its own, the dearest case: an instance that works
as several agents beats for all of them at once. Processor time is that of the server's process and of this one; the
share is of one processor, with beats every 30 s and the watch over all of them every 15 s.
"""

import json
import os
import sys

from tests import servers
from tests.perf.sizes import size

AGENTS = size(1000, small=50)
ROUNDS = size(5, small=1)
WATCH_EVERY_SECONDS = 15

if "DJANGO_SECRET_KEY" not in os.environ:
    servers.set_environment()

import django  # noqa: E402 - after the environment is set

django.setup()

from django.core.management import call_command  # noqa: E402 - after django.setup

from apps.agents.registry.models import Instance  # noqa: E402 - after django.setup
from apps.agents.registry.queries import agents as agent_queries  # noqa: E402 - after django.setup
from apps.agents.registry.services import registration  # noqa: E402 - after django.setup
from apps.agents.registry.states import BEAT_EVERY  # noqa: E402 - after django.setup
from tests.perf import registry_rows  # noqa: E402 - after django.setup

Figures = dict[str, float]


def measure() -> Figures:
    """Return milliseconds of processor time, and the share of a processor that they are."""
    registry_rows.fill(AGENTS)
    names = list(Instance.objects.values_list("instance_id", flat=True))
    processes = registry_rows.ourselves_and_server()
    registration.beat(names[0])
    began = registry_rows.spent(processes)
    for _ in range(ROUNDS):
        for name in names:
            assert registration.beat(name) == 1
    beaten = registry_rows.spent(processes)
    for _ in range(ROUNDS):
        assert len(agent_queries.statuses()) == AGENTS
    watched = registry_rows.spent(processes)
    round_of_beats = (beaten - began) / ROUNDS
    watch = (watched - beaten) / ROUNDS
    share = round_of_beats / BEAT_EVERY.total_seconds() + watch / WATCH_EVERY_SECONDS
    return {
        "agents": AGENTS,
        "cpu_of_a_beat_ms": round(round_of_beats / AGENTS * 1000, 3),
        "cpu_of_all_beats_once_ms": round(round_of_beats * 1000, 1),
        "cpu_of_a_look_at_all_ms": round(watch * 1000, 1),
        "share_of_a_processor_percent": round(share * 100, 2),
    }


if __name__ == "__main__":
    call_command("migrate", verbosity=0, skip_checks=True)
    sys.stdout.write(json.dumps(measure(), indent=2) + "\n")
