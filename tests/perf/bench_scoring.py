"""How long it takes to score 1,000 agents that offer one capability, with little and with much history.

Run `python -m tests.perf.bench_scoring`. Each agent has two checks, an instance and a newest 20 attempts; the history
holds 10,000 and then 5,000,000 rows. A dispatch scores as is measured here: the statement, and a card for each agent.
Processor time is that of the server's process and of this one, which a busy machine makes hardly longer. Goal: p95 in
25 ms, and at most 1.5 times the time with 10,000 rows.
"""

import json
import os
import statistics
import sys
import time

from tests import servers
from tests.perf.sizes import size

AGENTS = size(1000, small=50)
LITTLE, MUCH = size(10_000, small=500), size(5_000_000, small=5000)
CALLS = size(200, small=10)
WARM_UP = 10

if "DJANGO_SECRET_KEY" not in os.environ:
    servers.set_environment()

import django  # noqa: E402 - after the environment is set

django.setup()

from django.core.management import call_command  # noqa: E402 - after django.setup

from apps.agents.registry.queries import scores  # noqa: E402 - after django.setup
from meshsix.kit import clock  # noqa: E402 - after django.setup
from tests.perf import registry_rows  # noqa: E402 - after django.setup

Figures = dict[str, float]


def _score() -> None:
    found = scores.candidates(registry_rows.CAPABILITY, now=clock.now())
    assert len(found) == AGENTS


def _measure(rows: int) -> Figures:
    """Score again and again; return milliseconds."""
    registry_rows.fill_history(rows, agents=AGENTS)
    for _ in range(WARM_UP):
        _score()
    processes = registry_rows.ourselves_and_server()
    took, spent = [], registry_rows.spent(processes)
    for _ in range(CALLS):
        began = time.perf_counter()
        _score()
        took.append((time.perf_counter() - began) * 1000)
    cuts = statistics.quantiles(took, n=20)
    return {
        "agents": AGENTS,
        "history_rows": rows,
        "p50_ms": round(cuts[9], 2),
        "p95_ms": round(cuts[18], 2),
        "cpu_ms": round((registry_rows.spent(processes) - spent) / CALLS * 1000, 2),
    }


def measure() -> dict[str, Figures]:
    """Return the figures with little and with much history, and the ratio between."""
    registry_rows.fill(AGENTS)
    little, much = _measure(LITTLE), _measure(MUCH)
    return {
        "little_history": little,
        "much_history": much,
        "ratios": {
            "p50_with_500_times_the_history": round(much["p50_ms"] / little["p50_ms"], 2),
            "p95_with_500_times_the_history": round(much["p95_ms"] / little["p95_ms"], 2),
            "cpu_with_500_times_the_history": round(much["cpu_ms"] / little["cpu_ms"], 2),
        },
    }


if __name__ == "__main__":
    call_command("migrate", verbosity=0, skip_checks=True)
    sys.stdout.write(json.dumps(measure(), indent=2) + "\n")
