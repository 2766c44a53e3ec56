"""The root fields of a query."""

from datetime import UTC, datetime
from typing import Any

from deploy.sandbox.github.callers import Kind
from deploy.sandbox.github.graph.nodes import (
    Eyes,
    FieldNode,
    ItemNode,
    Owner,
    ProjectV2,
    RepositoryNode,
    find_repository,
    issue_node,
)
from deploy.sandbox.github.problems import GraphProblem, unresolved_node
from deploy.sandbox.github.records import Account, Field, Issue, Item, Project, Repository, number_of
from deploy.sandbox.github.world import World


class Query:
    """What a query starts from."""

    id = "Q_kgAA"

    def __init__(self, eyes: Eyes, counted: dict[str, int]) -> None:
        self.eyes, self.world, self._counted = eyes, eyes.world, counted

    @property
    def viewer(self) -> Owner:
        """The caller."""
        if self.eyes.caller.kind is Kind.APP:
            raise GraphProblem("FORBIDDEN", "Resource not accessible by integration")
        return Owner(self.eyes, self.world.known(self.eyes.caller.login))

    def node(self, *, id: str) -> Any:  # noqa: ANN401, A002 - any node; the schema names the argument
        """Anything by its global id."""
        return find_node(self.eyes, id)

    def nodes(self, *, ids: list[str]) -> list[Any]:
        """Things by their global ids."""
        return [find_node(self.eyes, each) for each in ids]

    def repository(self, *, owner: str, name: str, **_: object) -> RepositoryNode:
        """A repository by owner and name."""
        return find_repository(self.eyes, owner, name)

    def organization(self, *, login: str) -> Owner:
        """An organization."""
        return self._account(login, "Organization")

    def user(self, *, login: str) -> Owner:
        """A user."""
        return self._account(login, "User")

    def repository_owner(self, *, login: str) -> Owner | None:
        """A user or organization; None where there is none."""
        found = self.world.account(login)
        return Owner(self.eyes, found) if found else None

    def _account(self, login: str, kind: str) -> Owner:
        found = self.world.account(login)
        if found is None or found.kind != kind:
            article = "an" if kind == "Organization" else "a"
            raise GraphProblem("NOT_FOUND", f"Could not resolve to {article} {kind} with the login of '{login}'.")
        return Owner(self.eyes, found)

    def rate_limit(self, **_: object) -> dict[str, Any]:
        """What is left of the hour."""
        reset = datetime.fromtimestamp(self._counted["reset"], UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        kept = {name: self._counted[name] for name in ("limit", "remaining", "used")}
        return {**kept, "cost": 1, "node_count": 0, "reset_at": reset}


def find_node(eyes: Eyes, node: str) -> Any:  # noqa: ANN401 - any node
    """Return what a global id stands for. Raises GraphProblem NOT_FOUND."""
    number = number_of(node)
    for kind in (Account, Repository, Issue, Project, Field, Item):
        found = eyes.world.store.get(kind, number)
        if found is not None and found.node_id == node:
            shown = _seen(eyes, found)
            if shown is not None:
                return shown
    raise unresolved_node(node)


def _seen(eyes: Eyes, found: Account | Repository | Issue | Project | Field | Item) -> Any:  # noqa: ANN401 - any node
    match found:
        case Account():
            return Owner(eyes, found)
        case Repository():
            return RepositoryNode(eyes, found) if eyes.sees(found) else None
        case Issue():
            return issue_node(eyes, found) if eyes.sees(eyes.world.by_id(found.repository_id)) else None
        case Project():
            return ProjectV2(eyes, found) if _reads(eyes, eyes.world, found) else None
        case Field() | Item():
            project = eyes.world.store.get(Project, found.project_id)
            if project is None or not _reads(eyes, eyes.world, project):
                return None
            return FieldNode(eyes, found) if isinstance(found, Field) else ItemNode(eyes, found)


def _reads(eyes: Eyes, world: World, project: Project) -> bool:
    owner = world.store.get(Account, project.owner_id)
    if owner is not None:
        eyes.need_board_rights(owner, "node", write=False)
    return eyes.sees_board(project)
