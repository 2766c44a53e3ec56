"""The attempts of a task, as values of the engine."""

from datetime import timedelta

from apps.agents.registry import steps
from apps.agents.registry.services import starting
from apps.agents.registry.words import Attempt
from meshsix.durable.definition import Phase, Step, Workflow
from meshsix.kit.backoff import Backoff

ENDED = "apps.agents.registry.services.attempts.run_ended"
_ONCE = Backoff(attempts=1, first=timedelta(seconds=1), most=timedelta(seconds=1))
_STUBBORN = Backoff(attempts=10, first=timedelta(seconds=1), most=timedelta(seconds=30))

ATTEMPT = Workflow(
    name=starting.ATTEMPT,
    ask=Attempt,
    queue="agents",
    ended=ENDED,
    phases=(
        Phase(
            name="perform",
            title="The agent works",
            # The timeout is each task's own: services/starting.py gives it to the run.
            stretch=(Step(name="perform", does=steps.perform, backoff=_ONCE, timeout=timedelta(seconds=120)),),
        ),
    ),
)
OUTSIDE = Workflow(
    name=starting.OUTSIDE,
    ask=Attempt,
    queue="agents",
    ended=ENDED,
    phases=(
        Phase(
            name="outside",
            title="An agent outside works",
            stretch=(Step(name="outside", does=steps.outside, backoff=_STUBBORN, timeout=timedelta(seconds=30)),),
        ),
    ),
)


_BEGIN = Phase(
    name="begin",
    title="The agent begins",
    stretch=(Step(name="begin", does=steps.begin, backoff=_STUBBORN, timeout=timedelta(seconds=30)),),
)


def serving(*, name: str, ask: type, phases: tuple[Phase, ...]) -> Workflow:
    """Return a workflow that serves a capability in place of one call of a handler.

    `ask` is what the capability takes; the output of the last step is the task's result. Steps find their task by
    `this.run_id`. `@capability(..., workflow=...)` and DURABLE_WORKFLOWS name it by its dotted path.
    """
    return Workflow(name=name, ask=ask, queue="agents", ended=ENDED, phases=(_BEGIN, *phases))
