"""Advice and verdicts of architect-agent: tools that really run, what they rest on, and what the log then holds."""

from typing import Any

import pytest
from pytest_django import Settings

from apps.agents.registry import schemas, steps
from apps.agents.registry.services import jobs
from apps.agents.registry.words import Outcome
from apps.agents.roster.architect.models import Entry
from apps.agents.roster.architect.words import Advice, Consultation
from apps.agents.roster.basis import NO_SOURCE, OWN_WORDS
from apps.agents.roster.services.architect_agent import ArchitectAgent
from meshsix import wiring
from meshsix.live.models import Event
from tests.service.architect.conftest import ISSUE, PROJECT, Studio

QUESTION = "Redis or PostgreSQL for caching session state?"


def recommendation(summary: str) -> dict[str, Any]:
    return {
        "summary": summary,
        "tech_stack": {"primary": "x", "supporting": [], "reasoning": "It runs already."},
        "deployment_strategy": {"approach": "kustomize", "reasoning": "As the others.", "steps": ["Add it."]},
        "architecture": {"pattern": "cache-aside", "components": [], "communication": "TCP"},
        "considerations": {"pros": ["fast"], "cons": [], "risks": [], "mitigations": []},
        "alternatives": [{"name": "y", "description": "Another.", "why_not_chosen": "Slower."}],
        "confidence": 0.8,
        "estimated_effort": "a day",
        "prerequisites": [],
    }


def by_the_cluster(studio: Studio) -> None:
    """Let the model look at the cluster, and recommend what it finds there."""
    studio.litellm.says(
        {
            "when": {"schema": "Recommendation", "contains": "registry.example.org/redis:8"},
            "answer": {"json": recommendation("Use the Redis that runs.")},
        },
        {"when": {"schema": "Recommendation"}, "answer": {"json": recommendation("Use PostgreSQL.")}},
    )
    studio.wants_tools({"name": "cluster_state", "arguments": {}})


@pytest.mark.parametrize(
    ("pods", "summary"),
    [(["registry.example.org/redis:8"], "Use the Redis that runs."), ([], "Use PostgreSQL.")],
)
def test_the_recommendation_depends_on_what_the_cluster_says(studio: Studio, pods: list[str], summary: str) -> None:
    for image in pods:
        studio.pod("redis-0", image)
    by_the_cluster(studio)
    task = studio.ask("tech-consultation", question=QUESTION, issue=ISSUE.text)
    result = studio.result(task)
    assert (result["summary"], result["confidence"]) == (summary, 0.8)
    assert not schemas.faults(schemas.derive(Advice, output=True), result)
    assert result["basis"]["tools"] == [{"name": "cluster_state", "calls": 1, "failed": 0}]
    assert [each["id"] for each in result["basis"]["sources"]] == ["cluster:mesh-six-envs"]
    assert (result["basis"]["missing"], result["basis"]["notice"]) == ([], "")
    assert ("redis:8" in studio.told_by_tools()) is bool(pods)
    assert studio.log() == ["activated", "consulted"]
    entry = Entry.objects.get(event_type="consulted")
    assert (entry.payload["question"], entry.payload["given"]) == (QUESTION, result)
    written = Event.objects.filter(aggregate_id=ISSUE.aggregate_id).order_by("aggregate_seq")
    assert [(each.event_type, each.payload["operation"]) for each in written] == [
        ("state.write", "activated"),
        ("state.write", "consulted"),
    ]
    assert written[1].task_id == str(task.task_id)


def test_all_tools_are_offered_and_each_tells_what_it_read(studio: Studio) -> None:
    studio.pod("web-0", "registry.example.org/web:1")
    names = ("cluster_state", "pod_events", "service_health", "resource_usage")
    studio.wants_tools(
        *({"name": name, "arguments": {}} for name in names),
        {"name": "past_decisions", "arguments": {"query": "sessions"}},
        {"name": "read_repository", "arguments": {"path": "README.md"}},
    )
    result = studio.result(studio.ask("tech-consultation", question=QUESTION, issue=ISSUE.text))
    assert studio.offered() == {*names, "past_decisions", "read_repository"}
    assert {(each["name"], each["failed"]) for each in result["basis"]["tools"]} == {
        (name, 0) for name in studio.offered()
    }
    told = studio.told_by_tools()
    assert '"service": "queue", "up": false' in told
    assert '"web-0": {"cpu_cores": 0.25, "memory_bytes": 1048576.0}' in told
    read = [each for each in result["basis"]["sources"] if each["id"].startswith("file:README.md@")]
    assert len(read) == 1
    assert f"/{PROJECT}/blob/" in read[0]["url"]
    assert "[file:README.md@" in told


def test_a_vendor_that_is_not_configured_is_missing_and_its_tools_are_not_offered(
    studio: Studio, settings: Settings
) -> None:
    settings.PROMETHEUS_URL = settings.KUBERNETES_API_URL = ""
    wiring.clients().__dict__.pop("prometheus", None)
    wiring.clients().__dict__.pop("cluster", None)
    result = studio.result(studio.ask("tech-consultation", question=QUESTION))
    assert studio.offered() == {"past_decisions"}
    assert result["basis"]["missing"] == [
        "cluster_state: kubernetes is not configured",
        "pod_events: kubernetes is not configured",
        "service_health: prometheus is not configured",
        "resource_usage: prometheus is not configured",
    ]
    assert result["basis"]["notice"] == NO_SOURCE
    assert studio.log() == []


@pytest.mark.parametrize(
    ("vendor", "name"),
    [
        ("kubernetes", "cluster_state"),
        ("kubernetes", "pod_events"),
        ("prometheus", "service_health"),
        ("prometheus", "resource_usage"),
        ("github", "read_repository"),
    ],
)
def test_a_vendor_that_does_not_answer_is_missing_and_nothing_is_invented(
    studio: Studio, vendor: str, name: str
) -> None:
    getattr(studio, vendor).fault("status", status=503, times=None)
    studio.wants_tools({"name": name, "arguments": {}})
    result = studio.result(studio.ask("tech-consultation", question=QUESTION, issue=ISSUE.text))
    getattr(studio, vendor).no_faults()
    (missing,) = result["basis"]["missing"]
    assert missing.startswith(f"{name}: {vendor} could not be read")
    assert result["basis"]["tools"] == [{"name": name, "calls": 1, "failed": 1}]
    assert result["basis"]["sources"] == []
    assert studio.told_by_tools().startswith("Error:")


def test_files_are_read_inside_of_the_repository_alone(studio: Studio) -> None:
    paths = ("../secret", "/etc/passwd", "nothing.py", "bookmarks")
    studio.wants_tools(*({"name": "read_repository", "arguments": {"path": path}} for path in paths))
    result = studio.result(studio.ask("tech-consultation", question=QUESTION, issue=ISSUE.text))
    assert result["basis"]["tools"] == [{"name": "read_repository", "calls": 4, "failed": 3}]
    assert "bookmarks/store.py" in studio.told_by_tools()


def test_without_structure_there_is_the_analysis_alone(studio: Studio) -> None:
    studio.litellm.says({"answer": {"content": "Use PostgreSQL.\n\nIt is there."}})
    result = studio.result(studio.ask("tech-consultation", question=QUESTION, require_structured=False))
    assert (result["summary"], result["text"]) == ("Use PostgreSQL.", "Use PostgreSQL.\n\nIt is there.")
    assert (result["tech_stack"], result["confidence"]) == (None, None)
    assert len(studio.litellm.asked()) == 1


def test_what_the_architect_itself_said_before_is_no_source(studio: Studio) -> None:
    first = studio.result(studio.ask("tech-consultation", question=QUESTION))
    assert first["basis"]["notice"] == NO_SOURCE
    studio.wants_tools({"name": "past_decisions", "arguments": {"query": "sessions"}})
    again = studio.result(studio.ask("tech-consultation", question=QUESTION))
    assert [each["url"] for each in again["basis"]["sources"]] == ["memory.recall"]
    assert (again["basis"]["tools"][0]["calls"], again["basis"]["notice"]) == (1, OWN_WORDS)


def test_a_plan_is_judged_and_the_whole_log_was_seen(studio: Studio) -> None:
    by_the_cluster(studio)
    studio.ask("tech-consultation", question=QUESTION, issue=ISSUE.text)
    verdict = {"approved": False, "confidence": 0.7, "feedback": "Say how to undo it.", "concerns": ["No way back."]}
    studio.litellm.says({"when": {"schema": "Verdict"}, "answer": {"json": verdict}})
    task = studio.ask("architecture-review", plan="Add a cache.", criteria=["It can be undone."], issue=ISSUE.text)
    result = studio.result(task)
    assert {name: result[name] for name in verdict} == verdict
    assert studio.log() == ["activated", "consulted", "consulted"]
    seen = "\n".join(str(each["content"]) for each in studio.litellm.asked()[-1]["messages"])
    assert "It can be undone." in seen
    examined = "\n".join(str(each["content"]) for each in studio.litellm.asked()[-2]["messages"])
    assert "Use PostgreSQL." in examined


def test_an_issue_of_another_project_is_refused(studio: Studio) -> None:
    task = studio.office.work(
        studio.office.submit(
            "tech-consultation", payload={"text": None, "modes": None, "question": "Why?", "issue": ISSUE.text}
        )
    )
    assert task.error is not None
    assert (task.status, task.error["type"]) == ("failed", "invalid_input")
    assert studio.litellm.asked() == []


def test_what_an_attempt_gave_before_it_died_is_given_again_without_a_call(studio: Studio) -> None:
    task = studio.ask("tech-consultation", question=QUESTION, issue=ISSUE.text)
    calls = len(studio.litellm.asked())
    job = jobs.job_of(task, wiring.clients())
    again = ArchitectAgent().consult(Consultation(question=QUESTION, issue=ISSUE.text), job)
    assert again.summary == studio.result(task)["summary"]
    assert (len(studio.litellm.asked()), studio.log()) == (calls, ["activated", "consulted"])


def test_an_attempt_that_is_over_writes_nothing_into_the_log(studio: Studio) -> None:
    given = {"text": None, "modes": None, "question": QUESTION, "issue": ISSUE.text}
    task = studio.office.begin(studio.office.submit("tech-consultation", payload=given, project=PROJECT))
    job = jobs.job_of(task, wiring.clients())
    ArchitectAgent().consult(Consultation(question=QUESTION, issue=ISSUE.text), job)
    studio.office.spend(task, attempts=2)
    steps._remember(job, Outcome(result={}))
    assert studio.log() == ["activated"]
    studio.office.spend(task, attempts=1)
    steps._remember(job, Outcome(result={}))
    assert studio.log() == ["activated", "consulted"]
