"""What the research of one task has fetched, kept as it goes: whoever goes on after a kill repeats no fetch."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import zip_longest
from urllib.parse import urldefrag

from django.db import transaction
from django.db.models import Q, QuerySet

from apps.agents.llm.words import ToolUse, Work
from apps.agents.memory import local_vector
from apps.agents.roster.research.models import Fetch
from apps.agents.roster.research.states import FetchEvent, FetchState, after
from apps.agents.roster.research.words import Cited, Document, Fetcher, Request, Wish
from meshsix.durable import coding
from meshsix.integrations.errors import TryLater, VendorError
from meshsix.kit import clock, redact
from meshsix.live import services as live
from meshsix.wiring import Clients

MOST_CHARACTERS = 500_000
"""How much is read for one task; each source has an equal share of it."""
_JUDGED_CHARACTERS = 20_000
_LONGEST_TOLD = 400
_LONGEST_NOTE = 2000
_OF_MEMORY = 4
"""Every so-manieth source may be a memory."""
_DOCUMENTS = tuple[Document, ...]
_INTERRUPTED = "It was being read when the work was interrupted, and nothing is fetched twice."


class Shelf:
    """The fetches of one task. `most` is how many sources it may have."""

    def __init__(self, fetchers: Mapping[str, Fetcher], work: Work, clients: Clients, *, most: int) -> None:
        self._fetchers, self._work, self._clients, self._most = fetchers, work, clients, most
        self._documents: dict[str, Document] = {}
        self._may_be_asked_again = Q(state=FetchState.AWAY, attempt__lt=work.attempt)
        for row in self._rows().filter(state=FetchState.FETCHED):
            self._put(_documents(row))

    def _rows(self) -> QuerySet[Fetch]:
        return Fetch.objects.filter(task_id=self._work.task_id).order_by("ended_at", "id")

    def _asked(self) -> QuerySet[Fetch]:
        """Return what is not asked for again in this attempt."""
        return self._rows().exclude(self._may_be_asked_again)

    @property
    def room(self) -> int:
        """Return how many more sources it may have."""
        return self._most - len(self._documents)

    def has(self, wish: Wish) -> bool:
        """Return whether this was asked for before and is not asked for again, whatever came of it."""
        return self._asked().filter(key=_key(wish)).exists()

    def problem(self, wish: Wish) -> str:
        """Return why this could not be read; empty where it was, or nobody tried."""
        row = self._rows().filter(key=_key(wish)).exclude(state=FetchState.FETCHED).first()
        return row.note if row is not None else ""

    def takes(self, wish: Wish) -> bool:
        """Return whether there is a fetcher for it and it may be asked for."""
        return wish.fetcher in self._fetchers and bool(wish.query.strip()) and not self.has(wish)

    def gather(self, wishes: Sequence[Wish], *, until: int, may_go_on: Callable[[], bool]) -> bool:
        """Fetch what is wished for, then in turn the pages that each search found, until there are `until` sources.

        `may_go_on` is asked before each fetch; return whether it never said no.
        """
        found: list[list[str]] = []
        for wish in wishes:
            if self.room <= 0:
                return True
            if not may_go_on():
                return False
            hits = [each.url for each in self.fetch(wish) if not each.is_source]
            found.append([url for url in hits if url.startswith(("http://", "https://"))])
        for url in _in_turn(found):
            if len(self._documents) >= until or "web" not in self._fetchers:
                break
            if not may_go_on():
                return False
            self.fetch(Wish(fetcher="web", query=url))
        return True

    def fetch(self, wish: Wish, *, is_told: bool = True) -> _DOCUMENTS:
        """Return what a fetcher brings, or has brought for this task; nothing where it could not.

        `is_told` says whether the event log hears of it.
        """
        row, is_new = self._begin(wish, is_told=is_told)
        if not is_new:
            return self._found(row)
        try:
            brought = self._fetchers[wish.fetcher](self._request(wish), self._clients)
        except VendorError as error:
            event = FetchEvent.PUT_OFF if isinstance(error, TryLater) else FetchEvent.DECLINED
            self._end(row, event, note=_why(error, wish.fetcher))
            return ()
        share = MOST_CHARACTERS // self._most
        kept = self._fitting(tuple(_kept(each, share) for each in brought if _has_whole_address(each)))
        if not self._end(row, FetchEvent.BROUGHT, note=_note(brought, share), documents=kept):
            return ()  # somebody found it unfinished and went on without it
        self._put(kept)
        return kept

    def _request(self, wish: Wish) -> Request:
        request = Request(query=wish.query, work=self._work)
        return replace(request, most=max(1, self._most // _OF_MEMORY)) if wish.fetcher == "memory" else request

    def _fitting(self, brought: _DOCUMENTS) -> _DOCUMENTS:
        """Return what there is room for; what is known, or is no source, takes none."""
        new = dict.fromkeys(each.url for each in brought if each.is_source and each.url not in self._documents)
        left_out = list(new)[max(0, self.room) :]
        return tuple(each for each in brought if not each.is_source or each.url not in left_out)

    def _begin(self, wish: Wish, *, is_told: bool) -> tuple[Fetch, bool]:
        """Note that it is fetched, unless it was before; return its row and whether it is fetched now."""
        query = _plain(wish.query)[:_LONGEST_NOTE]
        facts = {"attempt": self._work.attempt, "is_told": is_told}
        with transaction.atomic():
            row, is_new = Fetch.objects.get_or_create(
                task_id=self._work.task_id, key=_key(wish), defaults={"fetcher": wish.fetcher, "query": query, **facts}
            )
            is_new = is_new or self._begun_again(row, facts)
            if is_new and is_told:
                summary = query[:_LONGEST_TOLD]
                self._tell(row, "tool.invocation", {"input_summary": summary})
        return row, is_new

    def _begun_again(self, row: Fetch, facts: Mapping[str, object]) -> bool:
        """Ask once more where an earlier attempt could not be answered; return whether nobody else did so."""
        if row.state != FetchState.AWAY:
            return False
        begun = {"state": after(FetchState.AWAY, FetchEvent.ASKED_AGAIN), "note": "", "ended_at": None, **facts}
        is_first = Fetch.objects.filter(self._may_be_asked_again, pk=row.pk).update(begun_at=clock.now(), **begun)
        row.refresh_from_db()
        return bool(is_first)

    def _found(self, row: Fetch) -> _DOCUMENTS:
        """Return what was brought. One that is on its way still was interrupted: nobody knows what came of it."""
        if row.state == FetchState.BEGUN:
            self._end(row, FetchEvent.FOUND_UNFINISHED, note=_INTERRUPTED)
            row.refresh_from_db()
        found = _documents(row)
        self._put(found)
        return found

    @transaction.atomic
    def _end(self, row: Fetch, event: FetchEvent, *, note: str = "", documents: _DOCUMENTS = ()) -> bool:
        """Record how it ended, if nobody else did; return whether it was recorded."""
        now = clock.now()
        kept = coding.adapter(_DOCUMENTS).dump_python(documents, mode="json")
        state = after(FetchState.BEGUN, event)
        is_first = Fetch.objects.filter(pk=row.pk, state=FetchState.BEGUN).update(
            state=state, documents=kept, note=_plain(note)[:_LONGEST_NOTE], ended_at=now
        )
        if is_first and row.is_told:
            facts = {
                "success": state is FetchState.FETCHED,
                "duration_ms": round((now - row.begun_at).total_seconds() * 1000),
                "output_size": sum(len(each.text) for each in documents),
                "count": len(documents),
                "error_type": None if state is FetchState.FETCHED else str(state),
            }
            self._tell(row, "tool.result", facts)
        return bool(is_first)

    def _tell(self, row: Fetch, event_type: str, facts: Mapping[str, object]) -> None:
        live.publish(
            event_type=event_type,
            aggregate_id=self._work.aggregate_id,
            payload={"call_id": str(row.pk), "tool_name": row.fetcher, **facts},
            trace_id=self._work.trace_id,
            task_id=self._work.task_id,
            agent_id=self._work.agent_id,
        )

    def _put(self, documents: _DOCUMENTS) -> None:
        for each in documents:
            if each.is_source:
                self._documents.setdefault(each.url, each)

    @property
    def ids(self) -> Mapping[str, str]:
        """Return the id of each source by its address, in the order in which they came; they never change."""
        return {url: f"S{number}" for number, url in enumerate(list(self._documents), start=1)}

    def sources(self, question: str) -> tuple[Cited, ...]:
        """Return the sources in the order in which they came."""
        return tuple(
            Cited(id=name, relevance=likeness(question, self._documents[url].text), document=self._documents[url])
            for url, name in self.ids.items()
        )

    def leads(self) -> tuple[Document, ...]:
        """Return what was found and not read: hits of searches, listings of folders."""
        tried = {row.query for row in self._asked().only("query")}
        found = [each for row in self._rows().filter(state=FetchState.FETCHED) for each in _documents(row)]
        unread = {each.url: each for each in found if not each.is_source and each.url not in tried}
        return tuple(unread.values())

    def close(self) -> None:
        """Let what is on its way count as interrupted: nothing more is fetched."""
        for row in self._rows().filter(state=FetchState.BEGUN):
            self._found(row)

    @property
    def missing(self) -> tuple[str, ...]:
        """Return what could not be read, or not all of it, and why."""
        rows = self._rows().exclude(note="").values_list("fetcher", "query", "note")
        return tuple(f"{_named(name, query[:_LONGEST_TOLD])}: {note}" for name, query, note in rows)

    @property
    def used(self) -> tuple[ToolUse, ...]:
        """Return which fetchers really ran."""
        rows = list(self._rows().values_list("fetcher", "state"))
        return tuple(
            ToolUse(
                name=name,
                calls=sum(each == name for each, _ in rows),
                failed=sum(each == name and state != FetchState.FETCHED for each, state in rows),
            )
            for name in dict.fromkeys(each for each, _ in rows)
        )


def likeness(question: str, text: str) -> float:
    """Return how many words, and parts of words, a text shares with a question: 0 to 1."""
    pair = zip(local_vector.of(question), local_vector.of(text[:_JUDGED_CHARACTERS]), strict=True)
    return round(min(1.0, max(0.0, sum(a * b for a, b in pair))), 3)


def _key(wish: Wish) -> str:
    """Return what makes two wishes the same; a fragment names no other page."""
    query = wish.query.strip()
    query = urldefrag(query).url if wish.fetcher == "web" else query
    return hashlib.sha256(json.dumps([wish.fetcher, query]).encode()).hexdigest()


def _named(fetcher: str, query: str) -> str:
    """Return how a person is told what was fetched: an address says it all, and of a search its words say nothing."""
    if fetcher == "web":
        return query
    return fetcher if fetcher == "search" else f"{fetcher} {query}".strip()


def _why(error: VendorError, fetcher: str) -> str:
    """Return why nothing was brought, with the vendor's name where the fetcher has another one."""
    return str(error) if error.vendor in {"", fetcher} else f"{error.vendor}: {error}"


def _documents(row: Fetch) -> _DOCUMENTS:
    found: _DOCUMENTS = coding.adapter(_DOCUMENTS).validate_python(row.documents)
    return found


def _kept(document: Document, share: int) -> Document:
    """Return a document as a row can hold it: its share of characters, without secrets."""
    return replace(document, title=_plain(document.title), url=_plain(document.url), text=_plain(document.text[:share]))


def _has_whole_address(document: Document) -> bool:
    """Return whether it may be asked for as it is kept: without its secret, an address names something else."""
    return document.is_source or _plain(document.url) == document.url


def _note(brought: _DOCUMENTS, share: int) -> str:
    """Return what of it could not be read, and why."""
    hits = [_plain(each.url)[:_LONGEST_TOLD] for each in brought if not _has_whole_address(each)]
    notes = [f"{url} is not read, since its address bears a secret" for url in hits]
    is_cut = any(len(each.text) > share for each in brought)
    return "; ".join([*notes, f"only its first {share:,} characters were read"] if is_cut else notes)


def _plain(text: str) -> str:
    """Return a text without secrets, NUL and half characters, which PostgreSQL refuses."""
    return redact.text(text).replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def _in_turn(lists: Sequence[Sequence[str]]) -> Iterator[str]:
    """Yield the first of each list, then the second of each, and so on, each once."""
    rows = (url for row in zip_longest(*lists) for url in row if url is not None)
    return iter(dict.fromkeys(rows))
