"""The desk of one research: what was fetched, once each, by which fetcher, and what could not be."""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from inspect import getdoc

from django.conf import settings
from django.utils.module_loading import import_string
from pydantic import BaseModel, ConfigDict, Field

from apps.agents.llm.prompts import data
from apps.agents.llm.tools import Tool, ToolFailed
from apps.agents.llm.words import ToolUse, Work
from apps.agents.memory import local_vector
from apps.agents.roster.research.words import Cited, Document, Request
from meshsix.durable.outcomes import Permanent
from meshsix.integrations.errors import VendorError
from meshsix.kit import clock, tokens
from meshsix.wiring import Clients

Fetcher = Callable[[Request, Clients], tuple[Document, ...]]

FOR_THE_ANSWER = timedelta(seconds=45)
"""Nothing more is fetched when less time than this is left."""
_LONGEST_QUERY = 400
_MOST_TOKENS = 1200
_JUDGED_CHARACTERS = 20_000


class Wish(BaseModel):
    """What a model gives a fetcher."""

    model_config = ConfigDict(extra="forbid")
    query: str = Field(max_length=2000)


def chosen(wanted: Sequence[str] | None) -> dict[str, Fetcher]:
    """Return the fetchers of these names, all for None. Raises Permanent `invalid_input` for one that nobody has."""
    known: Mapping[str, str] = settings.RESEARCH_FETCHERS
    strange = [name for name in wanted or () if name not in known]
    if strange:
        hint = f"There are {', '.join(sorted(known)) or 'none'}."
        raise Permanent("invalid_input", hint=hint, detail=f"There is no fetcher {strange[0]!r}.")
    return {name: import_string(path) for name, path in known.items() if wanted is None or name in wanted}


def described(fetcher: Fetcher) -> str:
    """Return what a model is told of a fetcher: the first paragraph of its docstring."""
    return (getdoc(fetcher) or "").partition("\n\n")[0].replace("\n", " ")


class Desk:
    """What one question has brought together. `missing` says what could not be read and why."""

    def __init__(
        self, question: str, fetchers: Mapping[str, Fetcher], work: Work, clients: Clients, *, most: int
    ) -> None:
        self.sources: list[Cited] = []
        self.missing: list[str] = []
        self.timed_out = False
        self._question, self._fetchers, self._work, self._clients = question, fetchers, work, clients
        self._most = most
        self._brought: dict[tuple[str, str], tuple[Document, ...]] = {}
        self._uses: list[tuple[str, bool]] = []

    def tools(self) -> tuple[Tool, ...]:
        """Return the fetchers as tools for a model."""
        return tuple(
            Tool(
                name=name,
                description=described(fetcher) or name,
                function=partial(self._for_model, name),
                arguments=Wish,
            )
            for name, fetcher in self._fetchers.items()
        )

    @property
    def used(self) -> tuple[ToolUse, ...]:
        """Return which fetchers really ran, asked by us or by a model."""
        return tuple(
            ToolUse(
                name=name,
                calls=sum(each == name for each, _ in self._uses),
                failed=sum(each == name and not well for each, well in self._uses),
            )
            for name in dict.fromkeys(each for each, _ in self._uses)
        )

    def gather(self, pages: int) -> None:
        """Read what is remembered and the first `pages` pages that a search finds; what fails is noted."""
        question = self._question[:_LONGEST_QUERY]
        self._tried("memory", question)
        for hit in self._tried("search", question)[:pages]:
            self._tried("web", hit.url)

    def _tried(self, name: str, query: str) -> tuple[Document, ...]:
        if name not in self._fetchers:
            return ()
        try:
            return self.fetch(name, query)
        except (VendorError, ToolFailed):
            return ()

    def fetch(self, name: str, query: str) -> tuple[Document, ...]:
        """Return what a fetcher brings; nothing is fetched twice. Raises VendorError, ToolFailed."""
        if (name, query) in self._brought:
            return self._brought[name, query]
        room = self._most - len(self.sources)
        if room <= 0:
            raise ToolFailed(f"{self._most} sources were read, and no more may be: answer from them.")
        if self._work.deadline is not None and self._work.deadline - clock.now() < FOR_THE_ANSWER:
            self.timed_out = True
            raise ToolFailed("There is no time left to read more: answer from what was read.")
        try:
            found = self._fetchers[name](Request(query=query, work=self._work, most=room), self._clients)
        except VendorError as error:
            self._uses.append((name, False))
            self.missing.append(f"{query[:_LONGEST_QUERY]}: {error}" if name != "search" else f"search: {error}")
            raise
        self._uses.append((name, True))
        self._brought[name, query] = found
        self._keep(found[:room] if len(found) > room else found)
        return found

    def _keep(self, found: Sequence[Document]) -> None:
        known = {each.document.url for each in self.sources}
        for document in found:
            if document.is_source and document.url not in known:
                known.add(document.url)
                relevance = likeness(self._question, document.text)
                self.sources.append(Cited(id=f"S{len(self.sources) + 1}", relevance=relevance, document=document))

    def _for_model(self, name: str, query: str) -> str:
        found = self.fetch(name, query)
        return "\n\n".join(self._told(each) for each in found) or "Nothing was found."

    def told(self) -> str:
        """Return all sources as a model reads them, with their ids."""
        return "\n\n".join(self._told(each.document) for each in self.sources)

    def _told(self, document: Document) -> str:
        source = next((each.id for each in self.sources if each.document.url == document.url), "")
        head = f"Source {source}" if source else "No source yet"
        text = tokens.cut(document.text, _MOST_TOKENS)
        return data("page", f"{head}: {document.title}\n{document.url}\n\n{text}")


def likeness(question: str, text: str) -> float:
    """Return how many words, and parts of words, a text shares with a question: 0 to 1."""
    pair = zip(local_vector.of(question), local_vector.of(text[:_JUDGED_CHARACTERS]), strict=True)
    return round(min(1.0, max(0.0, sum(a * b for a, b in pair))), 3)
