"""The one way into the architect's log, and how its entries are shown to a model."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.db import transaction

from apps.agents.roster.architect.issues import Issue
from apps.agents.roster.architect.models import Entry
from apps.agents.roster.architect.words import Said
from meshsix.kit import redact
from meshsix.kit.actor import Actor
from meshsix.live.services import publish

AGENT_ID = "architect-agent"
_LEFT_OUT = frozenset({"given", "basis", "text", "task_id", "attempt"})


@dataclass(frozen=True, kw_only=True)
class Appended:
    """The entry as it stands. `is_new` is False where its key had been used: then nothing was written."""

    entry: Entry
    is_new: bool


@transaction.atomic
def append(
    issue: Issue,
    said: Said,
    payload: Mapping[str, object],
    *,
    key: str,
    actor: Actor | None = None,
    trace_id: str = "",
    task_id: str = "",
) -> Appended:
    """Write one entry with its event `state.write`, redacted; a repeat of the key changes nothing.

    The event comes first: it locks the issue's counter, so that entries of one issue get their numbers in the order in
    which they are committed, and it is what a repeat is known by.
    """
    told = publish(
        event_type="state.write",
        aggregate_id=issue.aggregate_id,
        payload={"store_key": f"architect_events/{issue.actor_id}/{key}", "operation": said.value},
        actor=actor,
        idempotency_key=f"architect:{digest(issue.actor_id, key)}",
        trace_id=trace_id,
        task_id=task_id,
        agent_id=AGENT_ID,
    )
    if told.is_new:
        Entry.objects.create(
            actor_id=issue.actor_id,
            number=told.aggregate_seq,
            project=issue.project,
            event_type=said,
            event_key=key,
            payload=redact.structure(payload),
        )
    return Appended(entry=Entry.objects.get(actor_id=issue.actor_id, event_key=key), is_new=told.is_new)


def digest(*parts: str) -> str:
    """Return a short name for something that these parts name together."""
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def source_id(entry: Entry) -> str:
    """Return the id by which a model names an entry that it was shown."""
    return f"log:{entry.pk}"


def bears(entry: Entry) -> bool:
    """Return whether an answer may rest on it: a question tells nothing, and a guess proves no other."""
    return entry.event_type not in {Said.QUESTION_RECEIVED, Said.HUMAN_ESCALATED}


def shown(entries: Iterable[Entry]) -> str:
    """Return entries as a model reads them, one a line, each with the id by which it may be named."""
    return "\n".join(f"[{source_id(each)}] {each.created_at:%Y-%m-%d %H:%M} {_told(each)}" for each in entries)


def _told(entry: Entry) -> str:
    """Return what an entry says: its own facts and what was given then, without what that rested on."""
    facts = {**entry.payload, **entry.payload.get("given", {})}
    told = {name: value for name, value in facts.items() if name not in _LEFT_OUT and value not in ("", None, [])}
    return f"{entry.event_type} {json.dumps(told, ensure_ascii=False)}"
