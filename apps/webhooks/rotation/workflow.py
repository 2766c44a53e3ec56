"""The rotation of a hook's secret, as a value. What each step does stands in steps.py."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from apps.webhooks.rotation import steps
from meshsix.durable.definition import Phase, Step, Workflow
from meshsix.kit.backoff import Backoff

_BACKOFF = Backoff(attempts=8, first=timedelta(seconds=2), most=timedelta(minutes=2))
_TIMEOUT = timedelta(seconds=60)


def _step(does: Callable[[Any, Any], Any]) -> Step:
    return Step(name=does.__name__, does=does, backoff=_BACKOFF, timeout=_TIMEOUT)


ROTATION = Workflow(
    name="webhook-secret-rotation",
    ask=steps.Ask,
    queue="webhooks",
    phases=(
        Phase(
            name="rotation",
            title="A new secret for a webhook",
            stretch=(
                _step(steps.write_secret),
                _step(steps.announce_secret),
                _step(steps.give_secret_to_github),
                _step(steps.record_rotation),
                _step(steps.ask_for_ping),
            ),
        ),
    ),
)
