"""Deep research for tests: what its model says at each step, and how one step of it is run alone."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.test import override_settings
from pytest_django import Settings

from apps.agents.registry.models import Task
from apps.agents.registry.services import checks
from meshsix import wiring
from meshsix.durable import stretches
from meshsix.durable.models import StepRow
from tests.models_sandbox import ModelsSandbox
from tests.service.registry.conftest import Office
from tests.service.roster.web_sandbox import Site

QUESTION = "How often does Heron retry a failed message?"
ANALYSIS = {"context": "Queues.", "methodology": "Read the documentation.", "limitations": []}


@pytest.fixture
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


def says(litellm: ModelsSandbox, kind: str, *, times: int | None = None, **words: object) -> None:
    """Let the model answer this where an answer of this kind is asked for; what is said later comes first."""
    litellm.says({"when": {"schema": kind}, "times": times, "answer": {"json": words}})


def finding(text: str, *source_ids: str) -> dict[str, object]:
    return {"finding": text, "confidence": 0.9, "source_ids": list(source_ids)}


def finds(litellm: ModelsSandbox, *findings: dict[str, object], missing: tuple[str, ...] = ()) -> None:
    """Let the model plan nothing besides, note one thing of each part, miss nothing, and report these findings."""
    says(litellm, "PlanWords", wishes=[])
    says(litellm, "NotesWords", notes=[{"note": "It is retried 7 times.", "confidence": 0.9}])
    says(litellm, "AssessWords", missing=[], wishes=[])
    says(
        litellm,
        "ResearchWords",
        summary="Seven.",
        key_findings=list(findings),
        analysis=ANALYSIS,
        recommendations=[],
        related_topics=[],
        missing_information=list(missing),
    )


def misses(litellm: ModelsSandbox, *missing: str, wishes: tuple[tuple[str, str], ...] = ()) -> None:
    """Let the next assessment miss this."""
    asked = [{"fetcher": fetcher, "query": query} for fetcher, query in wishes]
    says(litellm, "AssessWords", times=1, missing=list(missing), wishes=asked)


def submitted(office: Office, **payload: object) -> Task:
    given = {"text": None, "modes": None, "query": QUESTION, "depth": "quick", **payload}
    return office.submit("deep-research", payload=given)


def one_step(task: Task, name: str) -> None:
    """Run one step and no other."""
    assert task.run_id is not None
    with override_settings(DURABLE_STRETCH=timedelta(0)):
        assert stretches.run(task.run_id, name, in_chord=False) is not None


def states(task: Task) -> dict[str, str]:
    return dict(StepRow.objects.filter(run=task.run_id).values_list("name", "state"))


def result_of(task: Task) -> dict[str, Any]:
    assert (task.status, task.error) == ("completed", None)
    assert task.result is not None
    result: dict[str, Any] = task.result
    return result
