"""researcher-agent: questions of technology and markets, answered from what was fetched, with its sources."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from apps.agents.memory.context import Parts
from apps.agents.registry.agent import Agent, capability, vendor
from apps.agents.registry.models import AgentType
from apps.agents.registry.services.jobs import Job
from apps.agents.roster.basis import NO_SOURCE, Basis, Source
from apps.agents.roster.research import desk, judging
from apps.agents.roster.research.desk import Desk
from apps.agents.roster.research.judging import Finding
from apps.agents.roster.trials import RESEARCHES

Words = Annotated[str, Field(min_length=1, max_length=8000)]


class Depth(StrEnum):
    """How far a research goes."""

    QUICK = "quick"
    STANDARD = "standard"
    COMPREHENSIVE = "comprehensive"


@dataclass(frozen=True, kw_only=True)
class Reach:
    """What a depth means: most sources, how many pages are read before the model is asked, and its tier."""

    sources: int
    pages: int
    tier: str


REACH = {
    Depth.QUICK: Reach(sources=3, pages=2, tier="fast"),
    Depth.STANDARD: Reach(sources=8, pages=4, tier="standard"),
    Depth.COMPREHENSIVE: Reach(sources=20, pages=8, tier="strong"),
}


class Level(StrEnum):
    """How much something matters, or how hard it is."""

    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


@dataclass(frozen=True, kw_only=True)
class ResearchAsk:
    """A question. `type` says in a word what kind of research it is; `fetchers` are names, all where it is left out."""

    query: Words
    type: Annotated[str, Field(max_length=60)] = "general"
    context: Annotated[str, Field(max_length=8000)] = ""
    depth: Depth = Depth.STANDARD
    fetchers: tuple[str, ...] | None = None


@dataclass(frozen=True, kw_only=True)
class Analysis:
    """How the question was looked at."""

    context: str
    methodology: str
    limitations: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Recommendation:
    """What to do about it."""

    recommendation: str
    priority: Level
    rationale: str


@dataclass(frozen=True, kw_only=True)
class ResearchWords:
    """What the model says; which findings stand is judged by code."""

    summary: str
    key_findings: tuple[Finding, ...]
    analysis: Analysis
    recommendations: tuple[Recommendation, ...] = ()
    related_topics: tuple[str, ...] = ()
    missing_information: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class SourceRead:
    """A source that was fetched. `relevance` to the question is 0 to 1; `sha256` is of what was fetched."""

    id: str
    title: str
    url: str
    type: str
    relevance: float
    sha256: str
    fetched_at: datetime


@dataclass(frozen=True, kw_only=True)
class ResearchAnswer:
    """What was found out. `unsupported` has the findings that cite no fetched source; then `grounded` may be false."""

    summary: str
    key_findings: tuple[Finding, ...]
    unsupported: tuple[Finding, ...]
    analysis: Analysis
    recommendations: tuple[Recommendation, ...]
    related_topics: tuple[str, ...]
    sources: tuple[SourceRead, ...]
    grounded: bool
    notice: str
    missing_information: tuple[str, ...]
    timed_out: bool
    basis: Basis


@dataclass(frozen=True, kw_only=True)
class TriageAsk:
    """Something that is to be done, of which it is not known whether research must come first."""

    query: Words
    context: Annotated[str, Field(max_length=8000)] = ""


@dataclass(frozen=True, kw_only=True)
class TriageWords:
    """What the model says."""

    needs_deep_research: bool
    reasoning: str
    research_prompt: str
    complexity: Level


@dataclass(frozen=True, kw_only=True)
class TriageAnswer:
    """Whether research must come first, why, and what to ask it; the prompt is empty where it need not."""

    needs_deep_research: bool
    reasoning: str
    research_prompt: str
    complexity: Level
    basis: Basis


class ResearcherAgent(Agent):
    """Finds out about technology and markets, and says from which sources."""

    agent_id, type, max_concurrency = "researcher-agent", AgentType.LLM, 4
    smoke = (RESEARCHES,)
    checks = {"litellm-healthy": vendor("litellm")}

    @capability("technical-research", weight=0.95, preferred=True, requires=("litellm-healthy",), timeout_seconds=120)
    def technical(self, ask: ResearchAsk, job: Job) -> ResearchAnswer:
        """Look into a technical question."""
        return _research(ask, job, prompt="technical")

    @capability("market-analysis", weight=0.85, requires=("litellm-healthy",), timeout_seconds=120)
    def market(self, ask: ResearchAsk, job: Job) -> ResearchAnswer:
        """Look into products, vendors and prices."""
        return _research(ask, job, prompt="market")

    @capability("research-triage", weight=0.9, preferred=True, requires=("litellm-healthy",), timeout_seconds=120)
    def triage(self, ask: TriageAsk, job: Job) -> TriageAnswer:
        """Say whether research must come before the work."""
        prompt = job.llm.prompt("triage")
        context = job.context(Parts(system=prompt.render(), payload=ask.query, state=ask.context))
        reply = job.llm.structured(prompt, context.messages, TriageWords, may_go_on=job.checkpoint)
        words = reply.value
        return TriageAnswer(
            needs_deep_research=words.needs_deep_research,
            reasoning=words.reasoning,
            research_prompt=words.research_prompt if words.needs_deep_research else "",
            complexity=words.complexity,
            basis=Basis(models=reply.models, notice=NO_SOURCE),
        )


def _research(ask: ResearchAsk, job: Job, *, prompt: str) -> ResearchAnswer:
    """Let code read first, then let the model read on by the same fetchers and answer."""
    reach = REACH[ask.depth]
    fetchers = desk.chosen(ask.fetchers)
    reading = Desk(ask.query, fetchers, job.llm.work, job.clients, most=reach.sources)
    job.progress("reading", {"fetchers": sorted(fetchers)})
    reading.gather(reach.pages)
    job.checkpoint()
    wanted = replace(job.llm.prompt(prompt), tier=reach.tier)
    system = wanted.render({"kind": ask.type, "context": ask.context or "nothing more is known"})
    context = job.context(Parts(system=system, payload=ask.query, state=reading.told()))
    reply = job.llm.structured(
        wanted, context.messages, ResearchWords, offered=reading.tools(), may_go_on=job.checkpoint
    )
    return _answer(reply.value, reading, reply.models)


def _answer(words: ResearchWords, reading: Desk, models: tuple[str, ...]) -> ResearchAnswer:
    found, unsupported = judging.judged(words.key_findings, [each.id for each in reading.sources])
    notice = "" if reading.sources else NO_SOURCE
    missing = tuple(dict.fromkeys(reading.missing))
    return ResearchAnswer(
        summary=words.summary,
        key_findings=found,
        unsupported=unsupported,
        analysis=words.analysis,
        recommendations=words.recommendations,
        related_topics=words.related_topics,
        sources=tuple(_source(reading)),
        grounded=bool(found),
        notice=notice,
        missing_information=(*missing, *words.missing_information),
        timed_out=reading.timed_out,
        basis=Basis(
            models=models,
            tools=reading.used,
            sources=tuple(
                Source(id=each.id, title=each.title, url=each.url, fetched_at=each.fetched_at)
                for each in _source(reading)
            ),
            missing=missing,
            notice=notice,
        ),
    )


def _source(reading: Desk) -> list[SourceRead]:
    return [
        SourceRead(
            id=each.id,
            title=each.document.title,
            url=each.document.url,
            type=each.document.type,
            relevance=each.relevance,
            sha256=each.document.sha256,
            fetched_at=each.document.fetched_at,
        )
        for each in reading.sources
    ]
