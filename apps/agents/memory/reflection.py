"""What is learnt from a conversation by a model: facts of an exchange, and what to keep when a state is left.

Neither ever fails a task: what goes wrong is logged, and nothing is kept.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

import structlog

from apps.agents.llm import recording
from apps.agents.llm.errors import CallFailed
from apps.agents.llm.services import Llm
from apps.agents.llm.words import Work
from apps.agents.memory.models import Memory
from apps.agents.memory.scopes import Kind, NoSuchScope, Scope
from apps.agents.memory.services import Memories
from meshsix.durable.outcomes import Permanent
from meshsix.integrations.errors import VendorError
from meshsix.integrations.litellm import Message, Speaker
from meshsix.wiring import Clients

DISTIL = "agent_memory.distil"
"""The task that distils one exchange, by the id of its memory."""
MOST = 5
LAST_MESSAGES = 6

_GO_ON = Message(speaker=Speaker.USER, content="Write them down.")
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What of an exchange will matter later."""

    facts: tuple[str, ...]


class KeptFor(StrEnum):
    """Where a reflection may go; everybody's memory is for people to fill."""

    TASK = "task"
    PROJECT = "project"
    AGENT = "agent"


@dataclass(frozen=True, kw_only=True)
class Learnt:
    """One thing that was learnt, and for whom."""

    content: str
    scope: KeptFor


@dataclass(frozen=True, kw_only=True)
class Reflection:
    """What is kept when a state is left."""

    memories: tuple[Learnt, ...]


def distil(llm: Llm, memory: Memories, exchange: str, *, scope: Scope = Scope.AGENT, subject: str = "") -> int:
    """Keep at most five facts of an exchange, about `subject` where one is named; return how many are new.

    For the background: it calls a model.
    """
    prompt = llm.prompt("memory/distil")
    try:
        system = Message(speaker=Speaker.SYSTEM, content=prompt.render({"exchange": exchange}))
        found = llm.structured(prompt, (system, _GO_ON), Facts, purpose="distil")
        return memory.keep(found.value.facts[:MOST], scope=scope, kind=Kind.FACT, subject=subject)
    except (VendorError, CallFailed, Permanent, NoSuchScope) as error:
        _log.info("nothing distilled", task_id=llm.work.task_id, error=type(error).__name__)
        return 0


def distil_exchange(memory_id: UUID, clients: Clients) -> int:
    """Keep at most five facts of a remembered exchange, for those who may read it; return how many are new."""
    row = Memory.objects.filter(pk=memory_id, kind=Kind.EXCHANGE).first()
    if row is None:
        return 0
    work = Work(agent_id=row.agent_id, project=row.project)
    llm = Llm(work, clients)
    return distil(llm, Memories(work, llm), row.content, scope=Scope(row.scope), subject=row.subject)


def reflect(llm: Llm, memory: Memories, *, before: str, after: str, messages: Sequence[Message]) -> int:
    """Keep at most five things of the last six messages as `[BEFORE->AFTER] text`; return how many are new.

    For a long-lived agent that leaves the state `before`; tells `reflection.stored` for each scope.
    """
    if not messages:
        return 0
    spoken = "\n\n".join(f"{each.speaker}: {each.content}" for each in messages[-LAST_MESSAGES:])
    prompt = llm.prompt("memory/reflect")
    words = {"before": before, "after": after, "conversation": spoken}
    try:
        system = Message(speaker=Speaker.SYSTEM, content=prompt.render(words))
        found = llm.structured(prompt, (system, _GO_ON), Reflection, purpose="reflect")
    except (VendorError, CallFailed, Permanent) as error:
        _log.info("nothing reflected", task_id=llm.work.task_id, error=type(error).__name__)
        return 0
    learnt = found.value.memories[:MOST]
    return sum(_keep(memory, scope, learnt, before=before, after=after) for scope in KeptFor)


def _keep(memory: Memories, scope: KeptFor, learnt: Sequence[Learnt], *, before: str, after: str) -> int:
    texts = [f"[{before}->{after}] {each.content}" for each in learnt if each.scope is scope and each.content.strip()]
    if not texts:
        return 0
    try:
        count = memory.keep(texts, scope=Scope(scope), kind=Kind.REFLECTION)
    except NoSuchScope:  # work without a project learns nothing for one
        return 0
    facts = {"scope": scope.value, "memory_count": count, "transition_from": before, "transition_to": after}
    recording.tell(memory.work, "reflection.stored", facts)
    return count
