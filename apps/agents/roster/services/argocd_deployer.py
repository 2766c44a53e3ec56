"""argocd-deployer: brings commits to the cluster through Argo CD. How it works stands in `roster/argocd`."""

from apps.agents.registry.agent import Agent, capability, vendor
from apps.agents.registry.models import AgentType, Risk
from apps.agents.roster.argocd.words import RISKY_NAMES, DeploymentReport
from apps.agents.roster.deployment import DeployWanted
from apps.agents.roster.trials import SYNCS_TO_THE_HEAD

_WORKFLOW = "apps.agents.roster.argocd.workflow.DEPLOYMENT"
_NEEDS = ("argocd-healthy",)
_TIMEOUT_SECONDS = 900


class ArgocdDeployer(Agent):
    """Deploys through Argo CD."""

    agent_id, type, version, max_concurrency = "argocd-deployer", AgentType.API, "1.0.0", 4
    checks = {"argocd-healthy": vendor("argocd")}
    smoke = (SYNCS_TO_THE_HEAD,)

    deploy = capability(
        "deploy-service",
        weight=0.9,
        preferred=True,
        requires=_NEEDS,
        risky_actions=RISKY_NAMES,
        timeout_seconds=_TIMEOUT_SECONDS,
        workflow=_WORKFLOW,
    ).declared(takes=DeployWanted, gives=DeploymentReport)
    """Bring a service to a revision."""

    sync = capability(
        "sync-gitops",
        weight=1.0,
        preferred=True,
        requires=_NEEDS,
        risky_actions=RISKY_NAMES,
        timeout_seconds=_TIMEOUT_SECONDS,
        workflow=_WORKFLOW,
    ).declared(takes=DeployWanted, gives=DeploymentReport)
    """Bring an application to a revision, or see how it stands."""

    roll_back = capability(
        "rollback-service",
        weight=0.9,
        preferred=True,
        requires=_NEEDS,
        risk=Risk.APPROVAL_REQUIRED,
        timeout_seconds=_TIMEOUT_SECONDS,
        workflow=_WORKFLOW,
    ).declared(takes=DeployWanted, gives=DeploymentReport)
    """Bring back what was there before."""
