"""Writes of the memory, and recalling. Neither ever fails a task: what goes wrong is logged and nothing is remembered.

memory = Memories(work, llm)
found = memory.recall("How does this person like answers?", limit=3, subject=user_id)
memory.remember_exchange(question, answer, subject=user_id)   # gathered, with its vectors
memory.store()                                                # in the transaction that stores the result
"""

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import LiteralString
from uuid import UUID

import structlog
from django.db import DatabaseError, transaction
from django.db.models import Q

from apps.agents.llm import recording
from apps.agents.llm.errors import CallFailed
from apps.agents.llm.services import Llm
from apps.agents.llm.words import Work
from apps.agents.memory import local_vector, queries, scopes
from apps.agents.memory.models import LONGEST, Memory
from apps.agents.memory.scopes import Kind, Scope
from apps.agents.memory.words import Note, Recalled
from apps.projects import queries as projects
from meshsix import prepared, rows
from meshsix.durable.outcomes import Permanent
from meshsix.integrations.errors import VendorError
from meshsix.kit import clock, names, redact
from meshsix.kit.actor import SYSTEM, Actor
from meshsix.live import services as live
from meshsix.wiring import Clients

KEPT_AFTER_THE_END = timedelta(days=30)
PLATFORM = "platform"
"""As whom a model is asked for the vector of what no agent remembers."""
_CUT = " [cut]"
_log = structlog.get_logger(__name__)


class Memories:
    """The memory as one piece of work sees it. `new_exchanges` are those that `store` wrote: facts may be distilled."""

    def __init__(self, work: Work, llm: Llm) -> None:
        self.work = work
        self._llm = llm
        self._pending: list[Note] = []
        self._shares: bool | None = None
        self._model_is_away = False
        self.new_exchanges: tuple[UUID, ...] = ()

    def recall(self, query: str, *, limit: int = 5, subject: str | None = None) -> tuple[Recalled, ...]:
        """Return the memories nearest to `query` that this work may read, the best first; at most `limit`.

        What is about a person is found for that person alone: who asked for the work, unless a `subject` is named, who
        is one of theirs; see scopes.person.
        """
        started = time.monotonic()
        about = scopes.person(self.work, subject)
        model, vectors = self._vectors([query])
        try:
            with transaction.atomic():
                found = queries.recall(
                    readable=scopes.readable(self.work),
                    subject=about,
                    local=local_vector.of(query),
                    model=model,
                    vector=vectors[0],
                    most=limit,
                )
        except DatabaseError as error:
            _log.warning("nothing recalled", task_id=self.work.task_id, error=type(error).__name__)
            found = []
        self._tell_recall(found, started)
        return tuple(found)

    def remember(self, content: str, *, scope: Scope, kind: Kind = Kind.FACT, subject: str = "") -> Scope | None:
        """Gather something to keep, for `store`; return where it goes, None for an empty text. Raises NoSuchScope."""
        notes = self._notes([content], scope=scope, kind=kind, subject=subject)
        self._pending += notes
        return notes[0].scope if notes else None

    def remember_exchange(
        self, question: str, answer: str, *, scope: Scope = Scope.AGENT, subject: str | None = None
    ) -> None:
        """Gather what was asked and answered; it is about who asked, or the `subject` that is named, as in recall."""
        about = scopes.person(self.work, subject)
        half = LONGEST // 2 - len("Asked: \nAnswered: ")
        content = f"Asked: {_shortened(question, half)}\nAnswered: {_shortened(answer, half)}"
        self.remember(content, scope=scope, kind=Kind.EXCHANGE, subject=about)

    @property
    def has_gathered(self) -> bool:
        """Return whether there is something for `store`, or an exchange was written."""
        return bool(self._pending or self.new_exchanges)

    def store(self) -> int:
        """Write what was gathered, in the caller's transaction; return how much of it is new."""
        notes, self._pending = self._pending, []
        return self._write(notes)

    def keep(self, contents: Sequence[str], *, scope: Scope, kind: Kind = Kind.FACT, subject: str = "") -> int:
        """Write at once; return how much of it is new. Raises NoSuchScope."""
        return self._write(self._notes(contents, scope=scope, kind=kind, subject=subject))

    def _notes(self, contents: Sequence[str], *, scope: Scope, kind: Kind, subject: str) -> list[Note]:
        where, key = scopes.written(scope, self.work, shares=self._project_shares())
        texts = [text for text in (_shortened(redact.text(each).strip(), LONGEST) for each in contents) if text]
        if not texts:
            return []
        model, vectors = self._vectors(texts)
        return [
            Note(
                scope=where,
                scope_key=key,
                subject=subject,
                kind=kind,
                content=text,
                embedding=vector,
                embedding_model=model if vector is not None else "",
                local_embedding=local_vector.of(text),
            )
            for text, vector in zip(texts, vectors, strict=True)
        ]

    def _write(self, notes: Sequence[Note]) -> int:
        try:
            with transaction.atomic():
                new = {memory_id: note for note in notes if (memory_id := _insert(note, self.work)) is not None}
        except DatabaseError as error:
            _log.warning("nothing remembered", task_id=self.work.task_id, error=type(error).__name__)
            return 0
        self.new_exchanges += tuple(memory_id for memory_id, note in new.items() if note.kind is Kind.EXCHANGE)
        return len(new)

    def _vectors(self, texts: Sequence[str]) -> tuple[str, Sequence[tuple[float, ...] | None]]:
        """Return model and vectors; no model and None each where no model answers, which is asked but once then."""
        if not self._model_is_away:
            try:
                return self._llm.embed([text or " " for text in texts])
            except (VendorError, CallFailed, Permanent) as error:
                _log.info("without a model's vectors", task_id=self.work.task_id, error=type(error).__name__)
                self._model_is_away = True
        return "", [None] * len(texts)

    def _project_shares(self) -> bool:
        if self._shares is None:
            self._shares = _shares(self.work)
        return self._shares

    def _tell_recall(self, found: Sequence[Recalled], started: float) -> None:
        facts = {
            "call_id": None,
            "tool_name": "memory.recall",
            "success": True,
            "duration_ms": int((time.monotonic() - started) * 1000),
            "output_size": sum(len(each.content) for each in found),
            "count": len(found),
            "error_type": None,
        }
        recording.tell(self.work, "tool.result", facts)


def _insert(note: Note, work: Work) -> UUID | None:
    """Write a note; return its id, None where it is not new: the same words for the same readers stay as they were."""
    row = Memory(
        scope=note.scope,
        scope_key=note.scope_key,
        subject=note.subject,
        agent_id=work.agent_id,
        project=work.project_key,
        kind=note.kind,
        content=note.content,
        embedding=None if note.embedding is None else list(note.embedding),
        embedding_model=note.embedding_model,
        local_embedding=list(note.local_embedding),
    )
    Memory.objects.bulk_create([row], ignore_conflicts=True)
    return row.pk if Memory.objects.filter(pk=row.pk).exists() else None


def _shares(work: Work) -> bool:
    """Return whether what is learnt for the work's project may serve others (`share_memories` of its settings)."""
    if not work.project:
        return True
    project = projects.by_name(names.parse_repository(work.project))
    return project is None or bool(project.settings.get("share_memories", True))


def _shortened(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - len(_CUT)] + _CUT


_EXPIRE: LiteralString = """
UPDATE agent_memories SET expires_at = %s
WHERE scope = %s AND scope_key = %s AND expires_at IS NULL RETURNING id
"""


def task_ended(scope_key: str, at: datetime | None = None) -> int:
    """Let the memories of a task or an issue (`owner/name#number`) expire 30 days after its end; return how many."""
    return len(prepared.fetch(*expiry(scope_key, at or clock.now())))


def expiry(scope_key: str, at: datetime) -> rows.Change:
    """Return the change by which they expire, for who writes it together with the end."""
    return _EXPIRE, [at + KEPT_AFTER_THE_END, str(Scope.TASK), scope_key.lower()]


@dataclass(frozen=True, kw_only=True)
class Added:
    """A memory that somebody added. `is_new` is False where the same words were kept already."""

    memory: Memory
    is_new: bool


def add(content: str, *, scope: Scope, work: Work, subject: str, clients: Clients, actor: Actor) -> Added | None:
    """Keep what a person or program wants to be remembered, as a fact; None where it could not be written.

    Raises NoSuchScope. Where no model answers in time the memory has only its local vector.
    """
    asks = replace(work, agent_id=work.agent_id or PLATFORM)
    memory = Memories(work, Llm(asks, clients))
    notes = memory._notes([content], scope=scope, kind=Kind.FACT, subject=subject)  # noqa: SLF001 - of this module
    with transaction.atomic():
        is_new = memory._write(notes) > 0  # noqa: SLF001 - of this module
        row = _same(notes[0]) if notes else None
        if row is not None and is_new:
            _tell(row.pk, "add", actor, count=1)
    return None if row is None else Added(memory=row, is_new=is_new)


def _same(note: Note) -> Memory | None:
    """Return the row that holds what a note says."""
    same = {"scope": note.scope, "scope_key": note.scope_key, "subject": note.subject, "content": note.content}
    return Memory.objects.filter(**same).first()


def _tell(memory_id: UUID | str, operation: str, actor: Actor, *, count: int) -> None:
    """Publish that memories were written; never what they say, nor about whom."""
    live.publish(
        event_type="state.write",
        aggregate_id=f"memory:{memory_id}",
        payload={"store_key": "agent_memories", "operation": operation, "count": count},
        actor=actor,
    )


@transaction.atomic
def forget(memory_id: UUID, *, actor: Actor = SYSTEM) -> bool:
    """Delete one memory; return whether it was there."""
    gone = Memory.objects.filter(pk=memory_id).delete()[0] > 0
    if gone:
        _tell(memory_id, "forget", actor, count=1)
    return gone


@transaction.atomic
def forget_person(subject: str, *, everywhere: bool, actor: Actor = SYSTEM) -> int:
    """Delete all that is about a person; return how much that was.

    With `everywhere` also what others who ask for many people keep under this name.
    """
    elsewhere = Q(subject__regex=rf"^[^/]+/{re.escape(subject)}$")
    about = Q(subject=subject) | (elsewhere if everywhere else Q())
    gone = Memory.objects.filter(about).exclude(subject="").delete()[0] if subject else 0
    if gone:
        _tell("people", "forget", actor, count=gone)
    return gone


def tidy() -> int:
    """Delete what has expired, and what a reader has beyond its most; return how much that was."""
    return Memory.objects.filter(expires_at__lte=clock.now()).delete()[0] + queries.forget_surplus()
