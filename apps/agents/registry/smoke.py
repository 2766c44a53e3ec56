"""How an agent shows that it works: by tasks that are really asked for, through the API. No database, no HTTP.

    def reckons(asker: Asker) -> None:
        answer = asker.ask("general-query", {"query": "What is 2+2?"})
        expect("4" in answer.result["response"], "the response has no 4")

    class SimpleAgent(Agent):
        smoke = (Smoke(title="reckons", does=reckons),)

`manage.py smoke` runs them. What an answer rests on is read from its `basis`; a smoke test need not return it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

MOST_ATTEMPTS = 2


class Failed(AssertionError):  # noqa: N818 - reads as a word of the domain
    """The agent did not do what its smoke test expects; the message says what it did."""


class NotConfigured(Exception):  # noqa: N818 - reads as a word of the domain
    """The smoke test needs an agent, a vendor or a target that this deployment does not have; the message names it."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """How a task ended. `result` is empty unless it completed, `error` (type, code, message, hint) if it did."""

    task_id: str
    status: str
    agent_id: str
    result: Mapping[str, Any] = field(default_factory=dict)
    error: Mapping[str, str] = field(default_factory=dict)


class Asker(Protocol):
    """Who asks for the tasks of a smoke test, for one agent."""

    @property
    def agent_id(self) -> str:
        """Return the agent that is tried."""

    @property
    def target(self) -> str:
        """Return what SMOKE_TARGETS names for this agent; never empty in a smoke test that `writes`."""

    def ask(self, capability: str, payload: Mapping[str, Any], *, project: str = "", by_score: bool = False) -> Answer:
        """Return the answer of a task that completed. Raises Failed where it ended otherwise.

        The task goes to the agent that is tried and to no other; with `by_score` to whom the score says. Raises
        NotConfigured where a vendor that the capability requires has no address.
        """

    def send(
        self,
        capability: str,
        payload: Mapping[str, Any],
        *,
        project: str = "",
        by_score: bool = False,
        attempts: int = MOST_ATTEMPTS,
    ) -> Answer:
        """Return the answer of a task however it ended after so many attempts, or `awaiting_approval`."""

    def get(self, path: str) -> Any:  # noqa: ANN401 - JSON
        """Return what a GET below `/api` answers, for example of `/tasks/{task_id}/attempts`. Raises Failed."""


@dataclass(frozen=True, kw_only=True)
class Smoke:
    """One smoke test. `needs` are other agents without which it is skipped.

    One that `writes` to something outside runs only where SMOKE_TARGETS names a target for its agent.
    """

    title: str
    does: Callable[[Asker], None]
    needs: tuple[str, ...] = ()
    writes: bool = False


def expect(holds: object, otherwise: str) -> None:
    """Raise Failed with `otherwise` unless it holds."""
    if not holds:
        raise Failed(otherwise)
