"""The desk of one research: what was fetched, once each, by which fetcher, and what of it a model was shown."""

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
from apps.agents.roster.research import words
from apps.agents.roster.research.shelf import Shelf
from apps.agents.roster.research.words import Cited, Document, Fetcher
from meshsix.durable.outcomes import Permanent
from meshsix.kit import clock, tokens
from meshsix.wiring import Clients

FOR_THE_ANSWER = timedelta(seconds=45)
"""Nothing more is fetched when less time than this is left."""
_LONGEST_QUERY = 400
_MOST_TOKENS = 1200
_BEGINS = data("page", "").partition("\n")[0] + "\n"
"""How each source begins that a model is given; no text of a source can hold it."""
_NO_ROOM = "it was fetched, and there was no room to read it."


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
    """What one question has brought together. Its fetches are on the task's shelf, where another attempt finds them."""

    def __init__(
        self, question: str, fetchers: Mapping[str, Fetcher], work: Work, clients: Clients, *, most: int
    ) -> None:
        self.timed_out = False
        self._question, self._fetchers, self._work, self._most = question, fetchers, work, most
        self._shelf = Shelf(fetchers, work, clients, most=most)
        self._shown: set[str] = set()

    def tools(self) -> tuple[Tool, ...]:
        """Return the fetchers as tools for a model."""
        return tuple(
            Tool(
                name=name,
                description=described(fetcher) or name,
                function=partial(self._for_model, name),
                arguments=Wish,
                heard=self._heard,
            )
            for name, fetcher in self._fetchers.items()
        )

    @property
    def used(self) -> tuple[ToolUse, ...]:
        """Return which fetchers really ran, asked by us or by a model."""
        return self._shelf.used

    @property
    def sources(self) -> list[Cited]:
        """Return what the model was shown, and may cite."""
        return [each for each in self._shelf.sources(self._question) if each.document.url in self._shown]

    @property
    def missing(self) -> tuple[str, ...]:
        """Return what could not be read and why, and what was fetched and not shown for want of room."""
        left_out = [url for url in self._shelf.ids if url not in self._shown]
        return (*self._shelf.missing, *(f"{url}: {_NO_ROOM}" for url in left_out))

    def close(self) -> None:
        """Let what is on its way count as interrupted: nothing more is fetched."""
        self._shelf.close()

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
        except ToolFailed:
            return ()

    def fetch(self, name: str, query: str, *, is_told: bool = True) -> tuple[Document, ...]:
        """Return what a fetcher brings; nothing is fetched twice, failed or not. Raises ToolFailed.

        `is_told` says whether the event log hears of it here: a model's call of a tool is told by whoever runs it.
        """
        wish = words.Wish(fetcher=name, query=query)
        if not self._shelf.has(wish):
            self._check_limits()
        found = self._shelf.fetch(wish, is_told=is_told)
        if problem := self._shelf.problem(wish):
            raise ToolFailed(problem)
        return found

    def _check_limits(self) -> None:
        if self._shelf.room <= 0:
            raise ToolFailed(f"{self._most} sources were read, and no more may be: answer from them.")
        if self._work.deadline is not None and self._work.deadline - clock.now() < FOR_THE_ANSWER:
            self.timed_out = True
            raise ToolFailed("There is no time left to read more: answer from what was read.")

    def show(self, fits: Callable[[str], bool]) -> str:
        """Return as many sources as fit whole, the first ones, as a model reads them; the others it may not cite."""
        documents = [each.document for each in self._shelf.sources(self._question)]
        told = ""
        while documents and not fits(told := self._all_told(documents)):
            documents.pop()
        self._shown = {each.url for each in documents}
        return told if documents else ""

    def _for_model(self, name: str, query: str) -> str:
        return self._all_told(self.fetch(name, query, is_told=False)) or "Nothing was found."

    def _heard(self, told: str) -> None:
        """Note the sources of which a model was really given some text."""
        blocks = told.removesuffix(tokens.CUT).split(_BEGINS)
        self._shown |= {url for url, name in self._shelf.ids.items() if any(_tells(each, name, url) for each in blocks)}

    def _all_told(self, documents: Sequence[Document]) -> str:
        ids = self._shelf.ids
        return "\n\n".join(_told(each, ids.get(each.url, "") if each.is_source else "") for each in documents)


def _told(document: Document, source: str) -> str:
    head = f"Source {source}" if source else "No source yet"
    text = tokens.cut(document.text, _MOST_TOKENS)
    return data("page", f"{head}: {document.title}\n{document.url}\n\n{text}")


def _tells(block: str, source: str, url: str) -> bool:
    """Return whether a block tells more of a source than its title and address."""
    head, _, text = block.partition(f"\n{url}\n\n")
    return head.startswith(f"Source {source}: ") and bool(text)
