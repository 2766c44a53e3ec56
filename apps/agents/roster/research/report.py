"""The question and the answer of a research, and how an answer is made of a model's words and of what was fetched."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from apps.agents.llm.words import ToolUse
from apps.agents.roster.basis import NO_SOURCE, OWN_WORDS, Basis, Source
from apps.agents.roster.research import judging
from apps.agents.roster.research.judging import Finding
from apps.agents.roster.research.words import REMEMBERED, Cited

Words = Annotated[str, Field(min_length=1, max_length=8000)]
UNCITED = "Sources were read, and no finding names one of them."
_UNVERIFIED = "(requires verification)"


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
    """What was found out. `unsupported` has the findings that cite no fetched source; then `grounded` may be false.

    Where `timed_out`, what is unsupported or missing is marked as requiring verification.
    """

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
class Gathered:
    """What an answer may rest on. `missing` could not be read; `unknown` was looked for and not found."""

    sources: Sequence[Cited]
    missing: Sequence[str]
    used: tuple[ToolUse, ...]
    timed_out: bool
    unknown: Sequence[str] = ()


def answer(words: ResearchWords, gathered: Gathered, models: Sequence[str]) -> ResearchAnswer:
    """Return the answer that the model's words are, after what was really fetched."""
    fetched = {each.id for each in gathered.sources if each.document.type != REMEMBERED}
    known = {each.id for each in gathered.sources}
    found, unsupported = judging.judged(words.key_findings, known=known, fetched=fetched)
    missing = tuple(dict.fromkeys(gathered.missing))
    unknown = dict.fromkeys((*missing, *gathered.unknown, *words.missing_information))
    mark = f" {_UNVERIFIED}" if gathered.timed_out else ""
    notice = "" if found else UNCITED if fetched else OWN_WORDS if known else NO_SOURCE
    sources = tuple(map(_read, gathered.sources))
    return ResearchAnswer(
        summary=words.summary,
        key_findings=found,
        unsupported=tuple(replace(each, finding=f"{each.finding}{mark}") for each in unsupported),
        analysis=words.analysis,
        recommendations=words.recommendations,
        related_topics=words.related_topics,
        sources=sources,
        grounded=bool(found),
        notice=notice,
        missing_information=tuple(f"{each}{mark}" for each in unknown),
        timed_out=gathered.timed_out,
        basis=Basis(
            models=tuple(dict.fromkeys(models)),
            tools=gathered.used,
            sources=tuple(
                Source(id=each.id, title=each.title, url=each.url, fetched_at=each.fetched_at) for each in sources
            ),
            missing=missing,
            notice=notice,
        ),
    )


def _read(cited: Cited) -> SourceRead:
    document = cited.document
    return SourceRead(
        id=cited.id,
        title=document.title,
        url=document.url,
        type=document.type,
        relevance=cited.relevance,
        sha256=document.sha256,
        fetched_at=document.fetched_at,
    )
