"""Projects v2 boards and their fields."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

Json = Mapping[str, Any]


class FieldType(StrEnum):
    """The kinds of board fields that we make; others are read as they are named by GitHub."""

    TEXT = "TEXT"
    SINGLE_SELECT = "SINGLE_SELECT"


class Color(StrEnum):
    """Colours of a single-select option."""

    BLUE = "BLUE"
    GRAY = "GRAY"
    GREEN = "GREEN"
    ORANGE = "ORANGE"
    PINK = "PINK"
    PURPLE = "PURPLE"
    RED = "RED"
    YELLOW = "YELLOW"


@dataclass(frozen=True, kw_only=True)
class Option:
    """An option of a single-select field. `id` is empty for one that does not exist yet."""

    name: str
    color: Color = Color.GRAY
    description: str = ""
    id: str = ""

    @classmethod
    def parse(cls, data: Json) -> Self:
        """Read a ProjectV2SingleSelectFieldOption."""
        return cls(
            id=data["id"],
            name=data["name"],
            color=Color(data["color"]),
            description=data.get("description") or "",
        )


@dataclass(frozen=True, kw_only=True)
class BoardField:
    """A field of a board. `type` is GitHub's ProjectV2FieldType; `options` of single-select fields only."""

    id: str
    name: str
    type: str
    options: tuple[Option, ...] = ()

    @classmethod
    def parse(cls, data: Json) -> Self:
        """Read a ProjectV2FieldConfiguration."""
        return cls(
            id=data["id"],
            name=data["name"],
            type=data["dataType"],
            options=tuple(Option.parse(option) for option in data.get("options") or ()),
        )

    @property
    def option_ids(self) -> dict[str, str]:
        """Return the options' ids by name."""
        return {option.name: option.id for option in self.options}


@dataclass(frozen=True, kw_only=True)
class Board:
    """A Projects v2 board. `items` is their number; `owner` the login of the user or organization that owns it."""

    id: str
    number: int
    owner: str
    title: str
    readme: str
    url: str
    closed: bool
    writable: bool
    items: int
    fields: tuple[BoardField, ...]

    @classmethod
    def parse(cls, data: Json) -> Self:
        """Read a ProjectV2."""
        return cls(
            id=data["id"],
            number=data["number"],
            owner=data["owner"]["login"],
            title=data["title"],
            readme=data.get("readme") or "",
            url=data["url"],
            closed=data["closed"],
            writable=data["viewerCanUpdate"],
            items=data["items"]["totalCount"],
            fields=tuple(BoardField.parse(node) for node in data["fields"]["nodes"] if node),
        )

    def field(self, name: str) -> BoardField | None:
        """Return the field of this name, in whatever case, or None."""
        return next((item for item in self.fields if item.name.casefold() == name.casefold()), None)
