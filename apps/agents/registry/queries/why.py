"""Why a task went to whom it went, for each candidate of a decision and for agents that were none."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from apps.agents.registry.models import Dispatch, Task
from apps.agents.registry.states import Why


@dataclass(frozen=True, kw_only=True)
class Explained:
    """One agent in one decision. `card` is full for the best 20; `reason` says why it did not get the task."""

    agent_id: str
    chosen: bool
    score: float | None
    reason: str
    card: Mapping[str, Any] | None


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """One routing decision as it was made then, whatever has changed since."""

    attempt: int | None
    chosen_agent: str
    policy: Mapping[str, Any]
    reason: str
    created_at: datetime
    agents: tuple[Explained, ...]


def why(task: Task, *, agent_id: str = "", most: int | None = None) -> tuple[Explanation, ...]:
    """Return the decisions about a task, the oldest first, about all candidates or about one agent.

    With `most` only the newest so many.
    """
    rows = Dispatch.objects.filter(task=task).order_by("-id")[:most]
    return tuple(_explanation(row, agent_id) for row in reversed(rows))


def _explanation(row: Dispatch, agent_id: str) -> Explanation:
    explained = [*_full(row), *_short(row)]
    if agent_id:
        explained = [each for each in explained if each.agent_id == agent_id] or [_stranger(agent_id)]
    return Explanation(
        attempt=row.attempt,
        chosen_agent=row.chosen_agent,
        policy=row.policy,
        reason=row.reason,
        created_at=row.created_at,
        agents=tuple(explained),
    )


def _full(row: Dispatch) -> list[Explained]:
    return [
        Explained(
            agent_id=card["agent_id"],
            chosen=card["agent_id"] == row.chosen_agent,
            score=card["final_score"],
            reason=", ".join(card["reasons"]) or (row.reason if card["agent_id"] == row.chosen_agent else ""),
            card=card,
        )
        for card in row.cards
    ]


def _short(row: Dispatch) -> list[Explained]:
    return [
        Explained(agent_id=each["agent"], chosen=False, score=each["score"], reason=each["reason"], card=None)
        for each in row.others
    ]


def _stranger(agent_id: str) -> Explained:
    """Return the answer about an agent that was no candidate: it did not offer the capability then.

    A decision holds all who did; whether the agent was known at all then, or is now, changes nothing about that.
    """
    return Explained(agent_id=agent_id, chosen=False, score=None, reason=str(Why.NOT_OFFERED), card=None)
