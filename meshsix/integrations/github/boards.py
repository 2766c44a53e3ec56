"""Projects v2 boards of GitHub and their cards. https://docs.github.com/en/graphql/reference/objects#projectv2."""

from collections.abc import Sequence
from typing import Any

from meshsix.integrations.errors import Missing
from meshsix.integrations.github.documents import document
from meshsix.integrations.github.failures import VENDOR
from meshsix.integrations.github.messages import Board, BoardField, Card, CardPage, FieldType, Option
from meshsix.integrations.github.transport import Transport
from meshsix.kit.names import RepositoryName


class Boards:
    """Words about boards. Those that change something are calls that create content: the budget spaces them."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def linked(self, repo: RepositoryName) -> tuple[Board, ...]:
        """Return the boards linked to the repository, closed ones too, by number."""
        boards: list[Board] = []
        after: str | None = None
        while True:
            variables = {"owner": repo.owner, "name": repo.name, "after": after}
            found = self._ask(repo.owner, "linked_boards", variables)["repository"]["projectsV2"]
            boards.extend(Board.parse(node) for node in found["nodes"] if node)
            if not found["pageInfo"]["hasNextPage"]:
                return tuple(sorted(boards, key=lambda board: board.number))
            after = found["pageInfo"]["endCursor"]

    def create(self, *, owner: str, owner_node_id: str, repository_node_id: str, title: str) -> Board:
        """Create a board with GitHub's own fields, linked to the repository."""
        variables = {"ownerId": owner_node_id, "repositoryId": repository_node_id, "title": title}
        return Board.parse(self._change(owner, "create_board", variables)["createProjectV2"]["projectV2"])

    def set_readme(self, board: Board, readme: str) -> None:
        """Replace the board's readme."""
        self._change(board.owner, "set_board_readme", {"projectId": board.id, "readme": readme})

    def create_field(self, board: Board, *, name: str, kind: FieldType, options: Sequence[Option] = ()) -> BoardField:
        """Create a field; a single-select one needs at least one option."""
        variables: dict[str, Any] = {"projectId": board.id, "name": name, "dataType": kind.value}
        if options:
            variables["options"] = [_as_input(option) for option in options]
        made = self._change(board.owner, "create_board_field", variables)
        return BoardField.parse(made["createProjectV2Field"]["projectV2Field"])

    def accepts_option_ids(self, owner: str) -> bool:
        """Return whether the server lets an option list name the options that exist already.

        Where it does not, a sent list replaces all options by new ones, and every card loses its value.
        """
        found = self._ask(owner, "option_input", {})["__type"]
        return found is not None and any(item["name"] == "id" for item in found["inputFields"])

    def set_options(self, board: Board, field: BoardField, options: Sequence[Option]) -> BoardField:
        """Replace the options of a single-select field; an option with an id stays the one that it is."""
        variables = {"fieldId": field.id, "options": [_as_input(option) for option in options]}
        made = self._change(board.owner, "set_board_options", variables)
        return BoardField.parse(made["updateProjectV2Field"]["projectV2Field"])

    def card(self, owner: str, item_id: str) -> Card:
        """Return the card as it is now, an archived one too. Raises Missing where it is gone."""
        return Card.parse(self._node(owner, "card", {"id": item_id}, what="card"))

    def cards(self, owner: str, board_id: str, *, after: str | None = None) -> CardPage:
        """Return up to 100 cards of the board, those behind the cursor `after`. Raises Missing where it is gone."""
        found = self._node(owner, "cards", {"board": board_id, "after": after}, what="board")
        return CardPage.parse(found["items"])

    def add(self, owner: str, *, board_id: str, content_id: str) -> Card:
        """Put an issue or a pull request (by its global id) on the board; return the card that is there then."""
        made = self._change(owner, "add_card", {"projectId": board_id, "contentId": content_id})
        return Card.parse(made["addProjectV2ItemById"]["item"])

    def move(self, owner: str, *, board_id: str, item_id: str, field_id: str, option_id: str) -> Card:
        """Move the card to the column of this option and return it as it is then; where it is already, all stays.

        Raises Missing where the board or the card is gone, Refused where the field has no such option.
        """
        variables = {"projectId": board_id, "itemId": item_id, "fieldId": field_id, "optionId": option_id}
        changed = self._change(owner, "move_card", variables)["updateProjectV2ItemFieldValue"]
        return Card.parse(changed["projectV2Item"])

    def _node(self, owner: str, name: str, variables: dict[str, Any], *, what: str) -> dict[str, Any]:
        """Return a node that a document asks for by its id. Raises Missing where none of that type has it."""
        found: dict[str, Any] | None = self._ask(owner, name, variables)["node"]
        if not found:
            raise Missing(f"GraphQL query {name}: there is no such {what}", code="github:missing", vendor=VENDOR)
        return found

    def _ask(self, owner: str, name: str, variables: dict[str, Any]) -> dict[str, Any]:
        return self._transport.graphql(owner, document(name), variables)

    def _change(self, owner: str, name: str, variables: dict[str, Any]) -> dict[str, Any]:
        return self._transport.graphql(owner, document(name), variables, creates=True)


def _as_input(option: Option) -> dict[str, str]:
    """Return a ProjectV2SingleSelectFieldOptionInput; without the id where the option is new."""
    known = {"id": option.id} if option.id else {}
    return known | {"name": option.name, "color": option.color.value, "description": option.description}
