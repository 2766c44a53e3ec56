"""kubectl-deployer: applies manifests to the cluster with a person's approval, and looks at it without one."""

from apps.agents.registry.agent import Agent, capability, vendor
from apps.agents.registry.models import AgentType, Risk
from apps.agents.registry.services.jobs import Job
from apps.agents.roster.deployment import DeployWanted
from apps.agents.roster.kubectl import changing, debugging, inspection
from apps.agents.roster.kubectl.words import (
    DebugAsk,
    Deployed,
    InspectAsk,
    Inspected,
    PodsDebugged,
    WorkloadChanged,
    WorkloadWanted,
)
from apps.agents.roster.trials import LOOKS_AT_A_NAMESPACE

_NEEDS = ("kubectl-access",)


class KubectlDeployer(Agent):
    """Deploys manifests by the cluster's API server, once a person has approved, and inspects namespaces."""

    agent_id, type, version, max_concurrency = "kubectl-deployer", AgentType.API, "1.0.0", 4
    smoke = (LOOKS_AT_A_NAMESPACE,)
    checks = {"kubectl-access": vendor("kubernetes")}

    deploy = capability(
        "deploy-service",
        weight=0.7,
        requires=_NEEDS,
        risk=Risk.APPROVAL_REQUIRED,
        preview={"action": "plan"},
        timeout_seconds=900,
        workflow="apps.agents.roster.kubectl.workflow.DEPLOY",
    ).declared(takes=DeployWanted, gives=Deployed)
    """Plan, apply, and follow the rollout."""

    roll_back = capability(
        "rollback-service",
        weight=0.7,
        requires=_NEEDS,
        risk=Risk.APPROVAL_REQUIRED,
        preview={"action": "plan"},
        timeout_seconds=900,
        workflow="apps.agents.roster.kubectl.workflow.ROLLBACK",
    ).declared(takes=DeployWanted, gives=Deployed)
    """Go back to revision `history_id`, else to the one before."""

    @capability(
        "change-workload",
        weight=0.8,
        preferred=True,
        requires=_NEEDS,
        risk=Risk.APPROVAL_REQUIRED,
        preview={"dry_run": True},
        timeout_seconds=120,
    )
    def change(self, ask: WorkloadWanted, job: Job) -> WorkloadChanged:
        """Scale, restart or delete one workload."""
        return changing.change(ask, job)

    @capability("debug-pods", weight=1.0, preferred=True, requires=_NEEDS, timeout_seconds=120)
    def debug(self, ask: DebugAsk, job: Job) -> PodsDebugged:
        """Say what is wrong with pods; works without a model."""
        return debugging.debug(ask, job)

    @capability("inspect-cluster", weight=0.9, preferred=True, requires=_NEEDS, timeout_seconds=120)
    def inspect(self, ask: InspectAsk, job: Job) -> Inspected:
        """Look at a namespace; changes nothing and asks no model."""
        return inspection.inspect(ask, job)
