"""The words of research: what is asked of a fetcher, and what it brings."""

from dataclasses import dataclass
from datetime import datetime

from apps.agents.llm.words import Work


@dataclass(frozen=True, kw_only=True)
class Request:
    """What a fetcher is asked for: words, an address or a path, as its docstring says; at most `most` documents."""

    query: str
    work: Work
    most: int = 8


@dataclass(frozen=True, kw_only=True)
class Document:
    """Something that was fetched. One that is no source only tells where sources may be (a hit of a search)."""

    title: str
    url: str
    type: str
    text: str
    sha256: str
    fetched_at: datetime
    is_source: bool = True


@dataclass(frozen=True, kw_only=True)
class Cited:
    """A document with the id by which findings cite it. `relevance` to the question is 0 to 1."""

    id: str
    relevance: float
    document: Document
