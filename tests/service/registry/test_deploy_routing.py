"""M3: who deploys, by score; with Argo CD away, the other one, with a person's approval. Test agents of these names."""

import pytest
from pytest_django import Settings

from apps.agents.registry import definitions
from apps.agents.registry.agent import Agent, capability, vendor
from apps.agents.registry.models import AgentType, Check, Risk
from apps.agents.registry.queries import scores
from apps.agents.registry.services import checks, registration
from apps.agents.registry.services.jobs import Job
from apps.agents.registry.states import Why
from meshsix import wiring
from meshsix.kit import clock
from tests.registry_agents import Said, Words, play
from tests.service.registry.conftest import Office


class ArgocdDeployer(Agent):
    """Deploys by Argo CD."""

    agent_id, type, max_concurrency = "argocd-deployer", AgentType.API, 4
    checks = {"argocd-healthy": vendor("argocd")}

    @capability("deploy-service", weight=0.9, preferred=True, requires=("argocd-healthy",))
    def deploy(self, words: Words, job: Job) -> Said:
        return play(self.agent_id, words, job)


class KubectlDeployer(Agent):
    """Deploys by the API server."""

    agent_id, type, max_concurrency = "kubectl-deployer", AgentType.API, 4

    @capability("deploy-service", weight=0.7, risk=Risk.APPROVAL_REQUIRED)
    def deploy(self, words: Words, job: Job) -> Said:
        return play(self.agent_id, words, job)


@pytest.fixture(autouse=True)
def deployers(office: Office) -> None:  # noqa: ARG001 - it opens the database
    """Both are there, and Argo CD is well."""
    for kind in (ArgocdDeployer, KubectlDeployer):
        registration.register(definitions.from_class(kind).definition, instance_id="here")
    Check.objects.update(ok=True, checked_at=clock.now())


def scored() -> dict[str, tuple[float, tuple[Why, ...]]]:
    found = scores.candidates("deploy-service", now=clock.now())
    return {card.agent_id: (round(card.final_score, 6), card.reasons) for card in found}


def test_the_preferred_one_comes_first(office: Office) -> None:
    assert [(name, score) for name, (score, _) in scored().items()] == [
        ("argocd-deployer", 0.945),
        ("kubectl-deployer", 0.7),
    ]
    assert office.submit("deploy-service").dispatched_to == "argocd-deployer"


def test_with_argocd_away_the_other_one_is_proposed_and_rises_by_its_successes(
    office: Office, settings: Settings
) -> None:
    settings.ARGOCD_URL = ""
    wiring.clients.cache_clear()
    checks.refresh(wiring.clients())
    assert scored() == {"argocd-deployer": (0, (Why.DEPENDENCY_DOWN,)), "kubectl-deployer": (0.7, ())}
    task = office.submit("deploy-service")
    assert (task.status, task.proposed_agent) == ("awaiting_approval", "kubectl-deployer")
    office.succeeded("kubectl-deployer", "+++", capability="deploy-service")
    assert scored()["kubectl-deployer"] == (0.77, ())
