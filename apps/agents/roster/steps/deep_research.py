"""What a deep research does: plan, fetch, read, assess, write. rounds.py makes the steps of each round of them."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from django.conf import settings

from apps.agents.registry.states import ErrorType
from apps.agents.roster.research import report, retention
from apps.agents.roster.research.report import Gathered, ResearchAnswer, ResearchAsk, ResearchWords
from apps.agents.roster.research.words import Note, Wish
from apps.agents.roster.steps import telling
from apps.agents.roster.steps.study import Study
from meshsix.durable.definition import StepFacts
from meshsix.durable.outcomes import Permanent, Skipped, TryLater
from meshsix.kit import clock
from meshsix.wiring import Clients

ROUNDS = 3
_MOST_WISHES = 5
_LONGEST_QUERY = 400
_UNREAD = "it was fetched, but not read."
_NO_ROOM = "it was read, and there was no room for what was noted of it."


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What every step takes."""

    ask: ResearchAsk
    this: StepFacts


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is fetched first."""

    wishes: tuple[Wish, ...]
    models: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Fetched:
    """How many sources there are after a round's fetches. `timed_out`: there was no time for all."""

    sources: int
    timed_out: bool = False


@dataclass(frozen=True, kw_only=True)
class Read:
    """How many notes there are after a round's reading. `timed_out`: there was no time for all."""

    notes: int
    timed_out: bool = False


@dataclass(frozen=True, kw_only=True)
class Assessed:
    """What a round missed, and what the next one fetches for it; nothing where the question can be answered."""

    missing: tuple[str, ...] = ()
    wishes: tuple[Wish, ...] = ()
    models: tuple[str, ...] = ()
    timed_out: bool = False


@dataclass(frozen=True, kw_only=True)
class PlanWords:
    """What the model says first."""

    wishes: tuple[Wish, ...]


@dataclass(frozen=True, kw_only=True)
class NotesWords:
    """What the model notes of a part of a source."""

    notes: tuple[Note, ...]


@dataclass(frozen=True, kw_only=True)
class AssessWords:
    """What the model misses."""

    missing: tuple[str, ...]
    wishes: tuple[Wish, ...]


def plan(wanted: Wanted, clients: Clients) -> Plan:
    """Decide what is fetched first: what is remembered, the question itself, and what the model wishes for."""
    retention.forget(clock.now() - settings.TASK_RETENTION)
    study = Study(wanted.ask, wanted.this, clients)
    question = wanted.ask.query[:_LONGEST_QUERY]
    first = [Wish(fetcher=name, query=question) for name in ("memory", "search") if name in study.fetchers]
    if not study.fetchers or study.is_late:
        return Plan(wishes=tuple(first))
    words = {"kind": study.ask.type, "context": _context(study), "fetchers": study.fetchers_told()}
    reply = study.say("deep-plan", PlanWords, words=words)
    more = [wish for wish in reply.value.wishes if wish.fetcher in study.fetchers and wish.query.strip()]
    return Plan(wishes=tuple(dict.fromkeys((*first, *more[:_MOST_WISHES]))), models=reply.models)


def fetch(number: int, wishes: Sequence[Wish], wanted: Wanted, clients: Clients) -> Fetched:
    """Fetch what round `number` (from 1) wishes for, as many sources as it may add. Raises Skipped without a wish."""
    if not wishes:
        raise Skipped("Nothing more is to be fetched.")
    study = Study(wanted.ask, wanted.this, clients)
    study.job.progress("fetching", {"round": number, "wishes": len(wishes)})
    until = min(study.reach.sources, -(-study.reach.sources * number // ROUNDS) + 1)
    did_all = study.shelf.gather(wishes, until=until, may_go_on=study.may_go_on)
    return Fetched(sources=study.reach.sources - study.shelf.room, timed_out=not did_all)


def read(fetched: Fetched | None, wanted: Wanted, clients: Clients) -> Read:
    """Let the model note what the sources say, part by part. Raises Skipped where nothing was fetched."""
    if fetched is None:
        raise Skipped("Nothing was fetched in this round.")
    study = Study(wanted.ask, wanted.this, clients)
    for part in study.notebook.unread(study.shelf.sources(study.ask.query)):
        if not study.may_go_on():
            return Read(notes=len(study.notebook.notes()), timed_out=True)
        words = {"source": part.source.id, "title": part.source.document.title}
        try:
            reply = study.say("deep-read", NotesWords, words=words, state=part.text)
        except Permanent as error:
            if error.code != ErrorType.INVALID_ANSWER:
                raise
            study.notebook.keep(part, (), problem="the model's notes of it could not be used")
        except TryLater:
            if study.is_late:
                return Read(notes=len(study.notebook.notes()), timed_out=True)
            raise
        else:
            study.notebook.keep(part, reply.value.notes, model=", ".join(reply.models))
    return Read(notes=len(study.notebook.notes()))


def assess(was_read: Read | None, wanted: Wanted, clients: Clients) -> Assessed:
    """Say what is still missing and where to look for it. Raises Skipped where nothing was read."""
    if was_read is None:
        raise Skipped("Nothing was read in this round.")
    study = Study(wanted.ask, wanted.this, clients)
    if not study.may_go_on():
        return Assessed(timed_out=True)
    words = {"context": _context(study), "fetchers": study.fetchers_told()}
    reply = study.say("deep-assess", AssessWords, words=words, state=telling.known(study))
    missing = tuple(reply.value.missing)
    if not missing or study.shelf.room <= 0:
        return Assessed(missing=missing, models=reply.models)
    wishes = [wish for wish in dict.fromkeys(reply.value.wishes) if study.shelf.takes(wish)]
    asked = (Wish(fetcher="search", query=each[:_LONGEST_QUERY]) for each in missing)
    wishes = wishes or [wish for wish in dict.fromkeys(asked) if study.shelf.takes(wish)]
    return Assessed(missing=missing, wishes=tuple(wishes[:_MOST_WISHES]), models=reply.models)


def write(
    planned: Plan, rounds: Iterable[Fetched | Read | Assessed | None], wanted: Wanted, clients: Clients
) -> ResearchAnswer:
    """Answer from what was noted. Only that may be cited of which the model was shown a note."""
    went = [each for each in rounds if each is not None]
    assessed = [each for each in went if isinstance(each, Assessed)]
    study = Study(wanted.ask, wanted.this, clients, is_last=True)
    study.shelf.close()
    study.job.progress("writing", {"notes": len(study.notebook.notes())})
    words = {"kind": study.ask.type, "context": _context(study)}
    shown, state = telling.fitting(study, "deep-write", words)
    reply = study.say("deep-write", ResearchWords, words=words, state=state)
    gathered = Gathered(
        sources=[each for each in study.shelf.sources(study.ask.query) if each.id in shown],
        missing=(*study.shelf.missing, *study.notebook.missing, *_left_out(study, shown)),
        used=study.shelf.used,
        timed_out=any(each.timed_out for each in went),
        unknown=next((each.missing for each in reversed(assessed) if not each.timed_out), ()),
    )
    models = (*planned.models, *study.notebook.models, *(model for each in assessed for model in each.models))
    return report.answer(reply.value, gathered, (*models, *reply.models))


def _context(study: Study) -> str:
    return study.ask.context or "nothing more is known"


def _left_out(study: Study, shown: Collection[str]) -> Iterator[str]:
    """Yield the sources that were fetched and not read, and those whose notes the model was not shown."""
    were_read, noted = study.notebook.read(), {each.source for each in study.notebook.notes()}
    for each in study.shelf.sources(study.ask.query):
        if each.id not in were_read:
            yield f"{each.document.url}: {_UNREAD}"
        elif each.id in noted and each.id not in shown:
            yield f"{each.document.url}: {_NO_ROOM}"
