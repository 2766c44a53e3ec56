"""The words of this app: for whom a model is asked, and what comes back."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Generic, TypeVar

Value = TypeVar("Value")


@dataclass(frozen=True, kw_only=True)
class Work:
    """For whom and for what a model or the memory is asked: the facts of a task's attempt, or of a platform's own job.

    `project` is `owner/name` or empty, `issue` `owner/name#number` or empty, `requested_by` the person or program that
    asked; at `deadline` nobody waits any longer (None: as long as the settings say).
    """

    agent_id: str
    task_id: str = ""
    attempt: int = 0
    project: str = ""
    issue: str = ""
    trace_id: str = ""
    requested_by: str = ""
    deadline: datetime | None = None

    @property
    def aggregate_id(self) -> str:
        """Return the aggregate under which the events of this work stand."""
        return f"task:{self.task_id}" if self.task_id else f"agent:{self.agent_id}"

    @property
    def project_key(self) -> str:
        """Return the project as it is compared and kept: GitHub knows no case."""
        return self.project.lower()


@dataclass(frozen=True, kw_only=True)
class ToolUse:
    """How often a tool really ran, and how often it failed."""

    name: str
    calls: int
    failed: int


@dataclass(frozen=True, kw_only=True)
class Reply(Generic[Value]):
    """What a model answered. `tools` has those that really ran, empty where none did; `cost_usd` is what is known."""

    value: Value
    text: str
    models: tuple[str, ...]
    tools: tuple[ToolUse, ...]
    calls: int
    prompt_tokens: int
    completion_tokens: int
    cost_usd: Decimal
    repaired: bool
