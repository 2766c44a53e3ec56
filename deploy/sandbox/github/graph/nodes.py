"""The objects of the schema. Attributes and methods are the schema's fields in snake case; see `schema.resolve`."""

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from deploy.sandbox.github import boards, git_shapes, issue_shapes, pull_shapes
from deploy.sandbox.github.callers import Caller, Kind
from deploy.sandbox.github.git import Commit as GitCommit
from deploy.sandbox.github.git import Entry
from deploy.sandbox.github.problems import GraphProblem, Problem
from deploy.sandbox.github.records import (
    SINGLE_SELECT,
    Account,
    Comment,
    Field,
    Issue,
    Item,
    Label,
    Option,
    Project,
    Pull,
    Repository,
)
from deploy.sandbox.github.world import World

MOST = 100


@dataclass(frozen=True)
class Eyes:
    """The world as one caller sees it."""

    world: World
    caller: Caller

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
                f"Your token has not been granted the required scopes to execute this query. The '{field}' field requires "
                f"one of the following scopes: ['{scope}'], but your token has only been granted the: [{granted}] scopes. "
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


@dataclass(frozen=True)
class Connection:
    """One page of a list, as GraphQL pages: by cursor, at most 100 nodes."""

    total_count: int
    nodes: Sequence[Any]
    edges: Sequence[Any]
    page_info: Any


@dataclass(frozen=True)
class Edge:
    """A node and its cursor."""

    cursor: str
    node: Any


@dataclass(frozen=True)
class PageInfo:
    """Where a page begins and ends."""

    start_cursor: str | None
    end_cursor: str | None
    has_next_page: bool
    has_previous_page: bool


def _cursor(place: int) -> str:
    return base64.b64encode(f"cursor:v2:{place}".encode()).decode()


def _place(cursor: str) -> int:
    try:
        return int(base64.b64decode(cursor).decode().rpartition(":")[2])
    except ValueError:
        raise GraphProblem("INVALID_CURSOR_ARGUMENTS", f"`{cursor}` does not appear to be a valid cursor.") from None


def connect(name: str, entries: Sequence[Any], args: dict[str, Any]) -> Connection:
    """Return the page of `entries` that first, last, after and before ask for."""
    first, last = args.get("first"), args.get("last")
    size = first if first is not None else last
    if size is None:
        raise GraphProblem(
            "MISSING_PAGINATION_BOUNDARIES",
            f"You must provide a `first` or `last` value to properly paginate the `{name}` connection.",
        )
    if not 0 <= size <= MOST:
        raise GraphProblem(
            "EXCESSIVE_PAGINATION",
            f"Requesting {size} records on the `{name}` connection exceeds the `first` limit of {MOST} records.",
        )
    start = _place(args["after"]) if args.get("after") else 0
    end = _place(args["before"]) - 1 if args.get("before") else len(entries)
    if first is not None:
        end = min(end, start + first)
    else:
        start = max(start, end - size)
    shown = [
        Edge(cursor=_cursor(place + 1), node=entries[place])
        for place in range(start, max(end, start))
        if place < len(entries)
    ]
    info = PageInfo(
        start_cursor=shown[0].cursor if shown else None,
        end_cursor=shown[-1].cursor if shown else None,
        has_next_page=end < len(entries),
        has_previous_page=start > 0,
    )
    return Connection(total_count=len(entries), nodes=[each.node for each in shown], edges=shown, page_info=info)


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


def _boards(eyes: Eyes, found: Sequence[Project], args: dict[str, Any]) -> Connection:
    words = (args.get("query") or "").lower().split()
    plain = [word for word in words if ":" not in word]
    seen = [each for each in found if eyes.sees_board(each) and all(word in each.title.lower() for word in plain)]
    if "is:open" in words:
        seen = [each for each in seen if not each.closed]
    order = args.get("order_by") or {"field": "NUMBER", "direction": "DESC"}
    key = {"TITLE": "title", "CREATED_AT": "created_at", "UPDATED_AT": "updated_at"}.get(order["field"], "number")
    seen.sort(key=lambda each: getattr(each, key), reverse=order["direction"] == "DESC")
    return connect("projectsV2", [ProjectV2(eyes, each) for each in seen], args)


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
        return connect("organizations", [Owner(self.eyes, each) for each in found], args)

    def repository(self, *, name: str, **_: object) -> "RepositoryNode | None":
        """A repository of the account."""
        return find_repository(self.eyes, self.record.login, name)

    def project_v2(self, *, number: int) -> "ProjectV2":
        """A board by its number."""
        self.eyes.need_board_rights(self.record, "projectV2", write=False)
        ours = (self.record.id, number)
        found = self.world.store.first(Project, lambda each: (each.owner_id, each.number) == ours)
        if found is None or not self.eyes.sees_board(found):
            raise GraphProblem("NOT_FOUND", f"Could not resolve to a ProjectV2 with the number {number}.")
        return ProjectV2(self.eyes, found)

    def projects_v2(self, **args: Any) -> Connection:  # noqa: ANN401 - arguments of the schema
        """The boards of the account."""
        self.eyes.need_board_rights(self.record, "projectsV2", write=False)
        found = list(self.world.store.all(Project, lambda each: each.owner_id == self.record.id))
        return _boards(self.eyes, found, args)


def find_repository(eyes: Eyes, owner: str, name: str) -> "RepositoryNode":
    """Return a repository that the caller can see. Raises GraphProblem NOT_FOUND."""
    found = eyes.world.find_repository(owner, name)
    if found is None or not eyes.sees(found):
        raise GraphProblem("NOT_FOUND", f"Could not resolve to a Repository with the name '{owner}/{name}'.")
    return RepositoryNode(eyes, found)


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
    def owner(self) -> Owner:
        """The account that owns it."""
        return Owner(self.eyes, self.world.known(self.record.owner))

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
    def default_branch_ref(self) -> "RefNode | None":
        """The default branch, if it has a commit."""
        return self.ref(qualified_name=self.record.default_branch)

    def ref(self, *, qualified_name: str) -> "RefNode | None":
        """A branch or another ref."""
        name = qualified_name if qualified_name.startswith("refs/") else f"refs/heads/{qualified_name}"
        sha = self.world.git.refs(self.record.full_name, name).get(name)
        return RefNode(self, name, sha) if sha else None

    def refs(self, *, ref_prefix: str, **args: Any) -> Connection:  # noqa: ANN401 - arguments of the schema
        """Refs below a prefix."""
        found = self.world.git.refs(self.record.full_name, ref_prefix)
        return connect("refs", [RefNode(self, name, sha) for name, sha in found.items()], args)

    def object(self, *, expression: str | None = None, oid: str | None = None) -> "GitNode | None":
        """A commit, tree or blob, by an expression such as `main:README.md` or by its id."""
        name, wanted = self.record.full_name, oid or expression or ""
        head, colon, path = wanted.partition(":")
        start = self.world.git.resolve(name, head)
        sha = self.world.git.resolve(name, f"{start}:{path}") if start and colon else start
        kind = self.world.git.kind(name, sha) if sha else None
        return git_node(self, sha, kind) if sha and kind else None

    def issue_or_pull_request(self, *, number: int) -> "IssueNode":
        """An issue or pull request by its number."""
        try:
            return issue_node(self.eyes, self.world.issue(self.record, number))
        except Problem:
            words = f"Could not resolve to an issue or pull request with the number of {number}."
            raise GraphProblem("NOT_FOUND", words) from None

    def issue(self, *, number: int) -> "IssueNode":
        """An issue by its number."""
        return self._numbered(number, pull=False)

    def pull_request(self, *, number: int) -> "IssueNode":
        """A pull request by its number."""
        return self._numbered(number, pull=True)

    def _numbered(self, number: int, *, pull: bool) -> "IssueNode":
        ours = (self.record.id, number, pull)
        found = self.world.store.first(Issue, lambda each: (each.repository_id, each.number, each.is_pull) == ours)
        if found is None:
            kind = "a PullRequest" if pull else "an Issue"
            raise GraphProblem("NOT_FOUND", f"Could not resolve to {kind} with the number of {number}.")
        return issue_node(self.eyes, found)

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
        nodes = self._issues(lambda each: each.is_pull)
        states = args.get("states")
        found = [
            each
            for each in nodes
            if isinstance(each, PullRequest)
            and (not states or each.state in states)
            and args.get("head_ref_name") in (None, each.head_ref_name)
            and args.get("base_ref_name") in (None, each.base_ref_name)
        ]
        return connect("pullRequests", found, args)

    def _issues(self, fits: Callable[[Issue], bool]) -> list["IssueNode"]:
        found = self.world.store.all(Issue, lambda each: each.repository_id == self.record.id and fits(each))
        return [issue_node(self.eyes, each) for each in found]

    def labels(self, **args: Any) -> Connection:  # noqa: ANN401 - arguments of the schema
        """The labels."""
        found = self.world.store.all(Label, lambda each: each.repository_id == self.record.id)
        return connect("labels", [LabelNode(self, each) for each in found], args)

    def _linked(self) -> list[Project]:
        return list(self.world.store.all(Project, lambda each: self.record.id in each.repositories))

    def project_v2(self, *, number: int) -> "ProjectV2 | None":
        """A linked board by its number."""
        self.eyes.need_board_rights(self.world.known(self.record.owner), "projectV2", write=False)
        found = next((each for each in self._linked() if each.number == number and self.eyes.sees_board(each)), None)
        return ProjectV2(self.eyes, found) if found else None

    def projects_v2(self, **args: Any) -> Connection:  # noqa: ANN401 - arguments of the schema
        """The boards that are linked to the repository."""
        self.eyes.need_board_rights(self.world.known(self.record.owner), "projectsV2", write=False)
        return _boards(self.eyes, self._linked(), args)


class RefNode:
    """A branch or tag."""

    typename = "Ref"

    def __init__(self, repository: RepositoryNode, ref: str, sha: str) -> None:
        self.repository, self.sha = repository, sha
        self.prefix = ref[: ref.index("/", 5) + 1] if ref.count("/") > 1 else "refs/"
        self.name = ref.removeprefix(self.prefix)
        self.id = git_shapes.object_id("REF", repository.record, ref)

    @property
    def target(self) -> "GitNode":
        """What it points to."""
        kind = self.repository.world.git.kind(self.repository.record.full_name, self.sha) or "commit"
        return git_node(self.repository, self.sha, kind)


class GitNode:
    """A commit, tree or blob."""

    prefix = "X"
    typename = ""

    def __init__(self, repository: RepositoryNode, sha: str) -> None:
        self.repository, self.oid, self.abbreviated_oid = repository, sha, sha[:7]
        self.id = git_shapes.object_id(self.prefix, repository.record, sha)
        self.git, self.full_name = repository.world.git, repository.record.full_name


class CommitNode(GitNode):
    """A commit."""

    prefix, typename = "C", "Commit"

    @property
    def _commit(self) -> GitCommit:
        found = self.git.commit(self.full_name, self.oid)
        if found is None:
            raise GraphProblem("NOT_FOUND", f"Could not resolve to a Commit with the oid {self.oid}.")
        return found

    @property
    def url(self) -> str:
        """The commit's page."""
        return f"{self.repository.url}/commit/{self.oid}"

    @property
    def message(self) -> str:
        """The whole message."""
        return self._commit.message

    @property
    def message_headline(self) -> str:
        """The message's first line."""
        return self._commit.message.partition("\n")[0]

    @property
    def message_body(self) -> str:
        """What follows the message's first line."""
        return self._commit.message.partition("\n")[2].strip("\n")

    @property
    def committed_date(self) -> str:
        """When it was committed."""
        return self._commit.committer.date

    @property
    def authored_date(self) -> str:
        """When it was written."""
        return self._commit.author.date

    @property
    def tree(self) -> "TreeNode":
        """Its files."""
        return TreeNode(self.repository, self._commit.tree)


class TreeNode(GitNode):
    """A directory."""

    prefix, typename = "T", "Tree"

    @property
    def entries(self) -> list["TreeEntryNode"]:
        """What is in it."""
        return [TreeEntryNode(self.repository, each) for each in self.git.entries(self.full_name, self.oid)]


class TreeEntryNode:
    """A line of a directory."""

    def __init__(self, repository: RepositoryNode, entry: Entry) -> None:
        self.name, self.path, self.type, self.oid = entry.path, entry.path, entry.kind, entry.sha
        self.mode, self.size = int(entry.mode, 8), entry.size or 0
        self._repository = repository

    @property
    def object(self) -> GitNode:
        """The tree or blob."""
        return git_node(self._repository, self.oid, self.type)


class BlobNode(GitNode):
    """A file's content."""

    prefix, typename = "B", "Blob"
    is_truncated = False

    @property
    def _content(self) -> bytes:
        return self.git.blob(self.full_name, self.oid) or b""

    @property
    def is_binary(self) -> bool:
        """Whether it is no text."""
        return b"\0" in self._content

    @property
    def text(self) -> str | None:
        """The content, if it is text."""
        return None if self.is_binary else self._content.decode(errors="replace")

    @property
    def byte_size(self) -> int:
        """The content's length."""
        return len(self._content)


def git_node(repository: RepositoryNode, sha: str, kind: str) -> GitNode:
    """Return the node for a git object."""
    kinds: dict[str, type[GitNode]] = {"tree": TreeNode, "blob": BlobNode}
    return kinds.get(kind, CommitNode)(repository, sha)


class LabelNode(Node):
    """A label."""

    typename = "Label"

    def __init__(self, repository: RepositoryNode, record: Label) -> None:
        super().__init__(repository.eyes, record)
        self._repository = repository

    @property
    def url(self) -> str:
        """The page of what carries the label."""
        return f"{self._repository.url}/labels/{self.record.name}"

    created_at = None


class IssueNode(Node):
    """What issues and pull requests have in common, and issues themselves."""

    typename = "Issue"
    record: Issue

    @property
    def repository(self) -> RepositoryNode:
        """Where it is."""
        return RepositoryNode(self.eyes, self.world.by_id(self.record.repository_id))

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
    def author(self) -> Owner:
        """Who wrote it."""
        return Owner(self.eyes, self.world.known(self.record.author))

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
        repository = self.repository
        found = [self.world.labelled(repository.record, name) for name in self.record.labels]
        return connect("labels", [LabelNode(repository, each) for each in found], args)

    def assignees(self, **args: Any) -> Connection:  # noqa: ANN401 - arguments of the schema
        """Who works on it."""
        return connect(
            "assignees", [Owner(self.eyes, self.world.known(login)) for login in self.record.assignees], args
        )

    def comments(self, **args: Any) -> Connection:  # noqa: ANN401 - arguments of the schema
        """Its comments."""
        found = self.world.store.all(Comment, lambda each: each.issue_id == self.record.id)
        return connect("comments", [CommentNode(self, each) for each in found], args)

    def _items(self) -> list[Item]:
        found = self.world.store.all(Item, lambda each: each.content_id == self.record.id)
        return [each for each in found if self.eyes.sees_board(boards.project_of(self.world, each))]

    def project_items(self, **args: Any) -> Connection:  # noqa: ANN401 - arguments of the schema
        """Its cards."""
        archived = args.get("include_archived", True)
        found = [ItemNode(self.eyes, each) for each in self._items() if archived or not each.archived]
        return connect("projectItems", found, args)

    def project_v2(self, *, number: int) -> "ProjectV2 | None":
        """A board that it is on."""
        found = (boards.project_of(self.world, each) for each in self._items())
        return next((ProjectV2(self.eyes, each) for each in found if each.number == number), None)

    def projects_v2(self, **args: Any) -> Connection:  # noqa: ANN401 - arguments of the schema
        """The boards that it is on."""
        return _boards(self.eyes, [boards.project_of(self.world, each) for each in self._items()], args)


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

    def __init__(self, issue: IssueNode, record: Comment) -> None:
        super().__init__(issue.eyes, record)
        self._issue = issue

    @property
    def author(self) -> Owner:
        """Who wrote it."""
        return Owner(self.eyes, self.world.known(self.record.author))

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


class ProjectV2(Node):
    """A board."""

    typename = "ProjectV2"
    record: Project
    template = False

    @property
    def owner(self) -> Owner:
        """The account that owns it."""
        return Owner(self.eyes, boards.owner_of(self.world, self.record))

    @property
    def creator(self) -> Owner:
        """Who made it."""
        return Owner(self.eyes, self.world.known(self.record.creator))

    @property
    def resource_path(self) -> str:
        """The path of its page."""
        return boards.path_of(self.world, self.record)

    @property
    def url(self) -> str:
        """Its page."""
        return self.world.url + self.resource_path

    @property
    def viewer_can_update(self) -> bool:
        """Whether the caller may change it."""
        return self.eyes.owns(boards.owner_of(self.world, self.record))

    viewer_can_close = viewer_can_reopen = viewer_can_update

    def field(self, *, name: str) -> "FieldNode | None":
        """A field by its name."""
        found = boards.field(self.world, self.record, name)
        return FieldNode(self.eyes, found) if found else None

    def fields(self, **args: Any) -> Connection:  # noqa: ANN401 - arguments of the schema
        """Its fields."""
        found = boards.fields(self.world, self.record)
        return connect("fields", [FieldNode(self.eyes, each) for each in found], args)

    def items(self, **args: Any) -> Connection:  # noqa: ANN401 - arguments of the schema
        """Its cards, without archived ones."""
        found = [each for each in boards.items(self.world, self.record) if not each.archived]
        return connect("items", [ItemNode(self.eyes, each) for each in found], args)

    def repositories(self, **args: Any) -> Connection:  # noqa: ANN401 - arguments of the schema
        """The repositories that are linked to it."""
        found = [self.world.store.get(Repository, each) for each in self.record.repositories]
        seen = [RepositoryNode(self.eyes, each) for each in found if each is not None and self.eyes.sees(each)]
        return connect("repositories", seen, args)


class FieldNode(Node):
    """A field of a board."""

    record: Field

    @property
    def typename(self) -> str:  # type: ignore[override] # one class for two types of the schema
        """The type in the schema."""
        return "ProjectV2SingleSelectField" if self.record.data_type == SINGLE_SELECT else "ProjectV2Field"

    @property
    def project(self) -> ProjectV2 | None:
        """The board."""
        found = self.world.store.get(Project, self.record.project_id)
        return ProjectV2(self.eyes, found) if found else None

    def options(self, *, names: list[str] | None = None) -> list["OptionNode"]:
        """The choices."""
        return [OptionNode(each) for each in self.record.options if names is None or each.name in names]


class OptionNode:
    """A choice of a single-select field."""

    def __init__(self, option: Option) -> None:
        self.id, self.name, self.color, self.description = option.id, option.name, option.color, option.description
        self.name_html, self.description_html = option.name, option.description


class ItemNode(Node):
    """A card."""

    typename = "ProjectV2Item"
    record: Item

    @property
    def type(self) -> str:
        """ISSUE, PULL_REQUEST or DRAFT_ISSUE."""
        return boards.kind_of(self.world, self.record)

    @property
    def is_archived(self) -> bool:
        """Whether it is put away."""
        return self.record.archived

    @property
    def project(self) -> ProjectV2:
        """The board."""
        return ProjectV2(self.eyes, boards.project_of(self.world, self.record))

    @property
    def creator(self) -> Owner:
        """Who put it there."""
        return Owner(self.eyes, self.world.known(self.record.creator))

    @property
    def content(self) -> "IssueNode | DraftNode":
        """The issue, pull request or draft."""
        found = boards.content_of(self.world, self.record)
        return issue_node(self.eyes, found) if found else DraftNode(self)

    def _values(self) -> list["ValueNode"]:
        project = self.project.record
        found = boards.content_of(self.world, self.record)
        shown = []
        for field in boards.fields(self.world, project):
            value = self.record.values.get(str(field.id))
            if field.data_type == "TITLE":
                value = found.title if found else self.record.title
            if value is not None:
                shown.append(ValueNode(self, FieldNode(self.eyes, field), value))
        return shown

    def field_values(self, **args: Any) -> Connection:  # noqa: ANN401 - arguments of the schema
        """Its values."""
        return connect("fieldValues", self._values(), args)

    def field_value_by_name(self, *, name: str) -> "ValueNode | None":
        """Its value of one field."""
        return next((each for each in self._values() if each.field.record.name.lower() == name.lower()), None)


class DraftNode:
    """A draft, which is a card without an issue."""

    typename = "DraftIssue"

    def __init__(self, item: ItemNode) -> None:
        self.id = f"DI_{item.id[5:]}"
        self.title, self.body, self.body_text = item.record.title, item.record.body, item.record.body
        self.created_at, self.updated_at, self.creator = item.record.created_at, item.record.updated_at, item.creator


class ValueNode:
    """A card's value of a field."""

    KINDS: ClassVar = {SINGLE_SELECT: "SingleSelect", "NUMBER": "Number", "DATE": "Date"}

    def __init__(self, item: ItemNode, field: FieldNode, value: str | float) -> None:
        self.item, self.field, self.creator = item, field, item.creator
        self.typename = f"ProjectV2ItemField{self.KINDS.get(field.record.data_type, 'Text')}Value"
        self.id = f"PVTFV_{item.id[5:]}_{field.record.id}"
        self.database_id = item.record.id * 1_000 + field.record.id % 1_000
        self.created_at, self.updated_at = item.record.created_at, item.record.updated_at
        option = next((each for each in field.record.options if each.id == value), None)
        self.text = self.number = self.date = value
        self.option_id = option.id if option else None
        self.name = self.name_html = option.name if option else None
        self.color = option.color if option else "GRAY"
        self.description = self.description_html = option.description if option else None
