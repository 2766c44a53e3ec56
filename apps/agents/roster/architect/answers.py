"""A question about an issue: answered from what is known of it, or guessed, and which of the two it is."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from apps.agents.llm.errors import InvalidAnswer
from apps.agents.llm.prompts import data
from apps.agents.memory.context import Context, Parts
from apps.agents.roster.architect import judging, log, queries
from apps.agents.roster.architect.desk import MOST_MEMORIES, Desk, remembered
from apps.agents.roster.architect.judging import Judged
from apps.agents.roster.architect.models import Entry
from apps.agents.roster.architect.tools import source_id
from apps.agents.roster.architect.words import Answered, IssueQuestion, Reply, Said
from apps.agents.roster.basis import Basis, Source, basis

ISSUE = "issue"
"""The id of the issue's own text."""
_BETWEEN = "\n"
_TALK = (Said.QUESTION_RECEIVED, Said.QUESTION_ANSWERED, Said.HUMAN_ESCALATED, Said.HUMAN_ANSWERED)


@dataclass(frozen=True, kw_only=True)
class _Known:
    """What a model is shown.

    `ids` may bear an answer: they really stand in it, since what was left out for length proves nothing, and are no
    model's own words.
    """

    context: Context
    ids: frozenset[str]
    entries: tuple[Entry, ...]


def answer(desk: Desk, ask: IssueQuestion) -> Answered:
    """Return the answer to a question, the first one given to its id. The log has question and answer then."""
    key = f"reply:{ask.question_id}"
    given = desk.earlier(key, Answered)
    if given is not None:
        return given
    facts = {"question_id": ask.question_id, "question": ask.question}
    desk.note(Said.QUESTION_RECEIVED, f"question-received:{ask.question_id}", {**facts, "source": ask.source})
    said, rests_on = _asked(desk, _known(desk, ask))
    answered = Answered(
        question_id=ask.question_id,
        confident=said.confident,
        confidence=said.confidence,
        answer=said.text if said.confident else None,
        best_guess=None if said.confident else said.text,
        based_on=said.based_on,
        basis=rests_on,
    )
    told = Said.QUESTION_ANSWERED if said.confident else Said.HUMAN_ESCALATED
    desk.note_with_result(told, key, facts, answered)
    return answered


def _known(desk: Desk, ask: IssueQuestion) -> _Known:
    """Return the issue's text, the latest consultation, all questions and answers, five memories, and their ids."""
    desk.memories = desk.job.memory.recall(ask.question, limit=MOST_MEMORIES, subject="")
    entries = tuple(_entries(desk, ask.question_id))
    told = {**_text_of_issue(desk), **{log.source_id(each): log.shown([each]) for each in entries}}
    system = desk.job.llm.prompt("answer").render()
    memories = remembered(desk.memories)
    context = desk.job.context(
        Parts(system=system, payload=ask.question, state=_BETWEEN.join(told.values()), memories=memories)
    )
    desk.memories = desk.memories[: context.memories_used]
    bears = {ISSUE, *(log.source_id(each) for each in entries if log.bears(each))}
    said = bears.intersection(_shown(told, context.state_shown))
    recalled = {source_id(each) for each in desk.memories if not each.is_own_word}
    return _Known(context=context, ids=frozenset(said | recalled), entries=entries)


def _shown(told: Mapping[str, str], characters: int) -> Iterator[str]:
    """Yield the ids of those texts that so many characters, of all together, show whole; of the issue's own, some."""
    begins = 0
    for name, text in told.items():
        least = len(f"[{name}]") + 1 if name == ISSUE else len(text)
        if begins + least <= characters:
            yield name
        begins += len(text) + len(_BETWEEN)


def _entries(desk: Desk, question_id: str) -> Iterable[Entry]:
    """Yield what the log says, the most useful first: what is too much is cut from the end."""
    if desk.issue is None:
        return
    consulted = queries.latest(desk.issue, Said.CONSULTED)
    if consulted is not None:
        yield consulted
    for each in queries.of_types(desk.issue, _TALK).reverse():
        if each.event_key != f"question-received:{question_id}":
            yield each


def _text_of_issue(desk: Desk) -> Mapping[str, str]:
    """Return the issue's own text by its id, nothing where it has none."""
    entry = queries.latest(desk.issue, Said.ACTIVATED) if desk.issue else None
    told = [str(entry.payload.get(name) or "") for name in ("title", "text")] if entry else []
    return {ISSUE: f"[{ISSUE}] {data('issue', chr(10).join(told).strip())}"} if any(told) else {}


def _asked(desk: Desk, known: _Known) -> tuple[Judged, Basis]:
    """Ask the model; what cannot be read even after its repair is a guess of which nothing is known."""
    prompt, messages = desk.job.llm.prompt("answer"), known.context.messages
    try:
        reply = desk.job.llm.structured(
            prompt, messages, Reply, offered=desk.tools.offered(), may_go_on=desk.job.checkpoint
        )
        said = judging.judged(reply.value, known.ids | desk.tools.citable)
        models, tools = reply.models, reply.tools
    except InvalidAnswer as error:
        said, models, tools = judging.unreadable(error.text), error.models, error.tools
    sources = (*_cited(known, said), *desk.sources)
    rests_on = basis(models=models, tools=tools, sources=sources, missing=desk.tools.missing, own_words=desk.own_words)
    return said, rests_on


def _cited(known: _Known, said: Judged) -> tuple[Source, ...]:
    """Return the entries of the log on which the answer rests."""
    return tuple(
        Source(id=log.source_id(each), title=each.event_type, url=each.actor_id, fetched_at=each.created_at)
        for each in known.entries
        if log.source_id(each) in said.based_on
    )
