"""How an agent of this deployment is written: a class whose marked methods are its capabilities. No database.

    class SimpleAgent(Agent):
        \"\"\"Answers general questions.\"\"\"

        agent_id, type, max_concurrency = "simple-agent", AgentType.LLM, 4
        checks = {"litellm-healthy": vendor("litellm")}

        @capability("general-query", weight=0.8, requires=("litellm-healthy",))
        def answer(self, ask: GeneralQuery, job: Job) -> GeneralAnswer: ...

The first line of the class's docstring is the agent's title. settings.AGENTS names the class by its dotted path.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, ClassVar, TypeVar

from apps.agents.registry.models import AgentType, Risk
from apps.agents.registry.smoke import Smoke
from apps.agents.registry.states import CheckKind

MARKS = "__capabilities__"
Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(frozen=True, kw_only=True)
class Dependency:
    """Something that an agent needs, and how it is checked."""

    kind: CheckKind
    target: str


def vendor(name: str) -> Dependency:
    """Return a check by a call of the platform's own client; settings.AGENT_VENDOR_CHECKS has the names."""
    return Dependency(kind=CheckKind.VENDOR, target=name)


def url(address: str) -> Dependency:
    """Return a check by a GET that must answer 2xx; its host must stand in AGENT_CHECK_HOSTS."""
    return Dependency(kind=CheckKind.URL, target=address)


@dataclass(frozen=True, kw_only=True)
class Mark:
    """What `capability` says of a method."""

    name: str
    weight: float
    preferred: bool
    requires: tuple[str, ...]
    risk: Risk
    risky_actions: tuple[str, ...]
    preview: Mapping[str, Any] | None
    timeout_seconds: int
    estimated_seconds: int | None
    workflow: str


def capability(
    name: str,
    *,
    weight: float,
    preferred: bool = False,
    requires: tuple[str, ...] = (),
    risk: Risk = Risk.AUTO,
    risky_actions: tuple[str, ...] = (),
    preview: Mapping[str, Any] | None = None,
    timeout_seconds: int = 120,
    estimated_seconds: int | None = None,
    workflow: str = "",
) -> "Marking":
    """Mark a method as a capability and leave it as it is; a second mark gives it a second name.

    `workflow` is the dotted path of a workflow of the engine that serves the capability; then no method is called, and
    none need be written: `deploy = capability("deploy-service", ..., workflow=...).declared(takes=..., gives=...)`.
    `risky_actions` are values of the payload's `action` that need a person's approval. `preview` is what a payload is
    changed by to show what would be done: that changes nothing, so that it needs no approval. It names at least one
    property of the input.
    """
    mark = Mark(
        name=name,
        weight=weight,
        preferred=preferred,
        requires=requires,
        risk=risk,
        risky_actions=risky_actions,
        preview=preview,
        timeout_seconds=timeout_seconds,
        estimated_seconds=estimated_seconds,
        workflow=workflow,
    )
    return Marking(mark)


@dataclass(frozen=True)
class Marking:
    """The decorator that `capability` gives."""

    mark: Mark

    def __call__(self, function: Function) -> Function:
        """Mark the function."""
        setattr(function, MARKS, (*getattr(function, MARKS, ()), self.mark))
        return function

    def declared(self, *, takes: type, gives: type) -> "Declared":
        """Return the capability without a method; its workflow takes and gives these words."""
        if not self.mark.workflow:
            raise TypeError(f"{self.mark.name} needs a workflow, or a method.")
        return Declared(mark=self.mark, takes=takes, gives=gives)


@dataclass(frozen=True, kw_only=True)
class Declared:
    """A capability that a workflow serves, as an attribute of its agent's class."""

    mark: Mark
    takes: type
    gives: type


class Agent:
    """An agent. One object serves all tasks of a process, from several threads: it keeps no state of a task."""

    agent_id: ClassVar[str] = ""
    type: ClassVar[AgentType] = AgentType.SCRIPT
    version: ClassVar[str] = "1"
    max_concurrency: ClassVar[int] = 1
    checks: ClassVar[Mapping[str, Dependency]] = MappingProxyType({})
    metadata: ClassVar[Mapping[str, Any]] = MappingProxyType({})
    smoke: ClassVar[tuple[Smoke, ...]] = ()
