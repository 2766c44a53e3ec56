"""Repositories as objects of the schema."""

from collections.abc import Callable
from typing import Any

from deploy.sandbox.github.graph.connections import Connection, connect, connect_boards
from deploy.sandbox.github.graph.eyes import Node
from deploy.sandbox.github.graph.git_nodes import GitNode, RefNode, git_node
from deploy.sandbox.github.problems import GraphProblem, Problem
from deploy.sandbox.github.records import Issue, Label, Project, Repository


class RepositoryNode(Node):
    """A repository."""

    typename = "Repository"
    record: Repository
    is_disabled = is_fork = False
    has_issues_enabled = has_projects_enabled = True

    @property
    def name_with_owner(self) -> str:
        """Owner and name."""
        return self.record.full_name

    @property
    def owner(self) -> Any:  # noqa: ANN401 - an account
        """The account that owns it."""
        return self.eyes.node(self.world.known(self.record.owner))

    @property
    def url(self) -> str:
        """The repository's page."""
        return f"{self.world.url}/{self.record.full_name}"

    @property
    def resource_path(self) -> str:
        """The path of the repository's page."""
        return f"/{self.record.full_name}"

    @property
    def is_archived(self) -> bool:
        """Whether it is read-only."""
        return self.record.archived

    @property
    def is_private(self) -> bool:
        """Whether strangers cannot see it."""
        return self.record.private

    @property
    def visibility(self) -> str:
        """PUBLIC or PRIVATE."""
        return "PRIVATE" if self.record.private else "PUBLIC"

    @property
    def is_empty(self) -> bool:
        """Whether it has no commit."""
        return not self.world.git.refs(self.record.full_name)

    @property
    def viewer_permission(self) -> str | None:
        """The caller's role."""
        role = self.world.role(self.eyes.caller, self.record)
        return {"pull": "READ", "push": "WRITE", None: None}.get(role, (role or "").upper())

    @property
    def viewer_can_administer(self) -> bool:
        """Whether the caller's role is admin."""
        return self.world.role(self.eyes.caller, self.record) == "admin"

    @property
    def default_branch_ref(self) -> RefNode | None:
        """The default branch, if it has a commit."""
        return self.ref(qualified_name=self.record.default_branch)

    def ref(self, *, qualified_name: str) -> RefNode | None:
        """A branch or another ref."""
        name = qualified_name if qualified_name.startswith("refs/") else f"refs/heads/{qualified_name}"
        sha = self.world.git.refs(self.record.full_name, name).get(name)
        return RefNode(self, name, sha) if sha else None

    def refs(self, *, ref_prefix: str, **args: Any) -> Connection:  # noqa: ANN401 - arguments of the schema
        """Refs below a prefix."""
        found = self.world.git.refs(self.record.full_name, ref_prefix)
        return connect("refs", [RefNode(self, name, sha) for name, sha in found.items()], args)

    def object(self, *, expression: str | None = None, oid: str | None = None) -> GitNode | None:
        """A commit, tree or blob, by an expression such as `main:README.md` or by its id."""
        name, wanted = self.record.full_name, oid or expression or ""
        head, colon, path = wanted.partition(":")
        start = self.world.git.resolve(name, head)
        sha = self.world.git.resolve(name, f"{start}:{path}") if start and colon else start
        kind = self.world.git.kind(name, sha) if sha else None
        return git_node(self, sha, kind) if sha and kind else None

    def issue_or_pull_request(self, *, number: int) -> Any:  # noqa: ANN401 - an issue
        """An issue or pull request by its number."""
        try:
            return self.eyes.node(self.world.issue(self.record, number))
        except Problem:
            words = f"Could not resolve to an issue or pull request with the number of {number}."
            raise GraphProblem("NOT_FOUND", words) from None

    def issue(self, *, number: int) -> Any:  # noqa: ANN401 - an issue
        """An issue by its number."""
        return self._numbered(number, pull=False)

    def pull_request(self, *, number: int) -> Any:  # noqa: ANN401 - an issue
        """A pull request by its number."""
        return self._numbered(number, pull=True)

    def _numbered(self, number: int, *, pull: bool) -> Any:  # noqa: ANN401 - an issue
        ours = (self.record.id, number, pull)
        found = self.world.store.first(Issue, lambda each: (each.repository_id, each.number, each.is_pull) == ours)
        if found is None:
            kind = "a PullRequest" if pull else "an Issue"
            raise GraphProblem("NOT_FOUND", f"Could not resolve to {kind} with the number of {number}.")
        return self.eyes.node(found)

    def issues(self, **args: Any) -> Connection:  # noqa: ANN401 - arguments of the schema
        """The issues."""
        states = [state.lower() for state in args.get("states") or (args.get("filter_by") or {}).get("states") or []]
        labels = set(args.get("labels") or (args.get("filter_by") or {}).get("labels") or [])
        found = self._issues(
            lambda each: (
                not each.is_pull
                and (not states or each.state in states)
                and (not labels or bool(labels & set(each.labels)))
            )
        )
        return connect("issues", found, args)

    def pull_requests(self, **args: Any) -> Connection:  # noqa: ANN401 - arguments of the schema
        """The pull requests."""
        states, head, base = args.get("states"), args.get("head_ref_name"), args.get("base_ref_name")
        found = [
            each
            for each in self._issues(lambda each: each.is_pull)
            if (not states or each.state in states)
            and head in (None, each.head_ref_name)
            and base in (None, each.base_ref_name)
        ]
        return connect("pullRequests", found, args)

    def _issues(self, fits: Callable[[Issue], bool]) -> list[Any]:
        found = self.world.store.all(Issue, lambda each: each.repository_id == self.record.id and fits(each))
        return self.eyes.nodes(found)

    def labels(self, **args: Any) -> Connection:  # noqa: ANN401 - arguments of the schema
        """The labels."""
        found = self.world.store.all(Label, lambda each: each.repository_id == self.record.id)
        return connect("labels", self.eyes.nodes(found), args)

    def _linked(self) -> list[Project]:
        return list(self.world.store.all(Project, lambda each: self.record.id in each.repositories))

    def project_v2(self, *, number: int) -> Any:  # noqa: ANN401 - a board
        """A linked board by its number."""
        self.eyes.need_board_rights(self.world.known(self.record.owner), "projectV2", write=False)
        found = next((each for each in self._linked() if each.number == number and self.eyes.sees_board(each)), None)
        return self.eyes.node(found) if found else None

    def projects_v2(self, **args: Any) -> Connection:  # noqa: ANN401 - arguments of the schema
        """The boards that are linked to the repository."""
        self.eyes.need_board_rights(self.world.known(self.record.owner), "projectsV2", write=False)
        return connect_boards(self.eyes, self._linked(), args)
