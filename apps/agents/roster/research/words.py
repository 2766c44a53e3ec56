"""The words of research: what is asked of a fetcher, and what it brings."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated

from pydantic import Field

from apps.agents.llm.words import Work
from meshsix.wiring import Clients

REMEMBERED = "memory"
"""The type of a document that agents remember: it was not fetched, and may be a model's own word."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """What a fetcher is asked for: words, an address or a path, as its docstring says; at most `most` documents."""

    query: str
    work: Work
    most: int = 8


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What is to be asked of which fetcher."""

    fetcher: str
    query: str


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


Fetcher = Callable[[Request, Clients], tuple[Document, ...]]


@dataclass(frozen=True, kw_only=True)
class Cited:
    """A document with the id by which findings cite it. `relevance` to the question is 0 to 1."""

    id: str
    relevance: float
    document: Document


@dataclass(frozen=True, kw_only=True)
class Part:
    """A part of a source, from 1, as much as a model is given at a time."""

    source: Cited
    number: int
    text: str


@dataclass(frozen=True, kw_only=True)
class Note:
    """Something that a source says about the question, and how surely it says so, 0 to 1."""

    note: str
    confidence: Annotated[float, Field(ge=0, le=1)]
