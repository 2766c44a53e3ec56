"""The words of the registry: what is asked for, what an attempt gives, why one failed. Frozen, no behaviour."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

from apps.agents.registry.states import ErrorType


@dataclass(frozen=True, kw_only=True)
class Request:
    """A task as it is asked for. `project` is `owner/name`; seconds None: what the capability declares.

    `gate` are agents that a caller with a gate of its own has approved already, with who did.
    """

    capability: str
    payload: Mapping[str, Any]
    priority: int = 5
    timeout_seconds: int | None = None
    max_attempts: int = 3
    wait_seconds: int = 300
    project: str = ""
    trace_id: str = ""
    parent_task_id: UUID | None = None
    affinity_key: str = ""
    explorable: bool = True
    allowed_agents: tuple[str, ...] = ()
    backoff: Mapping[str, float] | None = None
    idempotency_key: str | None = None
    gate: "Gate | None" = None


@dataclass(frozen=True, kw_only=True)
class Gate:
    """Who approved which agents, and when (ISO 8601)."""

    agents: tuple[str, ...]
    user: str
    at: str


@dataclass(frozen=True, kw_only=True)
class Failure:
    """Why an attempt gave no result. `pause` is what the agent asks for before it is asked again."""

    type: ErrorType
    message: str
    code: str = ""
    hint: str = ""
    pause: timedelta | None = None

    def as_json(self) -> dict[str, str]:
        """Return the fields as they stand in a task's row."""
        return {"type": str(self.type), "code": self.code, "message": self.message, "hint": self.hint}


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """What a run of the engine is for: one try of one agent."""

    task_id: UUID
    attempt: int
    agent_id: str


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How an attempt ended: a result (or where in storage it lies), or a failure.

    `told` is the SHA-256 of what an agent outside reported, by which a repeat is known.
    """

    result: dict[str, Any] | None = None
    result_ref: str = ""
    failure: Failure | None = None
    told: str = ""
