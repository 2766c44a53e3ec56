"""On what an answer rests: filled from what really ran, never by a model."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from apps.agents.llm.words import Reply, ToolUse

NO_SOURCE = "No source was used: this is the model's own knowledge."
OWN_WORDS = "No source was used but what agents themselves said before."


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


def basis_of(
    *replies: Reply[Any],
    sources: tuple[Source, ...] = (),
    missing: tuple[str, ...] = (),
    own_words: Collection[str] = (),
) -> Basis:
    """Return the basis of what models replied: those that answered and the tools that really ran, of all together."""
    return basis(
        models=[model for reply in replies for model in reply.models],
        tools=[use for reply in replies for use in reply.tools],
        sources=sources,
        missing=missing,
        own_words=own_words,
    )


def basis(
    *,
    models: Sequence[str],
    tools: Sequence[ToolUse],
    sources: tuple[Source, ...] = (),
    missing: tuple[str, ...] = (),
    own_words: Collection[str] = (),
) -> Basis:
    """Return the basis of what was gathered; each model and each tool stands in it once.

    `own_words` are names of tools and ids of sources that told only what agents said before: nothing rests on them.
    """
    worked = {use.name for use in tools if use.calls > use.failed} | {each.id for each in sources}
    rests = bool(worked - set(own_words))
    return Basis(
        models=tuple(dict.fromkeys(models)),
        tools=tuple(_summed(name, tools) for name in dict.fromkeys(use.name for use in tools)),
        sources=sources,
        missing=missing,
        notice="" if rests else OWN_WORDS if sources else NO_SOURCE,
    )


def _summed(name: str, tools: Sequence[ToolUse]) -> ToolUse:
    same = [use for use in tools if use.name == name]
    return ToolUse(name=name, calls=sum(use.calls for use in same), failed=sum(use.failed for use in same))
