"""The columns of a board, as plain values: how GitHub's options become them. No database, no clock."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

STATUS_FIELD = "Status"


class Column(StrEnum):
    """The columns that onboarding makes, in the order in which work flows. People may add others."""

    TODO = "Todo"
    PLANNING = "Planning"
    IN_PROGRESS = "In Progress"
    QA = "QA"
    REVIEW = "Review"
    BLOCKED = "Blocked"
    DONE = "Done"


NO_STATUS = ""
"""Where a card stands that has no Status."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a card stands: GitHub's option, and the column that it is for us. Both are empty without a Status."""

    option_id: str
    column: str


def option_ids(metadata: Mapping[str, object]) -> dict[str, str]:
    """Return the ids of the board's Status options by column, as onboarding noted them in the project's metadata.

    Empty where it has not noted any.
    """
    noted = metadata.get("option_ids")
    if not isinstance(noted, Mapping):
        return {}
    field = next((name for name in noted if str(name).casefold() == STATUS_FIELD.casefold()), None)
    options = noted.get(field)
    if not isinstance(options, Mapping):
        return {}
    return {_known(str(name)): str(option_id) for name, option_id in options.items()}


def place(option_id: str, name: str, ids: Mapping[str, str]) -> Place:
    """Return where a card with this Status option stands.

    The option's id decides, so that a column stays the one that it is when people rename its option; an option that
    is unknown by its id is known by its name, and one that is unknown by both is a column of its own.
    """
    if not option_id:
        return Place(option_id="", column=NO_STATUS)
    by_id = next((column for column, known in ids.items() if known == option_id), None)
    return Place(option_id=option_id, column=by_id or _known(name) or option_id)


def _known(name: str) -> str:
    return next((column.value for column in Column if column.casefold() == name.casefold()), name)
