"""Who did something, and through which door: stands in the event of each act."""

from dataclasses import asdict, dataclass
from enum import StrEnum


class ActorKind(StrEnum):
    """What an actor is."""

    USER = "user"
    TOKEN = "token"  # noqa: S105 - a kind of actor, not a secret
    AGENT = "agent"
    RUNNER = "runner"
    SYSTEM = "system"


class Door(StrEnum):
    """Through which door an act came."""

    UI = "ui"
    API = "api"
    CLI = "cli"
    MCP = "mcp"
    ADMIN = "admin"
    WEBHOOK = "webhook"
    LINK = "link"
    SYSTEM = "system"


@dataclass(frozen=True, kw_only=True)
class Actor:
    """Somebody or something that acts."""

    kind: ActorKind
    name: str
    door: Door
    request_id: str = ""

    def as_json(self) -> dict[str, str]:
        """Return the fields as they stand in events."""
        return {key: str(value) for key, value in asdict(self).items()}


SYSTEM = Actor(kind=ActorKind.SYSTEM, name="mesh-six", door=Door.SYSTEM)
