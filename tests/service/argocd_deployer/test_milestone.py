"""M3 and the agent's own smoke test, through the API of a real web server, with a worker at their side."""

import json
from typing import Any

import pytest
from django.core.management import call_command
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from apps.agents.registry.models import Check
from meshsix.kit import clock
from tests.service.argocd_deployer.conftest import Deployer
from tests.service.roster.test_smoke import endings, working
from tests.web_process import person


@pytest.fixture
def others(live_server: LiveServer, deployer: Deployer, settings: Settings) -> LiveServer:
    """Both deployers are there, and nobody else."""
    settings.AGENTS = {name: settings.AGENTS[name] for name in ("argocd-deployer", "kubectl-deployer")}
    settings.SMOKE_TARGETS = {"argocd-deployer": "mesh-six"}
    deployer.office.register("kubectl-deployer")
    Check.objects.update(ok=True, checked_at=clock.now())
    person("olga", "operator")
    return live_server


def smoked(server: LiveServer, deployer: Deployer, capsys: pytest.CaptureFixture[str], *names: str) -> dict[str, Any]:
    with working(deployer.office), pytest.raises(SystemExit):
        call_command("smoke", *names, "--json", "--as", "olga", "--url", server.url)
    told: dict[str, Any] = json.loads(capsys.readouterr().out)
    return told


def test_the_milestone_and_the_smoke_test_pass_also_a_second_time(
    others: LiveServer, deployer: Deployer, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    deployer.commit(colour="green")
    for _ in range(2):
        told = smoked(others, deployer, capsys, "agents", "argocd-deployer")
        ours = [each for each in endings(told) if each[0] == "argocd-deployer"]
        assert ours == [("argocd-deployer", "passed")] * 5, told
    assert deployer.live() == {"colour": "green"}
    settings.ARGOCD_ALLOWED_APPLICATIONS = ["mesh-six"]
    told = smoked(others, deployer, capsys, "agents")
    assert [each["detail"] for each in told["results"] if "missing" in each["title"]] == [
        "ARGOCD_ALLOWED_APPLICATIONS does not allow the application test-service, which nobody has"
    ]
