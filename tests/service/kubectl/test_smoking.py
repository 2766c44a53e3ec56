"""`manage.py smoke kubectl-deployer` against the sandbox's cluster, through the API of a real web server."""

import json

import pytest
from django.core.management import call_command
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from tests.service.kubectl.conftest import NAMESPACE, Yard
from tests.service.roster.test_smoke import working
from tests.web_process import person


@pytest.mark.django_db(transaction=True)
def test_it_shows_one_namespace_and_refuses_another(
    live_server: LiveServer, yard: Yard, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    person("olga", "operator")
    settings.AGENTS = {"kubectl-deployer": settings.AGENTS["kubectl-deployer"]}
    with working(yard.office), pytest.raises(SystemExit) as ended:
        call_command("smoke", "kubectl-deployer", "--json", "--as", "olga", "--url", live_server.url)
    (told,) = json.loads(capsys.readouterr().out)["results"]
    assert (ended.value.code or 0, told["ending"]) == (0, "passed"), told
    asked = {each["path"].split("/namespaces/")[1].partition("/")[0] for each in yard.kubernetes.requests()}
    assert asked == {NAMESPACE}
