"""`manage.py smoke`: agents show that they work through the API of a real web server, with a worker at their side."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.utils.module_loading import import_string
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from apps.agents.registry import definitions
from apps.agents.registry.agent import Agent, capability
from apps.agents.registry.models import Check, History, Task
from apps.agents.registry.services import checks
from apps.agents.registry.services.jobs import Job
from apps.agents.registry.smoke import Asker, Smoke, expect
from apps.projects.credentials.models import AccessToken
from meshsix import wiring
from meshsix.kit import clock
from meshsix.live.models import Event
from tests.models_sandbox import ModelsSandbox
from tests.registry_agents import Said, Words
from tests.service.registry.conftest import Office
from tests.web_process import person

Smoked = Callable[..., tuple[int, dict[str, Any]]]


def says_hello(asker: Asker) -> None:
    answer = asker.ask("greet", {"text": asker.target})
    expect(answer.result["by"] == "writer", "somebody else answered")


class Writer(Agent):
    """Writes to what is named for it."""

    agent_id = "writer"
    smoke = (Smoke(title="says hello", does=says_hello, writes=True),)

    @capability("greet", weight=0.5)
    def greet(self, words: Words, job: Job) -> Said:  # noqa: ARG002 - as handlers are called
        return Said(text=words.text, by=self.agent_id)


class Untried(Agent):
    """Has no smoke test."""

    agent_id = "untried"

    @capability("rest", weight=0.5)
    def rest(self, words: Words, job: Job) -> Said:  # noqa: ARG002 - as handlers are called
        return Said(text=words.text, by=self.agent_id)


@contextmanager
def working(office: Office) -> Iterator[None]:
    """Do what is dispatched, in a thread, for the length of the block."""
    over = threading.Event()

    def work() -> None:
        while not over.wait(0.05):
            for task in Task.objects.filter(status__in=("dispatched", "running")):
                office.work(task)
        connection.close()

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


@pytest.fixture
def smoked(office: Office, live_server: LiveServer, settings: Settings, capsys: pytest.CaptureFixture[str]) -> Smoked:
    """Run the command as an operator; return its exit code and what it printed."""
    settings.AGENTS = {
        "simple-agent": settings.AGENTS["simple-agent"],
        "writer": f"{__name__}.Writer",
        "untried": f"{__name__}.Untried",
    }
    office.register("writer", "untried")
    person("olga", "operator")

    def smoked(*words: str) -> tuple[int, dict[str, Any]]:
        with working(office), pytest.raises(SystemExit) as ended:
            call_command("smoke", *words, "--json", "--as", "olga", "--url", live_server.url)
        told: dict[str, Any] = json.loads(capsys.readouterr().out)
        return int(ended.value.code or 0), told

    return smoked


def endings(told: dict[str, Any]) -> list[tuple[str, str]]:
    return [(each["agent_id"], each["ending"]) for each in told["results"]]


def test_an_agent_shows_that_it_works_and_on_what_it_rests(smoked: Smoked) -> None:
    code, told = smoked("simple-agent")
    assert endings(told) == [("simple-agent", "passed"), ("simple-agent", "passed")], told
    assert (code, told["good"]) == (0, True)
    first = told["results"][0]
    assert first["title"].startswith("M1")
    assert first["seconds"] > 0
    assert first["basis"]["tools"] == [{"name": "calculate", "calls": 1, "failed": 0}]
    assert {task.requested_by for task in Task.objects.all()} == {"olga"}
    assert AccessToken.objects.get().revoked_at is not None


def test_a_smoke_run_leaves_its_events_and_a_history_row_for_each_attempt(smoked: Smoked) -> None:
    smoked("simple-agent")
    tasks = list(Task.objects.all())
    told = set(Event.objects.filter(task_id__in=[str(task.pk) for task in tasks]).values_list("event_type", flat=True))
    assert told >= {"llm.call", "llm.response", "tool.invocation", "tool.result", "state.transition"}
    rows = History.objects.values_list("task_id", "attempt")
    assert sorted(rows) == sorted((task.pk, number) for task in tasks for number in range(1, task.attempts + 1))


def test_an_agent_that_answers_wrongly_does_not_pass(smoked: Smoked, litellm: ModelsSandbox) -> None:
    litellm.says({"answer": {"content": "I do not know."}})
    code, told = smoked("simple-agent")
    assert code == 1
    assert (told["results"][0]["ending"], "no 4" in told["results"][0]["detail"]) == ("failed", True)


def test_what_is_not_configured_is_named_and_fails_only_where_it_was_asked_for(smoked: Smoked) -> None:
    code, told = smoked("agents")
    assert code == 0
    assert endings(told)[2:] == [*[("argocd-deployer", "skipped")] * 4, ("architect-agent", "skipped")]
    assert told["results"][-1]["detail"] == "architect-agent is not configured"
    assert told["results"][2]["detail"] == "argocd-deployer, kubectl-deployer is not configured"
    code, told = smoked("architect-agent")
    assert (code, endings(told)) == (1, [("architect-agent", "skipped")])


def test_one_that_writes_runs_only_where_a_target_is_named(smoked: Smoked, settings: Settings) -> None:
    code, told = smoked("writer")
    assert (code, endings(told), Task.objects.count()) == (1, [("writer", "skipped")], 0)
    settings.SMOKE_TARGETS = {"writer": "a-place"}
    code, told = smoked("writer")
    assert (code, endings(told)) == (0, [("writer", "passed")])
    assert Task.objects.get().payload == {"text": "a-place"}


def test_a_vendor_without_an_address_is_no_failure_of_the_agent(smoked: Smoked, settings: Settings) -> None:
    for client in (wiring.clients().litellm, wiring.clients().models):
        if client is not None:
            client.close()
    settings.LITELLM_URL = ""
    wiring.clients.cache_clear()
    Check.objects.update(due_at=clock.now())
    checks.refresh(wiring.clients())
    code, told = smoked()
    assert (code, endings(told)) == (
        0,
        [("simple-agent", "skipped"), ("simple-agent", "skipped"), ("untried", "skipped"), ("writer", "skipped")],
    )
    assert "not configured" in told["results"][0]["detail"]


@pytest.mark.django_db
def test_the_asking_account_must_be_there_and_may_ask() -> None:
    with pytest.raises(CommandError, match="no active account"):
        call_command("smoke", "simple-agent", "--as", "nobody")
    person("vera", "viewer")
    with pytest.raises(CommandError, match="operator"):
        call_command("smoke", "simple-agent", "--as", "vera")


def test_every_agent_that_ships_has_a_smoke_test(settings: Settings) -> None:
    assert [name for name in settings.AGENTS if not definitions.deployed(name).agent.smoke] == []


RESULTS = {"task.dispatched", "state.transition", "task.result"}
MODELS = RESULTS | {"llm.call", "llm.response"}


@pytest.mark.parametrize(
    ("path", "leaves"),
    [
        ("simple_agent.SimpleAgent", MODELS),
        ("architect_agent.ArchitectAgent", MODELS),
        ("researcher_agent.ResearcherAgent", MODELS),
        ("context_service.ContextService", MODELS),
        ("notifier.Notifier", RESULTS),
    ],
)
def test_what_ships_passes_its_own_smoke_test_and_leaves_its_events_and_history(
    smoked: Smoked, office: Office, settings: Settings, path: str, leaves: set[str]
) -> None:
    agent_class = import_string(f"apps.agents.roster.services.{path}")
    settings.AGENTS = {agent_class.agent_id: f"apps.agents.roster.services.{path}"}
    settings.SMOKE_TARGETS = {"notifier": "console"}
    office.register(agent_class.agent_id)
    checks.refresh(wiring.clients())
    code, told = smoked(agent_class.agent_id)
    tried = [(agent_class.agent_id, "passed") for _ in agent_class.smoke]
    assert (code, endings(told)) == (0, tried), [each["detail"] for each in told["results"]]
    tasks = list(Task.objects.all())
    assert len(tasks) >= len(tried)
    for task in tasks:
        rows = Event.objects.filter(aggregate_id=f"task:{task.task_id}")
        assert set(rows.values_list("event_type", flat=True)) >= leaves, task.capability
        assert office.history(task) == [(1, agent_class.agent_id, "", True)]
