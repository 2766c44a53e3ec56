"""The root fields of a query."""

from datetime import UTC, datetime
from typing import Any

from deploy.sandbox.github import boards
from deploy.sandbox.github.callers import Kind
from deploy.sandbox.github.graph.eyes import Eyes
from deploy.sandbox.github.graph.owners import find_repository
from deploy.sandbox.github.problems import GraphProblem, unresolved_node
from deploy.sandbox.github.records import Account, Field, Issue, Item, Project, Record, Repository, number_of

NODES: tuple[type[Record], ...] = (Account, Repository, Issue, Project, Field, Item)


class Query:
    """What a query starts from."""

    id = "Q_kgAA"

    def __init__(self, eyes: Eyes, counted: dict[str, int]) -> None:
        self.eyes, self.world, self._counted = eyes, eyes.world, counted

    @property
    def viewer(self) -> Any:  # noqa: ANN401 - an account
        """The caller."""
        if self.eyes.caller.kind is Kind.APP:
            raise GraphProblem("FORBIDDEN", "Resource not accessible by integration")
        return self.eyes.node(self.world.known(self.eyes.caller.login))

    def node(self, *, id: str) -> Any:  # noqa: ANN401, A002 - any node; the schema names the argument
        """Anything by its global id."""
        return find_node(self.eyes, id)

    def nodes(self, *, ids: list[str]) -> list[Any]:
        """Things by their global ids."""
        return [find_node(self.eyes, each) for each in ids]

    def repository(self, *, owner: str, name: str, **args: Any) -> Any:  # noqa: ANN401 - arguments of the schema
        """A repository by owner and name."""
        return find_repository(self.eyes, owner, name, **args)

    def organization(self, *, login: str) -> Any:  # noqa: ANN401 - an account
        """An organization."""
        return self._account(login, "Organization")

    def user(self, *, login: str) -> Any:  # noqa: ANN401 - an account
        """A user."""
        return self._account(login, "User")

    def repository_owner(self, *, login: str) -> Any:  # noqa: ANN401 - an account
        """A user or organization; None where there is none."""
        found = self.world.account(login)
        return self.eyes.node(found) if found else None

    def _account(self, login: str, kind: str) -> Any:  # noqa: ANN401 - an account
        found = self.world.account(login)
        if found is None or found.kind != kind:
            article = "an" if kind == "Organization" else "a"
            raise GraphProblem("NOT_FOUND", f"Could not resolve to {article} {kind} with the login of '{login}'.")
        return self.eyes.node(found)

    def rate_limit(self, **_: object) -> dict[str, Any]:
        """What is left of the hour."""
        reset = datetime.fromtimestamp(self._counted["reset"], UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        kept = {name: self._counted[name] for name in ("limit", "remaining", "used")}
        return {**kept, "cost": 1, "node_count": 0, "reset_at": reset}


def find_node(eyes: Eyes, node: str) -> Any:  # noqa: ANN401 - any node
    """Return what a global id stands for. Raises GraphProblem NOT_FOUND."""
    number = number_of(node)
    for kind in NODES:
        found = eyes.world.store.get(kind, number)
        if found is not None and found.node_id == node and _visible(eyes, found):
            return eyes.node(found)
    raise unresolved_node(node)


def _visible(eyes: Eyes, found: Record) -> bool:
    match found:
        case Repository():
            return eyes.sees(found)
        case Issue():
            return eyes.sees(eyes.world.by_id(found.repository_id))
        case Project():
            eyes.need_board_rights(boards.owner_of(eyes.world, found), "node", write=False)
            return eyes.sees_board(found)
        case Field() | Item():
            project = eyes.world.store.get(Project, found.project_id)
            return project is not None and _visible(eyes, project)
        case _:
            return True
