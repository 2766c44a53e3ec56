"""Users, organizations and bots as objects of the schema."""

from typing import Any

from deploy.sandbox.github.graph.connections import Connection, connect, connect_boards
from deploy.sandbox.github.graph.eyes import Eyes, Node
from deploy.sandbox.github.problems import GraphProblem
from deploy.sandbox.github.records import Account, Project


class Owner(Node):
    """A user, an organization or a bot."""

    @property
    def typename(self) -> str:  # type: ignore[override] # one class for three types of the schema
        """The type in the schema."""
        return str(self.record.kind)

    @property
    def url(self) -> str:
        """The account's page."""
        return f"{self.world.url}/{self.record.login}"

    @property
    def resource_path(self) -> str:
        """The path of the account's page."""
        return f"/{self.record.login}"

    def avatar_url(self, **_: object) -> str:
        """The account's picture."""
        return f"{self.world.url}/avatars/{self.record.id}"

    @property
    def is_viewer(self) -> bool:
        """Whether this is the caller."""
        return bool(self.record.login == self.eyes.caller.login)

    @property
    def viewer_can_administer(self) -> bool:
        """Whether the caller owns the organization."""
        return self.eyes.caller.login in self.record.owners

    viewer_is_a_member = viewer_can_create_repositories = viewer_can_create_projects = viewer_can_administer

    def organizations(self, **args: Any) -> Connection:  # noqa: ANN401 - arguments of the schema
        """The organizations that the user owns."""
        found = self.world.store.all(Account, lambda each: self.record.login in each.owners)
        return connect("organizations", self.eyes.nodes(found), args)

    def repository(self, *, name: str, **args: Any) -> Any:  # noqa: ANN401 - arguments of the schema
        """A repository of the account."""
        return find_repository(self.eyes, self.record.login, name, **args)

    def project_v2(self, *, number: int) -> Any:  # noqa: ANN401 - a board
        """A board by its number."""
        self.eyes.need_board_rights(self.record, "projectV2", write=False)
        ours = (self.record.id, number)
        found = self.world.store.first(Project, lambda each: (each.owner_id, each.number) == ours)
        if found is None or not self.eyes.sees_board(found):
            raise GraphProblem("NOT_FOUND", f"Could not resolve to a ProjectV2 with the number {number}.")
        return self.eyes.node(found)

    def projects_v2(self, **args: Any) -> Connection:  # noqa: ANN401 - arguments of the schema
        """The boards of the account."""
        self.eyes.need_board_rights(self.record, "projectsV2", write=False)
        found = list(self.world.store.all(Project, lambda each: each.owner_id == self.record.id))
        return connect_boards(self.eyes, found, args)


def find_repository(eyes: Eyes, owner: str, name: str, *, follow_renames: bool = True) -> Any:  # noqa: ANN401 - a repository
    """Return a repository that the caller can see, by a former name too. Raises GraphProblem NOT_FOUND."""
    found = eyes.world.find_repository(owner, name) or (eyes.world.moved(owner, name) if follow_renames else None)
    if found is None or not eyes.sees(found):
        raise GraphProblem("NOT_FOUND", f"Could not resolve to a Repository with the name '{owner}/{name}'.")
    return eyes.node(found)
