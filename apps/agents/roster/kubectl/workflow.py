"""deploy-service and rollback-service by the API server, as values of the engine."""

from datetime import timedelta

from apps.agents.registry.workflow import serving
from apps.agents.roster.deployment import DeployWanted
from apps.agents.roster.kubectl import rollback, steps
from meshsix.durable.definition import Phase, Step
from meshsix.kit.backoff import Backoff

_BACKOFF = Backoff(attempts=5, first=timedelta(seconds=1), most=timedelta(seconds=20))
_CALLS = timedelta(seconds=120)
"""Up to 100 manifests, each with two calls."""
_SHORT = timedelta(seconds=60)

_FOLLOW = Step(name="follow", does=steps.follow, backoff=_BACKOFF, timeout=timedelta(seconds=60))


def _phases(plan: Step, apply: Step, report: Step) -> tuple[Phase, ...]:
    return (
        Phase(name="apply", title="The change is planned and made", stretch=(plan, apply)),
        Phase(name="follow", title="The pods get ready", stretch=(_FOLLOW, report)),
    )


DEPLOY = serving(
    name="kubectl-deploy",
    ask=DeployWanted,
    phases=_phases(
        Step(name="plan", does=steps.plan, backoff=_BACKOFF, timeout=_CALLS),
        Step(name="apply", does=steps.apply, backoff=_BACKOFF, timeout=_CALLS),
        Step(name="report", does=steps.report, backoff=_BACKOFF, timeout=_SHORT),
    ),
)
ROLLBACK = serving(
    name="kubectl-rollback",
    ask=DeployWanted,
    phases=_phases(
        Step(name="plan", does=rollback.plan, backoff=_BACKOFF, timeout=_SHORT),
        Step(name="apply", does=rollback.apply, backoff=_BACKOFF, timeout=_SHORT),
        Step(name="report", does=rollback.report, backoff=_BACKOFF, timeout=_SHORT),
    ),
)
