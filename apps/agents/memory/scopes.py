"""Who may read a memory: scopes, and the keys under which some work reads and writes them. Pure."""

from enum import StrEnum

from apps.agents.llm.words import Work

EVERYBODY = "all"


class Scope(StrEnum):
    """For whom a memory is."""

    TASK = "task"
    """Later attempts and steps of the same task or issue."""
    AGENT = "agent"
    """The same agent, for any project."""
    PROJECT = "project"
    """Every agent that works for the project."""
    GLOBAL = "global"
    """Every agent."""


class Kind(StrEnum):
    """What a memory is."""

    FACT = "fact"
    EXCHANGE = "exchange"
    REFLECTION = "reflection"
    ANSWER = "answer"


class NoSuchScope(ValueError):  # noqa: N818 - reads as a word of the domain
    """The work has nothing by which this scope could be told: no task, no project, no agent."""


def readable(work: Work) -> tuple[tuple[Scope, str], ...]:
    """Return every scope with its key that this work may read, and no other."""
    pairs = (
        (Scope.TASK, work.task_id),
        (Scope.TASK, work.issue.lower()),
        (Scope.PROJECT, work.project_key),
        (Scope.AGENT, work.agent_id),
        (Scope.GLOBAL, EVERYBODY),
    )
    return tuple(pair for pair in pairs if pair[1])


def written(scope: Scope, work: Work, *, shares: bool) -> tuple[Scope, str]:
    """Return where a memory of this work goes. Raises NoSuchScope.

    A memory of a task that belongs to an issue is the issue's. Of a project that does not share, what would be the
    agent's or everybody's stays in the project.
    """
    if scope in {Scope.AGENT, Scope.GLOBAL} and work.project and not shares:
        scope = Scope.PROJECT
    keys = {
        Scope.TASK: work.issue.lower() or work.task_id,
        Scope.PROJECT: work.project_key,
        Scope.AGENT: work.agent_id,
        Scope.GLOBAL: EVERYBODY,
    }
    if not keys[scope]:
        raise NoSuchScope(f"This work has no {scope} to remember something for.")
    return scope, keys[scope]


def person(work: Work, named: str | None) -> str:
    """Return whom a memory of this work is about: who asked for it, nobody for an empty name, else one of their people.

    Who asks for many people (a chat) names them; those of one account are no other's, nor any account's own: a name is
    no proof. `anna` may read `anna` and, by name, `anna/visitor-7`.
    """
    if named is None or named == work.requested_by:
        return work.requested_by
    return f"{work.requested_by}/{named}" if named else ""
