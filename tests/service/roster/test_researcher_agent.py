"""researcher-agent against a site, a search and a model: what is cited was fetched, and what was not is said."""

from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from pytest_django import Settings

from apps.agents.llm.tools import ToolFailed
from apps.agents.llm.words import Work
from apps.agents.memory.models import Memory
from apps.agents.memory.scopes import Scope
from apps.agents.registry.models import Task
from apps.agents.registry.services import checks, jobs
from apps.agents.roster.basis import NO_SOURCE, OWN_WORDS
from apps.agents.roster.research import desk
from apps.agents.roster.research.desk import Desk
from apps.agents.roster.research.report import UNCITED
from apps.agents.roster.research.shelf import Shelf
from apps.agents.roster.research.words import Document, Request, Wish
from deploy.local.servers import Valkey
from meshsix import wiring
from meshsix.integrations.errors import Missing, Refused
from meshsix.integrations.github.budget import connect
from meshsix.kit import clock
from meshsix.live.models import Event
from meshsix.wiring import Clients
from tests.models_sandbox import ModelsSandbox
from tests.sandbox_github import running_sandbox
from tests.service.registry.conftest import Office
from tests.service.roster.web_sandbox import CAPTCHAS, Site, site, web_server

__all__ = ["site", "web_server"]
CALLS = ("tool.invocation", "tool.result")
QUESTION = "How often does Heron retry a failed message?"
ANALYSIS = {"context": "Queues.", "methodology": "Read the documentation.", "limitations": []}


def finding(text: str, *source_ids: str) -> dict[str, object]:
    return {"finding": text, "confidence": 0.9, "source_ids": list(source_ids)}


def says(litellm: ModelsSandbox, *findings: Mapping[str, object], **more: object) -> None:
    words = {
        "summary": "Seven times.",
        "key_findings": list(findings),
        "analysis": ANALYSIS,
        "recommendations": [{"recommendation": "Watch heron.dead.", "priority": "high", "rationale": "It fills."}],
        "related_topics": ["backoff"],
        "missing_information": [],
        **more,
    }
    litellm.says({"when": {"schema": "ResearchWords"}, "answer": {"json": words}})


@pytest.fixture(autouse=True)
def reading(office: Office, site: Site, settings: Settings) -> Iterator[None]:
    """researcher-agent, registered, with the sandbox's site and search."""
    settings.SEARCH_URL, settings.FETCH_HOSTS, settings.FETCH_TIMEOUT = site.url, [site.host], timedelta(seconds=60)
    settings.LLM_MODELS = {**settings.LLM_MODELS, "standard": "claude-sonnet", "strong": "claude-sonnet"}
    office.register("researcher-agent")
    checks.refresh(wiring.clients())
    yield
    wiring.clients().web.close()
    if search := wiring.clients().search:
        search.close()


def researched(office: Office, capability: str = "technical-research", **payload: object) -> Task:
    given = {"text": None, "modes": None, "query": QUESTION, **payload}
    return office.work(office.submit(capability, payload=given))


def result_of(task: Task) -> dict[str, Any]:
    assert (task.status, task.error) == ("completed", None)
    assert task.result is not None
    result: dict[str, Any] = task.result
    return result


def test_findings_stand_on_pages_that_were_fetched_and_the_rest_is_unsupported(
    office: Office, litellm: ModelsSandbox, site: Site
) -> None:
    said = (finding("7 times", "S1", "S99"), finding("It is fast", "S99"), finding("It is loved"))
    says(litellm, *said)
    result = result_of(researched(office))
    assert [(each["finding"], each["source_ids"]) for each in result["key_findings"]] == [("7 times", ["S1"])]
    assert [each["finding"] for each in result["unsupported"]] == ["It is fast", "It is loved"]
    assert (result["grounded"], result["notice"], result["timed_out"]) == (True, "", False)
    first = result["sources"][0]
    assert (first["id"], first["title"], first["url"]) == ("S1", "Retries in Heron", site.at("/docs/retries"))
    assert 0 < first["relevance"] <= 1
    assert {each["url"] for each in result["sources"]} <= {site.at(path) for path in site.read()}
    assert [each["id"] for each in result["basis"]["sources"]] == [each["id"] for each in result["sources"]]
    assert {each["name"] for each in result["basis"]["tools"]} == {"memory", "search", "web"}
    asked = litellm.asked()[0]
    assert {each["function"]["name"] for each in asked["tools"]} == {"search", "web", "repository", "memory"}
    assert "Source S1: Retries in Heron" in asked["messages"][0]["content"]
    assert "**7 times**" in asked["messages"][0]["content"]


def test_a_page_behind_a_wall_is_missing_information_and_no_source(
    office: Office, litellm: ModelsSandbox, site: Site
) -> None:
    says(litellm, finding("x"))
    result = result_of(
        researched(office, query="What are the prices of Heron? And its roadmap?", depth="comprehensive")
    )
    urls = {each["url"] for each in result["sources"]}
    for path, wall in (("/docs/pricing", "a sign-in"), ("/docs/roadmap", "a captcha")):
        assert site.at(path) not in urls
        assert [each for each in result["missing_information"] if site.at(path) in each and wall in each]
        assert [each for each in result["basis"]["missing"] if site.at(path) in each]


@pytest.mark.parametrize("sign", CAPTCHAS)
def test_a_page_that_first_wants_to_see_a_person_is_no_source(
    office: Office, litellm: ModelsSandbox, site: Site, sign: str
) -> None:
    page = f"<html><head><title>Retries in Heron</title></head><body><h1>Heron</h1>{sign}</body></html>"
    headers = {"content-type": "text/html"}
    site.fault("answer", status=200, headers=headers, body=page, match={"path": "/docs/*"}, times=None)
    says(litellm, finding("7 times", "S1"))
    result = result_of(researched(office, depth="quick"))
    assert (result["sources"], result["key_findings"], result["grounded"]) == ([], [], False)
    assert [each for each in result["missing_information"] if site.at("/docs/retries") in each and "a captcha" in each]


def test_the_model_reads_on_by_the_same_fetchers_and_nothing_twice(
    office: Office, litellm: ModelsSandbox, site: Site
) -> None:
    wish = {"name": "web", "arguments": {"query": site.at("/docs/limits")}}
    says(litellm, finding("4,000 a second", "S1"))
    litellm.says({"when": {"speaker": "user", "tool": "web"}, "times": 1, "answer": {"tool_calls": [wish, wish]}})
    result = result_of(researched(office, fetchers=["web"]))
    assert [each["url"] for each in result["sources"]] == [site.at("/docs/limits")]
    assert result["basis"]["tools"] == [{"name": "web", "calls": 1, "failed": 0}]
    assert (site.read(), result["grounded"]) == (["/docs/limits"], True)
    told = [each["content"] for each in litellm.asked()[1]["messages"] if each["role"] == "tool"]
    assert all("Source S1" in each and "4,000 messages a second" in each for each in told)


def long_pages(site: Site) -> None:
    """Let each page of the documentation have more than the model is given of it."""
    headers, body = {"content-type": "text/plain"}, "Heron retries. " * 600
    site.fault("answer", status=200, headers=headers, body=body, match={"path": "/docs/*"}, times=None)


def test_what_the_model_was_not_shown_for_want_of_room_cannot_be_cited(
    office: Office, litellm: ModelsSandbox, site: Site, settings: Settings
) -> None:
    long_pages(site)
    settings.CONTEXT_TOKENS = 1750
    says(litellm, finding("7 times", "S1", "S2"), finding("It is fast", "S2"))
    result = result_of(researched(office, depth="quick"))
    shown = litellm.asked()[0]["messages"][0]["content"]
    assert (site.at("/docs/retries") in shown, site.at("/docs/storage") in shown) == (True, False)
    assert [each["source_ids"] for each in result["key_findings"]] == [["S1"]]
    assert [each["finding"] for each in result["unsupported"]] == ["It is fast"]
    assert [each["id"] for each in result["sources"]] == ["S1"]
    left_out = f"{site.at('/docs/storage')}: it was fetched, and there was no room to read it."
    assert left_out in result["missing_information"]
    assert left_out in result["basis"]["missing"]


def test_what_had_no_room_may_be_cited_once_the_model_has_read_it_by_a_tool(
    office: Office, litellm: ModelsSandbox, site: Site, settings: Settings
) -> None:
    long_pages(site)
    settings.CONTEXT_TOKENS = 1750
    says(litellm, finding("It is fast", "S2"))
    wish = {"name": "web", "arguments": {"query": site.at("/docs/storage")}}
    litellm.says({"when": {"speaker": "user", "tool": "web"}, "times": 1, "answer": {"tool_calls": [wish]}})
    result = result_of(researched(office, depth="quick"))
    assert [each["source_ids"] for each in result["key_findings"]] == [["S2"]]
    assert site.read() == ["/docs/retries", "/docs/storage"]
    assert not [each for each in result["missing_information"] if "no room" in each]


def test_what_had_no_room_may_be_cited_once_the_model_has_read_it_by_another_address(
    office: Office, litellm: ModelsSandbox, site: Site, settings: Settings
) -> None:
    long_pages(site)
    settings.CONTEXT_TOKENS = 1750
    says(litellm, finding("It is fast", "S2"))
    wish = {"name": "web", "arguments": {"query": site.at("/latest/storage")}}
    litellm.says({"when": {"speaker": "user", "tool": "web"}, "times": 1, "answer": {"tool_calls": [wish]}})
    result = result_of(researched(office, depth="quick"))
    assert [each["source_ids"] for each in result["key_findings"]] == [["S2"]]


def test_a_models_fetch_that_a_kill_interrupted_is_named_and_no_result_of_it_is_told(
    office: Office, litellm: ModelsSandbox, site: Site
) -> None:
    says(litellm, finding("7 times", "S1"))
    given = {"text": None, "modes": None, "query": QUESTION, "fetchers": ["web"]}
    task = office.submit("technical-research", payload=given)
    url = site.at("/docs/limits")

    def dies(request: Request, clients: Clients) -> tuple[Document, ...]:  # noqa: ARG001 - a fetcher takes its clients
        """End as a killed process does: nothing is recorded any more."""
        raise KeyboardInterrupt

    work = Work(agent_id="researcher-agent", task_id=str(task.task_id))
    with pytest.raises(KeyboardInterrupt):
        Shelf({"web": dies}, work, wiring.clients(), most=8).fetch(Wish(fetcher="web", query=url), is_told=False)
    result = result_of(office.work(task))
    assert [each for each in result["missing_information"] if each.startswith(url) and "interrupted" in each]
    told = Event.objects.filter(aggregate_id=f"task:{task.task_id}", event_type__startswith="tool.")
    calls = {kind: [each.payload["call_id"] for each in told if each.event_type == kind] for kind in CALLS}
    assert set(calls["tool.result"]) == set(calls["tool.invocation"])


def test_a_page_is_one_page_whatever_part_of_it_is_named_and_a_failed_fetch_is_not_repeated(
    office: Office, litellm: ModelsSandbox, site: Site
) -> None:
    site.fault("status", status=503, match={"path": "/docs/storage"}, times=None)
    wishes = [f"/docs/{page}" for page in ("limits#speed", "limits#cores", "storage", "storage", "storage#size")]
    calls = [{"name": "web", "arguments": {"query": site.at(each)}} for each in wishes]
    says(litellm, finding("4,000 a second", "S1"))
    litellm.says({"when": {"speaker": "user", "tool": "web"}, "times": 1, "answer": {"tool_calls": calls}})
    result = result_of(researched(office, fetchers=["web"]))
    assert site.read() == ["/docs/limits", "/docs/storage"]
    assert result["basis"]["tools"] == [{"name": "web", "calls": 2, "failed": 1}]
    told = [each["content"] for each in litellm.asked()[1]["messages"] if each["role"] == "tool"]
    assert ["503" in each or "cannot answer now" in each for each in told] == [False, False, True, True, True]
    assert len([each for each in result["missing_information"] if site.at("/docs/storage") in each]) == 1


def test_many_memories_leave_room_for_pages(office: Office, litellm: ModelsSandbox, site: Site) -> None:
    says(litellm, finding("7 times", "S3"))
    task = office.submit("technical-research", payload={"text": None, "modes": None, "query": QUESTION})
    task.refresh_from_db()
    job = jobs.job_of(task, wiring.clients())
    for number in range(12):
        job.memory.remember(f"{QUESTION} We asked {number} times.", scope=Scope.AGENT)
    job.memory.store()
    result = result_of(office.work(task))
    assert site.at("/docs/retries") in [each["url"] for each in result["sources"]]
    assert result["grounded"]


def test_without_fetchers_the_notice_says_that_no_source_was_used(
    office: Office, litellm: ModelsSandbox, site: Site
) -> None:
    says(litellm, finding("7 times", "S1"))
    result = result_of(researched(office, fetchers=[]))
    assert (result["grounded"], result["notice"], result["key_findings"]) == (False, NO_SOURCE, [])
    assert [each["finding"] for each in result["unsupported"]] == ["7 times"]
    assert (result["sources"], result["basis"]["notice"], site.requests()) == ([], NO_SOURCE, [])
    assert "tools" not in litellm.asked()[0]


def test_a_search_that_is_away_is_named_and_nothing_of_it_is_told(
    office: Office, litellm: ModelsSandbox, site: Site
) -> None:
    site.fault("status", status=503, match={"path": "/search"}, times=None)
    says(litellm, finding("7 times", "S1"))
    result = result_of(researched(office))
    assert (result["grounded"], result["sources"]) == (False, [])
    assert [each for each in result["basis"]["missing"] if each.startswith("search: ")]
    assert {"name": "search", "calls": 1, "failed": 1} in result["basis"]["tools"]


def test_a_site_that_is_away_is_named_and_nothing_of_its_pages_is_told(
    office: Office, litellm: ModelsSandbox, site: Site
) -> None:
    site.fault("status", status=503, match={"path": "/docs/*"}, times=None)
    says(litellm, finding("7 times", "S1"))
    result = result_of(researched(office, depth="quick"))
    assert (result["grounded"], result["sources"], result["key_findings"]) == (False, [], [])
    for page in ("/docs/retries", "/docs/storage"):
        assert [each for each in result["basis"]["missing"] if each.startswith(f"{site.at(page)}: ")]
    assert {"name": "web", "calls": 2, "failed": 2} in result["basis"]["tools"]


def test_a_fetcher_that_nobody_has_is_an_invalid_input(office: Office) -> None:
    task = researched(office, fetchers=["crystal-ball"])
    assert task.error is not None
    assert (task.status, task.error["type"]) == ("failed", "invalid_input")


@pytest.mark.parametrize(("depth", "model", "most"), [("quick", "claude-haiku", 3), ("standard", "claude-sonnet", 8)])
def test_depth_chooses_the_model_and_how_much_is_read(
    office: Office, litellm: ModelsSandbox, depth: str, model: str, most: int
) -> None:
    says(litellm)
    result = result_of(researched(office, "market-analysis", depth=depth))
    assert (result["basis"]["models"], len(result["sources"]) <= most) == ([model], True)
    assert "vendors" in litellm.asked()[0]["messages"][0]["content"]


def test_triage_gives_a_prompt_only_where_research_is_needed(office: Office, litellm: ModelsSandbox) -> None:
    words = {"reasoning": "r", "research_prompt": "Limits of Heron?", "complexity": "high"}
    for needed in (True, False):
        answer = {"json": {"needs_deep_research": needed, **words}}
        litellm.says({"when": {"schema": "TriageWords"}, "answer": answer})
        result = result_of(researched(office, "research-triage", query="Move the queue to Heron."))
        assert result["needs_deep_research"] is needed
        assert result["research_prompt"] == ("Limits of Heron?" if needed else "")
        assert (result["complexity"], result["basis"]["notice"]) == ("high", NO_SOURCE)


def desk_of(*, deadline_in: timedelta, most: int = 8) -> Desk:
    work = Work(agent_id="researcher-agent", task_id=str(uuid4()), deadline=clock.now() + deadline_in)
    return Desk(QUESTION, desk.chosen(["web"]), work, wiring.clients(), most=most)


def test_with_little_time_left_nothing_more_is_read(site: Site) -> None:
    late = desk_of(deadline_in=timedelta(seconds=20))
    with pytest.raises(ToolFailed, match="no time left"):
        late.fetch("web", site.at("/docs/retries"))
    assert (late.timed_out, site.requests()) == (True, [])


def test_no_more_sources_are_read_than_the_depth_allows(site: Site) -> None:
    small = desk_of(deadline_in=timedelta(hours=1), most=1)
    small.fetch("web", site.at("/docs/retries"))
    with pytest.raises(ToolFailed, match="1 sources were read"):
        small.fetch("web", site.at("/docs/limits"))
    assert site.read() == ["/docs/retries"]


def test_what_is_remembered_is_shown_and_grounds_nothing(office: Office, litellm: ModelsSandbox) -> None:
    says(litellm, finding("We tried it", "S1"))
    task = office.submit("technical-research", payload={"text": None, "modes": None, "query": QUESTION})
    task.refresh_from_db()
    job = jobs.job_of(task, wiring.clients())
    job.memory.remember(f"{QUESTION} Seven times, we tried it.", scope=Scope.AGENT)
    job.memory.store()
    memory = Memory.objects.get()
    result = result_of(office.work(task))
    assert (result["sources"][0]["url"], result["sources"][0]["type"]) == (f"memory:{memory.pk}", "memory")
    assert (result["grounded"], result["key_findings"], result["notice"]) == (False, [], UNCITED)
    assert [each["source_ids"] for each in result["unsupported"]] == [["S1"]]
    alone = result_of(researched(office, fetchers=["memory"]))
    assert (alone["grounded"], alone["notice"]) == (False, OWN_WORDS)


def test_the_repository_of_the_tasks_project_is_read_at_its_head(tmp_path: Path, broker: Valkey) -> None:
    with running_sandbox(tmp_path / "github") as github, closing(connect(broker.url)) as redis:
        clients = Clients()
        clients.__dict__["github"] = github.client(redis)
        work = Work(agent_id="researcher-agent", project="octo-org/bookmarks")
        fetch = desk.chosen(["repository"])["repository"]
        (listed,) = fetch(Request(query="", work=work), clients)
        assert (listed.is_source, "file README.md" in listed.text) == (False, True)
        (file,) = fetch(Request(query="README.md", work=work), clients)
        assert (file.is_source, file.title, "bookmarks" in file.text.lower()) == (True, "README.md", True)
        with pytest.raises(Missing):
            fetch(Request(query="nowhere.md", work=work), clients)
        with pytest.raises(Refused):
            fetch(Request(query="README.md", work=replace(work, project="")), clients)
