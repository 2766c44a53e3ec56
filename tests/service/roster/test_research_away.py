"""Research while a vendor is away: it is named, nothing that was not read is told, and nothing breaks."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from pytest_django import Settings

from apps.agents.registry.models import Task
from apps.agents.roster.basis import NO_SOURCE
from meshsix.kit import clock
from tests.models_sandbox import ModelsSandbox
from tests.sandboxes import Sandbox, sandbox
from tests.service.architect.conftest import PROJECT, onboard
from tests.service.registry.conftest import Office
from tests.service.roster.deep_desk import (
    finding,
    finds,
    one_step,
    reading,
    result_of,
    says,
    states,
    submitted,
)
from tests.service.roster.web_sandbox import Site, site, web_server

__all__ = ["reading", "site", "web_server"]
pytestmark = pytest.mark.usefixtures("reading")
TOKEN = "planted-github-token"


@pytest.fixture(scope="module")
def github_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    config = {"tokens": [{"token": TOKEN, "login": "octo-user"}]}
    with sandbox("github", tmp_path_factory.mktemp("github"), config) as server:
        yield server


@pytest.fixture
def github(github_server: Sandbox, litellm: ModelsSandbox, settings: Settings) -> Sandbox:
    """GitHub, which answers nothing, with a project that lives there."""
    github_server.reset()
    github_server.fault("status", status=503, times=None)
    settings.GITHUB_API_URL = settings.GITHUB_WEB_URL = github_server.url
    settings.GITHUB_TOKEN, settings.GITHUB_WRITE_INTERVAL = TOKEN, timedelta()
    onboard(litellm)
    return github_server


def asked(office: Office, capability: str, *fetchers: str, project: str = "") -> Task:
    given = {"text": None, "modes": None, "query": "What does Heron do?", "depth": "quick", "fetchers": list(fetchers)}
    return office.submit(capability, payload=given, project=project)


def tells_nothing_of_it(result: dict[str, Any]) -> None:
    """Nothing that was not read is a source or a finding; the notice says so."""
    assert (result["grounded"], result["key_findings"], result["sources"]) == (False, [], [])
    assert (result["notice"], result["basis"]["sources"]) == (NO_SOURCE, [])
    assert [each["finding"] for each in result["unsupported"]] == ["7 times"]


@pytest.mark.parametrize(("path", "named"), [("README.md", "repository README.md"), ("", "repository")])
def test_github_away_is_named_by_technical_research(
    office: Office, litellm: ModelsSandbox, github: Sandbox, path: str, named: str
) -> None:
    finds(litellm, finding("7 times", "S1"))
    wish = {"name": "repository", "arguments": {"query": path}}
    litellm.says({"when": {"speaker": "user", "tool": "repository"}, "times": 1, "answer": {"tool_calls": [wish]}})
    result = result_of(office.work(asked(office, "technical-research", "repository", project=PROJECT)))
    tells_nothing_of_it(result)
    assert [each for each in result["basis"]["missing"] if each.startswith(f"{named}: github: ")]
    assert result["basis"]["tools"] == [{"name": "repository", "calls": 1, "failed": 1}]
    assert github.requests()


def test_github_away_is_named_by_deep_research(office: Office, litellm: ModelsSandbox, github: Sandbox) -> None:
    finds(litellm, finding("7 times", "S1"))
    says(litellm, "PlanWords", wishes=[{"fetcher": "repository", "query": "README.md"}])
    result = result_of(office.work(asked(office, "deep-research", "repository", project=PROJECT)))
    tells_nothing_of_it(result)
    named = "repository README.md"
    assert [each for each in result["basis"]["missing"] if each.startswith(f"{named}: github: ")]
    assert result["basis"]["tools"] == [{"name": "repository", "calls": 1, "failed": 1}]
    assert github.requests()


@pytest.mark.parametrize(("path", "tool"), [("/search", "search"), ("/docs/*", "web")])
def test_a_site_or_a_search_away_is_named_by_deep_research(
    office: Office, litellm: ModelsSandbox, site: Site, path: str, tool: str
) -> None:
    site.fault("status", status=503, match={"path": path}, times=None)
    finds(litellm, finding("7 times", "S1"))
    result = result_of(office.work(submitted(office)))
    tells_nothing_of_it(result)
    (used,) = [each for each in result["basis"]["tools"] if each["name"] == tool]
    assert used["calls"] == used["failed"] > 0
    named = ["search"] if tool == "search" else [site.at(each) for each in ("/docs/retries", "/docs/storage")]
    for each in named:
        assert [told for told in result["basis"]["missing"] if told.startswith(f"{each}: ")], result["basis"]
        assert [told for told in result["missing_information"] if told.startswith(f"{each}: ")]


def worked_to_its_end(office: Office, task: Task) -> Task:
    """Let the attempt go on whenever its next wait is over, until it ends; a minute passes at a time."""
    for minutes in range(1, 120):
        with clock.moved(timedelta(minutes=minutes)):
            office.work(task)
        if task.status not in {"dispatched", "running"}:
            return task
    pytest.fail(f"{task.status} {states(task)}")


@pytest.mark.parametrize("done", [(), ("plan", "fetch_1"), ("plan", "fetch_1", "read_1")])
def test_a_model_away_for_good_ends_the_attempt_of_deep_research_by_its_name(
    office: Office, litellm: ModelsSandbox, done: tuple[str, ...]
) -> None:
    finds(litellm, finding("7 times", "S1"))
    task = office.begin(submitted(office))
    for name in done:
        one_step(task, name)
    litellm.fault("status", status=503, match={"path": "/chat/completions"}, times=None)
    task = worked_to_its_end(office, task)
    assert (task.status, task.result) == ("pending", None)
    assert task.error is not None
    assert (task.error["type"], "litellm" in task.error["message"].lower()) == ("try_later", True), task.error
    assert "failed" in states(task).values()


def test_a_model_away_ends_the_attempt_of_technical_research_by_its_name(
    office: Office, litellm: ModelsSandbox, site: Site
) -> None:
    litellm.fault("status", status=503, match={"path": "/chat/completions"}, times=None)
    task = office.work(asked(office, "technical-research", "search", "web"))
    assert (task.status, task.result) == ("pending", None)
    assert task.error is not None
    assert (task.error["type"], "litellm" in task.error["message"].lower()) == ("try_later", True), task.error
    assert site.requests()
