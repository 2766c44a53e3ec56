"""deep-research by the real engine: rounds that read what the last one missed, nothing twice, and an end in time."""

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import IntegrityError
from pytest_django import Settings

from apps.agents.llm.words import Work
from apps.agents.registry.models import Task
from apps.agents.registry.services import cancelling
from apps.agents.roster.basis import NO_SOURCE
from apps.agents.roster.research import retention
from apps.agents.roster.research.models import Fetch, Reading
from apps.agents.roster.research.report import ResearchAsk
from apps.agents.roster.research.shelf import MOST_CHARACTERS, Shelf
from apps.agents.roster.research.words import Document, Request, Wish
from apps.agents.roster.steps.study import AT_A_TIME, FOR_WRITING, Study
from meshsix import wiring
from meshsix.durable.definition import StepFacts
from meshsix.integrations.errors import TryLater
from meshsix.kit import clock
from meshsix.live.models import Event
from meshsix.wiring import Clients
from tests.models_sandbox import ModelsSandbox
from tests.service.registry.conftest import ANNA, Office
from tests.service.roster.deep_desk import (
    QUESTION,
    finding,
    finds,
    misses,
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


def test_each_round_reads_what_the_last_one_missed_and_every_cited_source_was_fetched_once(
    office: Office, litellm: ModelsSandbox, site: Site
) -> None:
    finds(litellm, finding("7 times", "S1"), finding("4,000 a second", "S3", "S9"), finding("It is loved"))
    misses(litellm, "its limits", wishes=(("web", site.at("/docs/limits#speed")), ("crystal-ball", "x")))
    task = office.work(submitted(office))
    result = result_of(task)
    paths = ["/docs/retries", "/docs/storage", "/docs/limits"]
    assert site.read() == paths
    assert [(each["id"], each["url"]) for each in result["sources"]] == [
        (f"S{number}", site.at(path)) for number, path in enumerate(paths, start=1)
    ]
    assert [each["source_ids"] for each in result["key_findings"]] == [["S1"], ["S3"]]
    assert [each["finding"] for each in result["unsupported"]] == ["It is loved"]
    assert (result["grounded"], result["notice"], result["timed_out"]) == (True, "", False)
    assert {"name": "web", "calls": 3, "failed": 0} in result["basis"]["tools"]
    assert [each["id"] for each in result["basis"]["sources"]] == ["S1", "S2", "S3"]
    steps = states(task)
    assert (steps["assess_2"], steps["fetch_3"], steps["read_3"], steps["assess_3"]) == ("done", *["skipped"] * 3)
    told = litellm.asked()[-1]["messages"][0]["content"]
    assert "[S1] (0.9) It is retried 7 times." in told


def test_a_page_is_given_to_the_model_as_data_and_once(office: Office, litellm: ModelsSandbox) -> None:
    finds(litellm)
    office.work(submitted(office))
    asked = [each["messages"][0]["content"] for each in litellm.asked()]
    given = [each for each in asked if "**7 times**" in each]
    assert len(given) == 1
    assert '<data name="state">\n# Retries in Heron' in given[0]


def test_what_is_missing_is_searched_for_where_no_wish_can_be_used(
    office: Office, litellm: ModelsSandbox, site: Site
) -> None:
    finds(litellm)
    misses(litellm, "limits broker seconds", wishes=(("web", site.at("/docs/retries")), ("crystal-ball", "x")))
    office.work(submitted(office))
    searched = [each["query"]["q"] for each in site.requests() if each["path"] == "/search"]
    assert searched == [QUESTION, "limits broker seconds"]
    assert site.read() == ["/docs/retries", "/docs/storage", "/docs/limits"]


def test_a_page_behind_a_wall_is_missing_information_and_no_source(
    office: Office, litellm: ModelsSandbox, site: Site
) -> None:
    finds(litellm, finding("x", "S1"))
    result = result_of(office.work(submitted(office, query="Prices and roadmap of Heron?", depth="comprehensive")))
    urls = {each["url"] for each in result["sources"]}
    for path, wall in (("/docs/pricing", "a sign-in"), ("/docs/roadmap", "a captcha")):
        assert site.at(path) not in urls
        assert [each for each in result["missing_information"] if site.at(path) in each and wall in each]
        assert [each for each in result["basis"]["missing"] if site.at(path) in each]
    assert not Event.objects.filter(payload__icontains="h-captcha").exists()


def test_when_the_time_is_over_it_writes_from_what_it_has_and_marks_what_is_unknown(
    office: Office, litellm: ModelsSandbox
) -> None:
    finds(litellm, finding("7 times", "S1"), finding("It is loved"), missing=("Its price",))
    task = office.begin(submitted(office))
    for name in ("plan", "fetch_1", "read_1"):
        one_step(task, name)
    Task.objects.filter(pk=task.pk).update(deadline_at=clock.now() + timedelta(seconds=250))
    result = result_of(office.work(task))
    assert (result["timed_out"], result["grounded"], len(result["sources"])) == (True, True, 2)
    assert [each["finding"] for each in result["key_findings"]] == ["7 times"]
    assert [each["finding"] for each in result["unsupported"]] == ["It is loved (requires verification)"]
    assert result["missing_information"] == ["Its price (requires verification)"]
    assert states(task)["fetch_2"] == "skipped"
    assert "AssessWords" not in {each["response_format"]["json_schema"]["name"] for each in litellm.asked()}


def test_what_was_fetched_and_not_read_in_time_is_no_source(office: Office, litellm: ModelsSandbox, site: Site) -> None:
    finds(litellm, finding("7 times", "S1"))
    task = office.begin(submitted(office))
    for name in ("plan", "fetch_1"):
        one_step(task, name)
    Task.objects.filter(pk=task.pk).update(deadline_at=clock.now() + timedelta(seconds=250))
    result = result_of(office.work(task))
    assert (result["timed_out"], result["grounded"], result["sources"]) == (True, False, [])
    assert result["notice"] == NO_SOURCE
    unread = f"{site.at('/docs/retries')}: it was fetched, but not read."
    assert unread in result["basis"]["missing"]
    assert f"{unread} (requires verification)" in result["missing_information"]


def test_another_attempt_fetches_and_reads_nothing_again(office: Office, litellm: ModelsSandbox, site: Site) -> None:
    office.succeeded("researcher-agent", "+++", capability="deep-research")
    finds(litellm, finding("7 times", "S1"))
    litellm.says({"when": {"schema": "ResearchWords"}, "times": 2, "answer": {"content": "I would rather not."}})
    task = office.run(submitted(office))
    assert office.history(task) == [(1, "researcher-agent", "invalid_answer", True), (2, "researcher-agent", "", True)]
    assert result_of(task)["grounded"]
    assert site.read() == ["/docs/retries", "/docs/storage"]
    assert [each["path"] for each in site.requests()].count("/search") == 1
    asked = [each["response_format"]["json_schema"]["name"] for each in litellm.asked()]
    assert asked.count("NotesWords") == len(site.read())


def test_a_model_that_is_away_is_waited_for_without_a_worker(office: Office, litellm: ModelsSandbox) -> None:
    finds(litellm, finding("7 times", "S1"))
    task = office.begin(submitted(office))
    for name in ("plan", "fetch_1"):
        one_step(task, name)
    litellm.fault("status", status=503, match={"path": "/chat/completions"})
    one_step(task, "read_1")
    assert states(task)["read_1"] == "retrying"
    assert task.run_id is not None
    task.refresh_from_db()
    assert task.status == "running"


def test_a_step_lets_go_after_a_while_and_stops_when_it_is_time_to_write(office: Office) -> None:
    task = office.begin(submitted(office))
    assert task.run_id is not None
    now = clock.now()
    this = StepFacts(run_id=task.run_id, step="read_1", attempt=1, first_started_at=now, deadline=now)
    study = Study(ResearchAsk(query=QUESTION), this, wiring.clients())
    assert study.may_go_on()
    with clock.moved(AT_A_TIME), pytest.raises(TryLater) as caught:
        study.may_go_on()
    assert (caught.value.counts, caught.value.pause) == (False, timedelta(0))
    with clock.moved(timedelta(seconds=task.timeout_seconds) - FOR_WRITING):
        assert not study.may_go_on()


def test_notes_that_cannot_be_used_cost_their_part_alone(office: Office, litellm: ModelsSandbox) -> None:
    finds(litellm, finding("7 times", "S1", "S2"))
    litellm.says({"when": {"schema": "NotesWords"}, "times": 2, "answer": {"content": "What a page!"}})
    result = result_of(office.work(submitted(office)))
    assert [each["id"] for each in result["sources"]] == ["S2"]
    assert result["key_findings"][0]["source_ids"] == ["S2"]
    assert [each for each in result["basis"]["missing"] if each.startswith("S1, part 1:")]


def test_a_source_whose_notes_had_no_room_in_the_prompt_cannot_be_cited(
    office: Office, litellm: ModelsSandbox, site: Site, settings: Settings
) -> None:
    finds(litellm, finding("7 times", "S1", "S2"), finding("It is fast", "S2"))
    task = office.begin(submitted(office))
    for name in ("plan", "fetch_1", "read_1", "assess_1"):
        one_step(task, name)
    noted = {
        "S1": [{"note": "It is retried 7 times.", "confidence": 0.9}, {"note": "And more. " * 350, "confidence": 0.8}],
        "S2": [{"note": "It is fast.", "confidence": 0.5}],
    }
    for source, notes in noted.items():
        Reading.objects.filter(task_id=task.task_id, source=source).update(notes=notes)
    settings.CONTEXT_TOKENS = 900
    result = result_of(office.work(task))
    told = litellm.asked()[-1]["messages"][0]["content"]
    assert ("[S1] (0.9) It is retried 7 times." in told, "[S2]" in told) == (True, False)
    assert [(each["finding"], each["source_ids"]) for each in result["key_findings"]] == [("7 times", ["S1"])]
    assert [each["finding"] for each in result["unsupported"]] == ["It is fast"]
    assert [each["id"] for each in result["sources"]] == ["S1"]
    left_out = f"{site.at('/docs/storage')}: it was read, and there was no room for what was noted of it."
    assert left_out in result["basis"]["missing"]
    assert left_out in result["missing_information"]


def test_a_cancelled_research_stops_before_the_next_page(office: Office, litellm: ModelsSandbox, site: Site) -> None:
    finds(litellm)
    task = office.begin(submitted(office))
    one_step(task, "plan")
    cancelling.cancel(task.pk, actor=ANNA)
    task = office.work(task)
    assert (task.status, site.requests()) == ("cancelled", [])


def test_without_fetchers_the_notice_says_that_no_source_was_used(
    office: Office, litellm: ModelsSandbox, site: Site
) -> None:
    finds(litellm, finding("7 times", "S1"))
    result = result_of(office.work(submitted(office, fetchers=[])))
    assert (result["grounded"], result["notice"], result["key_findings"]) == (False, NO_SOURCE, [])
    assert (site.requests(), result["sources"]) == ([], [])


def test_a_fetcher_that_nobody_has_is_an_invalid_input(office: Office) -> None:
    task = office.work(submitted(office, fetchers=["crystal-ball"]))
    assert task.error is not None
    assert (task.status, task.error["type"]) == ("failed", "invalid_input")


def test_the_plan_is_fetched_too(office: Office, litellm: ModelsSandbox, site: Site) -> None:
    finds(litellm)
    says(litellm, "PlanWords", wishes=[{"fetcher": "web", "query": site.at("/docs/limits")}])
    office.work(submitted(office))
    assert site.read() == ["/docs/limits", "/docs/retries"]


def shelf_of(task_id: str, *, most: int = 20, **fetchers: object) -> Shelf:
    work = Work(agent_id="researcher-agent", task_id=task_id)
    return Shelf(fetchers, work, Clients(), most=most)  # type: ignore[arg-type] # functions of this module


def long(request: Request, clients: Clients) -> tuple[Document, ...]:  # noqa: ARG001 - a fetcher takes its clients
    """Bring more than anybody reads."""
    text = "a\0b" * MOST_CHARACTERS
    found = Document(title="t", url=request.query, type="web", text=text, sha256="0" * 64, fetched_at=clock.now())
    return (found,)


def broken(request: Request, clients: Clients) -> tuple[Document, ...]:  # noqa: ARG001 - a fetcher takes its clients
    """Bring nothing today."""
    raise TryLater("It is away.", vendor="test")


def test_a_source_is_read_up_to_its_share_and_says_so() -> None:
    made = shelf_of(str(uuid4()), web=long)
    (document,) = made.fetch(Wish(fetcher="web", query="https://example.org/long"))
    assert len(document.text) == MOST_CHARACTERS // 20
    assert "only its first 25,000 characters" in made.missing[0]


def test_a_fetch_that_is_found_unfinished_is_not_made_again_and_who_made_it_changes_nothing_more() -> None:
    task_id, wish = str(uuid4()), Wish(fetcher="web", query="https://example.org/once")

    def slow(request: Request, clients: Clients) -> tuple[Document, ...]:
        """Bring it when somebody else has gone on."""
        assert shelf_of(task_id, web=long).fetch(wish) == ()
        return long(request, clients)

    made = shelf_of(task_id, web=slow)
    made.fetch(wish)
    assert (made.sources(QUESTION), Fetch.objects.get().state) == ((), "interrupted")
    assert "interrupted" in made.missing[0]


def test_what_failed_is_not_tried_again_and_its_events_say_how_it_went() -> None:
    task_id = str(uuid4())
    for _ in range(2):
        assert shelf_of(task_id, web=broken).fetch(Wish(fetcher="web", query="https://example.org/x")) == ()
    told = Event.objects.filter(aggregate_id=f"task:{task_id}").order_by("aggregate_seq")
    assert [each.event_type for each in told] == ["tool.invocation", "tool.result"]
    assert told[1].payload["success"] is False


def test_the_database_keeps_a_fetch_once_and_whole() -> None:
    task_id = uuid4()
    Fetch.objects.create(task_id=task_id, key="k", fetcher="web", query="q")
    with pytest.raises(IntegrityError):
        Fetch.objects.create(task_id=task_id, key="k", fetcher="web", query="q")
    with pytest.raises(IntegrityError):
        Fetch.objects.create(task_id=task_id, key="other", fetcher="web", query="q", state="fetched")


def test_what_was_fetched_is_forgotten_with_the_results_of_tasks() -> None:
    Fetch.objects.create(task_id=uuid4(), key="k", fetcher="web", query="q")
    Reading.objects.create(task_id=uuid4(), source="S1", part=1)
    retention.forget(clock.now() - timedelta(days=1))
    assert (Fetch.objects.count(), Reading.objects.count()) == (1, 1)
    retention.forget(clock.now())
    assert (Fetch.objects.count(), Reading.objects.count()) == (0, 0)
