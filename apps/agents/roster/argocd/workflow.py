"""The deployment as a value of the engine: one workflow serves all capabilities of argocd-deployer."""

from datetime import timedelta

from apps.agents.registry.workflow import serving
from apps.agents.roster.argocd import steps
from apps.agents.roster.deployment import DeployWanted
from meshsix.durable.definition import Phase, Step
from meshsix.kit.backoff import Backoff

_BACKOFF = Backoff(attempts=6, first=timedelta(seconds=1), most=timedelta(seconds=30))
_TIMEOUT = timedelta(seconds=60)

DEPLOYMENT = serving(
    name="argocd-deployment",
    ask=DeployWanted,
    phases=(
        Phase(
            name="deploy",
            title="Argo CD deploys",
            stretch=(
                Step(name="aim", does=steps.aim, backoff=_BACKOFF, timeout=_TIMEOUT),
                Step(name="change", does=steps.change, backoff=_BACKOFF, timeout=_TIMEOUT),
                Step(name="follow", does=steps.follow, backoff=_BACKOFF, timeout=_TIMEOUT),
            ),
        ),
    ),
)
