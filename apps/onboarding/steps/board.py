"""The project board: found by our mark in its readme or by its title, taken over, or made; then brought in line.

Fields and options that people added stay; an option that exists keeps its id, colour, description and place.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from apps.onboarding.catalog import problem
from apps.onboarding.words import Access, BoardReady, BoardWanted
from apps.projects.boards.columns import STATUS_FIELD, Column
from meshsix.durable.outcomes import Asked, WaitFor
from meshsix.integrations.github.boards import Boards
from meshsix.integrations.github.messages import Board, BoardField, Color, FieldType, Option
from meshsix.wiring import Clients

CHOICE_WAIT = timedelta(days=7)
NEW_BOARD = 0
TEXT_FIELDS = ("Session ID", "Pod Name", "Workflow ID")
SELECT_FIELDS: dict[str, tuple[Option, ...]] = {
    "Priority": (
        Option(name="Critical", color=Color.RED),
        Option(name="High", color=Color.ORANGE),
        Option(name="Medium", color=Color.YELLOW),
        Option(name="Low", color=Color.GREEN),
    ),
    STATUS_FIELD: (
        Option(name=Column.TODO.value, color=Color.GRAY, description="Waits for an agent"),
        Option(name=Column.PLANNING.value, color=Color.BLUE, description="An agent plans"),
        Option(name=Column.IN_PROGRESS.value, color=Color.YELLOW, description="An agent works"),
        Option(name=Column.QA.value, color=Color.PURPLE, description="Tests run"),
        Option(name=Column.REVIEW.value, color=Color.PINK, description="Waits for a review"),
        Option(name=Column.BLOCKED.value, color=Color.RED, description="Waits for an answer"),
        Option(name=Column.DONE.value, color=Color.GREEN, description="Merged"),
    ),
}


def create_project_board(wanted: BoardWanted, clients: Clients) -> BoardReady:
    """Find or make the repository's board and bring its fields in line.

    Waits for a choice where several boards could be the one. Raises Permanent where the board cannot be written, where
    a field of ours has another type, and where new options would take the values of existing cards away.
    """
    boards, access = clients.github.boards, wanted.validate_repo
    found = _find(wanted, boards.linked(access.repository))
    board = found or _create(boards, access)
    if not board.writable:
        raise problem("onboard:board:not-writable", f"{board.url} may be read by {access.login}, not changed.")
    converged = _converge(boards, board, access)
    return BoardReady(
        board_id=board.id,
        number=board.number,
        title=board.title,
        url=board.url,
        field_ids={field.name: field.id for field in converged.fields},
        option_ids={field.name: field.option_ids for field in converged.fields if field.options},
        adopted=found is not None,
        changed=found is None or converged != board,
    )


def title(access: Access) -> str:
    """Return the title of a board that we make."""
    return f"Mesh Six: {access.repository.full_name}"


def marker(access: Access) -> str:
    """Return the line by which we know the repository's board again, whatever its title becomes."""
    return f"mesh-six: {access.repository.full_name.lower()}"


def _find(wanted: BoardWanted, linked: Sequence[Board]) -> Board | None:
    """Return the board that is meant, or None where one is to be made. Waits where a person must choose."""
    access = wanted.validate_repo
    chosen = _chosen(wanted)
    if chosen == NEW_BOARD:
        return next((board for board in linked if board.title == title(access) and not board.closed), None)
    if chosen is not None:
        return _numbered(chosen, linked)
    ours = [board for board in linked if not board.closed and _is_ours(board, access)]
    if ours:
        return ours[0]
    candidates = [board for board in linked if not board.closed and board.writable and "mesh-six: " not in board.readme]
    if len(candidates) > 1:
        raise _choice(wanted, candidates)
    return candidates[0] if candidates else None


def _chosen(wanted: BoardWanted) -> int | None:
    """Return the number of the board that somebody chose, NEW_BOARD for a new one, None where nobody was asked."""
    if wanted.answer is None:
        return wanted.ask.adopt_board
    if wanted.answer.timed_out:
        raise problem("onboard:board:no-choice")
    number = wanted.answer.payload.get("board")
    if not isinstance(number, int):
        raise problem("onboard:board:no-choice", f"The answer names no board's number: {number!r}.")
    return number


def _numbered(number: int, linked: Sequence[Board]) -> Board:
    board = next((board for board in linked if board.number == number and not board.closed), None)
    if board is None:
        raise problem("onboard:board:not-linked", f"No open board number {number} is linked to the repository.")
    return board


def _is_ours(board: Board, access: Access) -> bool:
    lines = [line.strip().lower() for line in board.readme.splitlines()]
    return marker(access) in lines or ("mesh-six: " not in board.readme and board.title == title(access))


def _choice(wanted: BoardWanted, candidates: Sequence[Board]) -> WaitFor:
    facts = {str(board.number): f"{board.title} ({board.url})" for board in candidates}
    asked = Asked(
        who="operator",
        what="Several boards are linked to the repository: choose the number of one, or 0 for a new one.",
        facts=facts,
    )
    return WaitFor(f"choose-board:{wanted.this.run_id}", until=CHOICE_WAIT, asked=asked)


def _create(boards: Boards, access: Access) -> Board:
    return boards.create(
        owner=access.owner,
        owner_node_id=access.owner_node_id,
        repository_node_id=access.repository_node_id,
        title=title(access),
    )


def _converge(boards: Boards, board: Board, access: Access) -> Board:
    """Bring mark and fields in line; return the board as it is now."""
    fields = {field.id: field for field in board.fields}
    for name in TEXT_FIELDS:
        made = _text_field(boards, board, name)
        fields[made.id] = made
    for name, options in SELECT_FIELDS.items():
        made = _select_field(boards, board, name, options)
        fields[made.id] = made
    readme = board.readme
    if marker(access) not in [line.strip().lower() for line in readme.splitlines()]:
        readme = f"{readme}\n\n{marker(access)}".lstrip()
        boards.set_readme(board, readme)
    return replace(board, readme=readme, fields=tuple(fields.values()))


def _text_field(boards: Boards, board: Board, name: str) -> BoardField:
    field = board.field(name)
    if field is None:
        return boards.create_field(board, name=name, kind=FieldType.TEXT)
    _check_type(board, field, FieldType.TEXT)
    return field


def _select_field(boards: Boards, board: Board, name: str, wanted: Sequence[Option]) -> BoardField:
    field = board.field(name)
    if field is None:
        return boards.create_field(board, name=name, kind=FieldType.SINGLE_SELECT, options=wanted)
    _check_type(board, field, FieldType.SINGLE_SELECT)
    options = merged(field.options, wanted)
    if len(options) == len(field.options):
        return field
    if not boards.accepts_option_ids(board.owner):
        if board.items:
            detail = f"{board.url}: field {field.name}, {board.items} items."
            raise problem("onboard:board:options-would-be-lost", detail)
        options = tuple(replace(option, id="") for option in options)
    return boards.set_options(board, field, options)


def _check_type(board: Board, field: BoardField, kind: FieldType) -> None:
    if field.type != kind:
        raise problem(
            "onboard:board:field-type", f"{board.url}: field {field.name} is of type {field.type}, needed is {kind}."
        )


def merged(present: Sequence[Option], wanted: Sequence[Option]) -> tuple[Option, ...]:
    """Return all present options as they are and the wanted ones that are missing, in the order in which work flows.

    Options of people that we do not know stand behind ours, in their own order.
    """
    known = {option.name.casefold(): option for option in present}
    ours = tuple(known.pop(option.name.casefold(), option) for option in wanted)
    return ours + tuple(known.values())
