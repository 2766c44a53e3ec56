"""The words of notices."""

from dataclasses import dataclass, field
from uuid import UUID

from apps.agents.roster.notices.states import ChannelName, Severity


@dataclass(frozen=True, kw_only=True)
class Button:
    """Something to open, below the message."""

    label: str
    url: str


@dataclass(frozen=True, kw_only=True)
class Letter:
    """What people are told. `facts` are pairs of a name and a value; a tap opens `link`."""

    message: str
    severity: Severity
    title: str
    link: str = ""
    buttons: tuple[Button, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Target:
    """Where a letter goes: the name of the destination, and its address or topic, which is a secret."""

    channel: ChannelName
    name: str = ""
    secret: str = field(default="", repr=False)


@dataclass(frozen=True, kw_only=True)
class Dispatch:
    """A letter with its target, and what makes it the same letter again. `project` is `owner/name` in lower case."""

    letter: Letter
    target: Target
    project: str
    key: str
    task_id: UUID
    trace_id: str
    agent_id: str
