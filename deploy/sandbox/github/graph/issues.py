"""Issues, pull requests, comments and labels as objects of the schema."""

from typing import Any

from deploy.sandbox.github import boards, issue_shapes, pull_shapes
from deploy.sandbox.github.graph.connections import Connection, connect, connect_boards
from deploy.sandbox.github.graph.eyes import Eyes, Node
from deploy.sandbox.github.graph.git_nodes import CommitNode
from deploy.sandbox.github.records import Comment, Issue, Item, Pull


class LabelNode(Node):
    """A label."""

    typename = "Label"

    @property
    def url(self) -> str:
        """The page of what carries the label."""
        return f"{self.world.url}/{self.world.by_id(self.record.repository_id).full_name}/labels/{self.record.name}"

    created_at = None


class IssueNode(Node):
    """What issues and pull requests have in common, and issues themselves."""

    typename = "Issue"
    record: Issue

    @property
    def repository(self) -> Any:  # noqa: ANN401 - a repository
        """Where it is."""
        return self.eyes.node(self.world.by_id(self.record.repository_id))

    @property
    def body(self) -> str:
        """Its text."""
        return self.record.body or ""

    @property
    def state(self) -> str:
        """OPEN or CLOSED."""
        return self.record.state.upper()

    @property
    def state_reason(self) -> str | None:
        """Why it is closed."""
        return self.record.state_reason.upper() if self.record.state_reason else None

    @property
    def closed(self) -> bool:
        """Whether it is closed."""
        return self.record.state == "closed"

    @property
    def url(self) -> str:
        """Its page."""
        return issue_shapes.html_url(self.world, self.repository.record, self.record)

    @property
    def resource_path(self) -> str:
        """The path of its page."""
        return self.url.removeprefix(self.world.url)

    @property
    def author(self) -> Any:  # noqa: ANN401 - an account
        """Who wrote it."""
        return self.eyes.node(self.world.known(self.record.author))

    @property
    def author_association(self) -> str:
        """How the author belongs to the repository."""
        return issue_shapes.association(self.world, self.repository.record, self.record.author)

    @property
    def viewer_did_author(self) -> bool:
        """Whether the caller wrote it."""
        return self.record.author == self.eyes.caller.login

    def labels(self, **args: Any) -> Connection:  # noqa: ANN401 - arguments of the schema
        """Its labels."""
        repository = self.repository.record
        found = [self.world.labelled(repository, name) for name in self.record.labels]
        return connect("labels", self.eyes.nodes(found), args)

    def assignees(self, **args: Any) -> Connection:  # noqa: ANN401 - arguments of the schema
        """Who works on it."""
        return connect("assignees", self.eyes.nodes(map(self.world.known, self.record.assignees)), args)

    def comments(self, **args: Any) -> Connection:  # noqa: ANN401 - arguments of the schema
        """Its comments."""
        found = self.world.store.all(Comment, lambda each: each.issue_id == self.record.id)
        return connect("comments", self.eyes.nodes(found), args)

    def _items(self) -> list[Item]:
        found = self.world.store.all(Item, lambda each: each.content_id == self.record.id)
        return [each for each in found if self.eyes.sees_board(boards.project_of(self.world, each))]

    def project_items(self, **args: Any) -> Connection:  # noqa: ANN401 - arguments of the schema
        """Its cards."""
        archived = args.get("include_archived", True)
        found = self.eyes.nodes(each for each in self._items() if archived or not each.archived)
        return connect("projectItems", found, args)

    def project_v2(self, *, number: int) -> Any:  # noqa: ANN401 - a board
        """A board that it is on."""
        found = (boards.project_of(self.world, each) for each in self._items())
        return next((self.eyes.node(each) for each in found if each.number == number), None)

    def projects_v2(self, **args: Any) -> Connection:  # noqa: ANN401 - arguments of the schema
        """The boards that it is on."""
        return connect_boards(self.eyes, [boards.project_of(self.world, each) for each in self._items()], args)


class PullRequest(IssueNode):
    """A pull request."""

    typename = "PullRequest"

    @property
    def _pull(self) -> Pull:
        return self.world.pull(self.record)

    @property
    def _shown(self) -> dict[str, Any]:
        return pull_shapes.full_pull(self.world, self.repository.record, self.record, self._pull)

    @property
    def database_id(self) -> int:
        """The id that REST uses."""
        return self._pull.id

    @property
    def state(self) -> str:
        """OPEN, CLOSED or MERGED."""
        return "MERGED" if self._pull.merged_at else self.record.state.upper()

    @property
    def head_ref_name(self) -> str:
        """The branch that wants in."""
        return self._pull.head

    @property
    def base_ref_name(self) -> str:
        """The branch that it wants into."""
        return self._pull.base

    @property
    def head_ref_oid(self) -> str:
        """The head's commit."""
        return pull_shapes.ends(self.world, self.repository.record, self.record, self._pull)[0]

    @property
    def base_ref_oid(self) -> str:
        """The base's commit."""
        return pull_shapes.ends(self.world, self.repository.record, self.record, self._pull)[1]

    @property
    def is_draft(self) -> bool:
        """Whether it is not ready."""
        return self._pull.draft

    @property
    def merged(self) -> bool:
        """Whether it is merged."""
        return self._pull.merged_at is not None

    @property
    def merged_at(self) -> str | None:
        """When it was merged."""
        return self._pull.merged_at

    @property
    def merge_commit(self) -> CommitNode | None:
        """The commit that merged it."""
        sha = self._pull.merge_commit_sha
        return CommitNode(self.repository, sha) if sha else None

    @property
    def mergeable(self) -> str:
        """Whether git can merge it."""
        return {True: "MERGEABLE", False: "CONFLICTING"}.get(self._shown["mergeable"], "UNKNOWN")

    @property
    def changed_files(self) -> int:
        """How many files it changes."""
        return int(self._shown["changed_files"])

    @property
    def additions(self) -> int:
        """How many lines it adds."""
        return int(self._shown["additions"])

    @property
    def deletions(self) -> int:
        """How many lines it removes."""
        return int(self._shown["deletions"])


def issue_node(eyes: Eyes, record: Issue) -> IssueNode:
    """Return the node for an issue or a pull request."""
    return PullRequest(eyes, record) if record.is_pull else IssueNode(eyes, record)


class CommentNode(Node):
    """A comment."""

    typename = "IssueComment"

    @property
    def _issue(self) -> IssueNode:
        found = self.world.store.get(Issue, self.record.issue_id)
        if found is None:
            raise LookupError(f"comment {self.record.id} names an issue that is gone")
        return IssueNode(self.eyes, found)

    @property
    def author(self) -> Any:  # noqa: ANN401 - an account
        """Who wrote it."""
        return self.eyes.node(self.world.known(self.record.author))

    @property
    def author_association(self) -> str:
        """How the author belongs to the repository."""
        return issue_shapes.association(self.world, self._issue.repository.record, self.record.author)

    @property
    def viewer_did_author(self) -> bool:
        """Whether the caller wrote it."""
        return bool(self.record.author == self.eyes.caller.login)

    @property
    def url(self) -> str:
        """Its place on the page."""
        return f"{self._issue.url}#issuecomment-{self.record.id}"
