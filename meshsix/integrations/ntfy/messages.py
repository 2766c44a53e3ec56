"""A notice as ntfy takes it. Source: https://docs.ntfy.sh/publish/#publish-as-json."""

from dataclasses import dataclass
from enum import IntEnum


class Priority(IntEnum):
    """How loudly the phone tells of it."""

    MIN = 1
    LOW = 2
    DEFAULT = 3
    HIGH = 4
    URGENT = 5


@dataclass(frozen=True, kw_only=True)
class OpenLink:
    """A button below the notice that opens an address."""

    label: str
    url: str

    def as_json(self) -> dict[str, object]:
        """Return the button as ntfy takes it."""
        return {"action": "view", "label": self.label, "url": self.url, "clear": False}


@dataclass(frozen=True, kw_only=True)
class Notice:
    """Something a person should know now. `click` is what a tap opens; `key` makes a repeat replace the first one."""

    title: str
    message: str
    click: str = ""
    actions: tuple[OpenLink, ...] = ()
    priority: Priority = Priority.DEFAULT
    tags: tuple[str, ...] = ()
    key: str = ""

    def as_json(self, topic: str) -> dict[str, object]:
        """Return the body of the request; empty parts are left out."""
        body: dict[str, object] = {
            "topic": topic,
            "title": self.title,
            "message": self.message,
            "priority": int(self.priority),
        }
        if self.click:
            body["click"] = self.click
        if self.actions:
            body["actions"] = [action.as_json() for action in self.actions]
        if self.tags:
            body["tags"] = list(self.tags)
        if self.key:
            body["sequence_id"] = self.key
        return body


def opens(line: object) -> str:
    """Return the address that a message of the topic opens; empty where it opens none."""
    return _text(line, "click")


def id_of(line: object) -> str:
    """Return the id of a message; empty where it has none."""
    return _text(line, "id")


def key_of(line: object) -> str:
    """Return the key under which a message was published; messages of one key replace each other."""
    return _text(line, "sequence_id")


def _text(line: object, name: str) -> str:
    found = line.get(name) if isinstance(line, dict) else None
    return found if isinstance(found, str) else ""
