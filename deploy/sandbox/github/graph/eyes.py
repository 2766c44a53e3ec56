"""The world as one caller sees it, and what all objects of the schema have in common.

Attributes and methods of objects are the schema's fields in snake case; endpoint.py resolves them so.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from deploy.sandbox.github import boards
from deploy.sandbox.github.callers import Caller, Kind
from deploy.sandbox.github.problems import GraphProblem
from deploy.sandbox.github.records import Account, Project, Record, Repository
from deploy.sandbox.github.world import World


@dataclass(frozen=True)
class Eyes:
    """The world as one caller sees it."""

    world: World
    caller: Caller
    shapes: Mapping[type[Record], Callable[["Eyes", Any], Any]]
    """Which object of the schema shows which record; see catalogue.py."""

    def node(self, record: Record) -> Any:  # noqa: ANN401 - any object of the schema
        """Return the object of the schema that shows a record."""
        return self.shapes[type(record)](self, record)

    def nodes(self, found: Iterable[Record]) -> list[Any]:
        """Return the objects that show these records."""
        return [self.node(each) for each in found]

    def sees(self, repository: Repository) -> bool:
        """Tell whether the caller can see a repository."""
        private = repository.private and self.caller.kind is Kind.CLASSIC and not self.caller.has_scope("repo")
        return self.world.role(self.caller, repository) is not None and not private

    def sees_board(self, project: Project) -> bool:
        """Tell whether the caller can see a board."""
        return project.public or self.owns(boards.owner_of(self.world, project))

    def owns(self, account: Account) -> bool:
        """Tell whether boards of this account are the caller's business."""
        if self.caller.kind is Kind.INSTALLATION:
            return (self.caller.owner or "").lower() == account.login.lower()
        return self.caller.login in (account.login, *account.owners)

    def need_board_rights(self, owner: Account, field: str, *, write: bool) -> None:
        """Raise GraphProblem unless the caller's credential reaches boards of this owner."""
        scope = "project" if write else "read:project"
        if self.caller.kind is Kind.CLASSIC and not self.caller.has_scope(scope):
            granted = ", ".join(f"'{each}'" for each in self.caller.scopes)
            raise GraphProblem(
                "INSUFFICIENT_SCOPES",
                "Your token has not been granted the required scopes to execute this query. "
                f"The '{field}' field requires one of the following scopes: ['{scope}'], "
                f"but your token has only been granted the: [{granted}] scopes. "
                "Please modify your token's scopes at: https://github.com/settings/tokens.",
            )
        if self.caller.limited:
            organization = owner.kind == "Organization" and (self.caller.owner or "").lower() == owner.login.lower()
            if not organization or not self.caller.may("organization_projects", write=write):
                raise GraphProblem("FORBIDDEN", self.caller.refusal)
        elif write and not self.owns(owner):
            words = (
                f"{self.caller.login} does not have the correct permissions to execute `{field[0].upper()}{field[1:]}`"
            )
            raise GraphProblem("FORBIDDEN", words)


class Node:
    """Anything with a global id. `typename` is its type in the schema."""

    typename: ClassVar[str] = ""

    def __init__(self, eyes: Eyes, record: Any) -> None:  # noqa: ANN401 - each subclass says what it holds
        self.eyes, self.world, self.record = eyes, eyes.world, record

    @property
    def id(self) -> str:
        """The global id."""
        return str(self.record.node_id)

    @property
    def database_id(self) -> int:
        """The id that REST uses."""
        return int(self.record.id)

    full_database_id = database_id

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - a field of the record, of whatever type
        if name.startswith("_") or name in ("eyes", "world", "record"):
            raise AttributeError(name)
        return getattr(self.record, name)
