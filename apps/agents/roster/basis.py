"""On what an answer rests: filled from what really ran, never by a model."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from apps.agents.llm.words import Reply, ToolUse

NO_SOURCE = "No source was used: this is the model's own knowledge."


@dataclass(frozen=True, kw_only=True)
class Source:
    """Something that was read. `url` is an address, or the query by which it was found."""

    id: str
    title: str
    url: str
    fetched_at: datetime


@dataclass(frozen=True, kw_only=True)
class Basis:
    """What an answer rests on. `missing` names what could not be read; `notice` says so where nothing was."""

    models: tuple[str, ...] = ()
    tools: tuple[ToolUse, ...] = ()
    sources: tuple[Source, ...] = ()
    missing: tuple[str, ...] = ()
    notice: str = ""


def basis_of(reply: Reply[Any], *, sources: tuple[Source, ...] = (), missing: tuple[str, ...] = ()) -> Basis:
    """Return the basis of a model's reply: the models that answered and the tools that really ran."""
    worked = any(use.calls > use.failed for use in reply.tools)
    return Basis(
        models=reply.models,
        tools=reply.tools,
        sources=sources,
        missing=missing,
        notice="" if worked or sources else NO_SOURCE,
    )
