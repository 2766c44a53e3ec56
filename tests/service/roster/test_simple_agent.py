"""simple-agent from the request to the result: tools, memory of one person, budget, and what it leaves behind."""

from decimal import Decimal

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from apps.agents.llm.models import CostSource, LlmCall
from apps.agents.memory import reflection
from apps.agents.memory.models import Memory
from apps.agents.memory.scopes import Kind, Scope
from apps.agents.registry import steps
from apps.agents.registry.models import Check, Task
from apps.agents.registry.services import jobs
from apps.agents.registry.services.submission import Invalid
from apps.agents.registry.words import Outcome
from apps.agents.roster.basis import NO_SOURCE
from meshsix import wiring
from meshsix.kit import clock
from meshsix.live.models import Event
from tests.agents_platform import onboarded
from tests.models_sandbox import ModelsSandbox
from tests.service.registry.conftest import BERT, Office


def asked(office: Office, query: str, **payload: object) -> Task:
    """Ask and let the agent work."""
    given = {"text": None, "modes": None, "query": query, **payload}
    return office.work(office.submit("general-query", payload=given))


def recalled(task: Task) -> int:
    rows = Event.objects.filter(aggregate_id=f"task:{task.task_id}", event_type="tool.result")
    return int(rows.get(payload__tool_name="memory.recall").payload["count"])


def test_a_sum_is_reckoned_by_the_tool_and_told_by_the_model(office: Office, litellm: ModelsSandbox) -> None:
    task = asked(office, "What is 2+2?")
    assert (task.status, task.dispatched_to, task.error) == ("completed", "simple-agent", None)
    assert task.result is not None
    assert "4" in task.result["response"]
    assert task.result["basis"] == {
        "models": ["claude-haiku"],
        "tools": [{"name": "calculate", "calls": 1, "failed": 0}],
        "sources": [],
        "missing": [],
        "notice": "",
    }
    first, second = litellm.asked()
    assert {each["function"]["name"] for each in first["tools"]} == {"calculate", "current_time"}
    assert [each["content"] for each in second["messages"] if each["role"] == "tool"] == ["4"]
    assert office.history(task) == [(1, "simple-agent", "", True)]
    events = office.events(task)
    assert events[:3] == ["None>pending", "task.dispatched", "dispatched>running"]
    said = ["llm.call", "llm.response"]
    assert events[-7:] == ["tool.invocation", "tool.result", *said, *said, "task.result"]
    assert LlmCall.objects.filter(task_id=str(task.task_id), agent_id="simple-agent", purpose="answer").count() == 2


def test_without_a_tool_the_answer_says_that_it_rests_on_nothing(office: Office) -> None:
    task = asked(office, "How are you?")
    assert task.result is not None
    assert (task.result["basis"]["tools"], task.result["basis"]["notice"]) == ([], NO_SOURCE)


@pytest.mark.parametrize("embeddings", ["answer", "are stopped"])
def test_a_wish_is_remembered_for_its_person_alone(office: Office, litellm: ModelsSandbox, embeddings: str) -> None:
    if embeddings == "are stopped":
        litellm.fault("status", match={"path": "/embeddings"}, times=None)
    first = asked(office, "Please answer concisely. What is DNS?", user_id="ada")
    second = asked(office, "And TLS?", user_id="ada")
    other = asked(office, "And TLS?", user_id="bob")
    assert [recalled(each) for each in (first, second, other)] == [0, 1, 0]
    assert second.result is not None
    assert second.result["memories_used"] == 1
    system = [each["messages"][0]["content"] for each in litellm.asked()]
    assert ["concisely" in each for each in system] == [False, True, False]


def test_who_asked_for_the_task_is_the_person_where_none_is_named(office: Office) -> None:
    asked(office, "Please answer concisely.")
    assert Memory.objects.get().subject == "anna"
    assert recalled(asked(office, "What is TLS?")) == 1


def test_a_name_opens_nobody_elses_memories(office: Office) -> None:
    asked(office, "Please answer concisely.")  # anna herself
    asked(office, "Please answer in French.", user_id="visitor")
    given = {"text": None, "modes": None, "query": "What is TLS?"}
    for name in ("anna", "visitor", "anna/visitor"):
        task = office.submit("general-query", payload={**given, "user_id": name}, actor=BERT)
        assert recalled(office.work(task)) == 0
    assert recalled(asked(office, "What is TLS?", user_id="anna")) == 1


def test_a_failed_attempt_remembers_nothing(office: Office, litellm: ModelsSandbox) -> None:
    litellm.says({"answer": {"content": ""}})
    task = asked(office, "Is it so?")
    assert task.error is not None
    assert (task.status, task.error["type"]) == ("pending", "invalid_answer")
    assert not Memory.objects.exists()


def test_an_attempt_that_is_over_remembers_nothing(office: Office) -> None:
    task = office.submit("general-query", payload={"text": None, "modes": None, "query": "Is it so?"})
    job = jobs.job_of(task, wiring.clients())
    job.memory.remember_exchange("Is it so?", "It is.")
    office.spend(task, attempts=2)
    steps._remember(job, Outcome(result={}))
    assert not Memory.objects.exists()
    assert office.event(task, "task.progress")["status"] == "late_result"
    office.spend(task, attempts=1)
    steps._remember(job, Outcome(result={}))
    assert Memory.objects.exists()


def test_a_spent_budget_ends_the_task_without_a_call(
    office: Office, litellm: ModelsSandbox, settings: Settings
) -> None:
    settings.AGENT_DAILY_BUDGET_USD = 0.01
    spent = {"cost_usd": Decimal(1), "cost_source": CostSource.HEADER, "duration_ms": 1}
    LlmCall.objects.create(agent_id="simple-agent", model="claude-haiku", purpose="answer", **spent)
    task = asked(office, "What is 2+2?")
    assert task.error is not None
    assert (task.status, task.error["type"]) == ("failed", "budget_exceeded")
    assert litellm.asked() == []


def test_a_project_over_its_budget_ends_its_task_without_a_further_call(office: Office, litellm: ModelsSandbox) -> None:
    project = onboarded(wiring.clients(), litellm, budget=Decimal("0.0001"))

    def asked_for_it() -> Task:
        given = {"text": None, "modes": None, "query": "How are you?"}
        return office.work(office.submit("general-query", payload=given, project=project))

    first = asked_for_it()
    assert first.status == "completed", first.error
    calls = len(litellm.asked())
    task = asked_for_it()
    assert task.error is not None
    assert (task.status, task.error["type"]) == ("failed", "budget_exceeded")
    assert project.lower() in task.error["message"]
    assert len(litellm.asked()) == calls


def test_what_does_not_fit_the_context_fails_for_good(office: Office, settings: Settings) -> None:
    settings.CONTEXT_TOKENS = 100
    task = asked(office, "x" * 2000)
    assert task.error is not None
    assert (task.status, task.error["type"]) == ("failed", "context_too_large")


def test_a_model_that_is_away_means_later(office: Office, litellm: ModelsSandbox) -> None:
    litellm.fault("status", match={"path": "/chat/completions"}, times=None)
    task = asked(office, "Is it so?")
    assert task.error is not None
    assert (task.status, task.error["type"]) == ("pending", "try_later")


def test_facts_are_distilled_from_an_exchange_for_its_person(office: Office, litellm: ModelsSandbox) -> None:
    litellm.says({"when": {"schema": "Facts"}, "answer": {"json": {"facts": ["Ada likes short answers."]}}})
    asked(office, "Please answer concisely.", user_id="ada")
    exchange = Memory.objects.get()
    assert reflection.distil_exchange(exchange.pk, wiring.clients()) == 1
    fact = Memory.objects.get(kind=Kind.FACT)
    assert (fact.subject, fact.scope_key, fact.content) == ("anna/ada", "simple-agent", "Ada likes short answers.")
    assert reflection.distil_exchange(fact.pk, wiring.clients()) == 0


def test_memories_of_a_task_expire_after_its_end(office: Office) -> None:
    task = office.submit("general-query", payload={"text": None, "modes": None, "query": "Is it so?"})
    job = jobs.job_of(task, wiring.clients())
    job.memory.keep(["half done"], scope=Scope.TASK)
    office.work(task)
    expires_at = Memory.objects.get(scope=Scope.TASK).expires_at
    assert expires_at is not None
    assert expires_at > clock.now()


@pytest.mark.parametrize("payload", [{"query": ""}, {"query": "x" * 20_001}, {"query": "Why?", "colour": "red"}])
def test_what_is_no_question_is_refused(office: Office, payload: dict[str, object]) -> None:
    with pytest.raises(Invalid):
        office.submit("general-query", payload={"text": None, "modes": None, **payload})


@pytest.mark.parametrize(
    ("project", "issue", "meant"),
    [
        ("octo/app", "Octo/App#7", "octo/app#7"),
        ("octo/app", "octo/other#7", ""),
        ("octo/app", "octo/app", ""),
        ("", "octo/app#7", ""),
    ],
)
def test_an_issue_is_that_of_the_tasks_own_project(project: str, issue: str, meant: str) -> None:
    assert jobs.issue_of(Task(project=project, payload={"issue": issue})) == meant


def test_an_agent_does_not_start_with_vectors_of_another_length(office: Office, settings: Settings) -> None:
    Check.objects.all().delete()
    settings.EMBEDDING_DIMENSION = 12
    with pytest.raises(CommandError, match="reembed_memories"):
        call_command("runagent", "simple-agent")
    assert office.agent_events("simple-agent").count("agent.registered") == 1
