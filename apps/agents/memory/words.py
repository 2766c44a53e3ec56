"""The words of the memory: what is to be kept, what was recalled, what agents hand over."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from apps.agents.memory.scopes import Kind, Scope


@dataclass(frozen=True, kw_only=True)
class Recalled:
    """A memory that was found, the best first. `score` is the sum of 1 / (60 + rank) over the rankings it stands in."""

    id: UUID
    scope: Scope
    kind: Kind
    content: str
    agent_id: str
    project: str
    created_at: datetime
    score: float

    @property
    def is_own_word(self) -> bool:
        """Return whether a model said it: it proves what was said, not that it is so."""
        return self.kind in {Kind.EXCHANGE, Kind.REFLECTION}


@dataclass(frozen=True, kw_only=True)
class Note:
    """Something to keep, ready to be written: checked, redacted, with its vectors."""

    scope: Scope
    scope_key: str
    subject: str
    kind: Kind
    content: str
    embedding: tuple[float, ...] | None
    embedding_model: str
    local_embedding: tuple[float, ...]
