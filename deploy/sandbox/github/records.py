"""What the sandbox GitHub remembers, as flat records that go to JSON and back. No behaviour but a record's node id."""

import base64
import struct
from dataclasses import dataclass, field
from typing import ClassVar

SINGLE_SELECT = "SINGLE_SELECT"


def node_id(prefix: str, number: int) -> str:
    """Return a global id that looks like GitHub's: a prefix that tells the type, and the number."""
    return f"{prefix}_kwDO{base64.urlsafe_b64encode(struct.pack('>Q', number)).decode().rstrip('=')}"


def number_of(node: str) -> int | None:
    """Return the number inside a global id, or None if it is not one of ours."""
    _, mark, packed = node.partition("_kwDO")
    try:
        raw = base64.urlsafe_b64decode(packed + "=" * (-len(packed) % 4))
        number: int = struct.unpack(">Q", raw)[0]
    except (ValueError, struct.error):
        return None
    return number if mark else None


@dataclass(kw_only=True)
class Record:
    """Anything that is kept. `id` is given by the store."""

    PREFIX: ClassVar[str] = "X"
    id: int = 0

    @property
    def node_id(self) -> str:
        """The global id that GraphQL uses."""
        return node_id(self.PREFIX, self.id)


@dataclass(kw_only=True)
class Account(Record):
    """A user, an organization or a bot."""

    login: str
    kind: str = "User"
    name: str | None = None
    owners: list[str] = field(default_factory=list)
    created_at: str

    @property
    def node_id(self) -> str:
        """The global id that GraphQL uses."""
        return node_id({"Organization": "O", "Bot": "BOT"}.get(self.kind, "U"), self.id)


@dataclass(kw_only=True)
class Repository(Record):
    """A repository. `collaborators` gives logins a role: pull, triage, push, maintain or admin.

    `former` are the full names in lower case that it had before; GitHub redirects them until somebody takes them.
    """

    PREFIX = "R"
    owner: str
    name: str
    description: str | None = None
    private: bool = False
    archived: bool = False
    default_branch: str = "main"
    collaborators: dict[str, str] = field(default_factory=dict)
    protected: list[str] = field(default_factory=list)
    pull_requests: bool = True
    next_number: int = 1
    former: list[str] = field(default_factory=list)
    created_at: str
    updated_at: str
    pushed_at: str

    @property
    def full_name(self) -> str:
        """Owner and name with a slash between."""
        return f"{self.owner}/{self.name}"


@dataclass(kw_only=True)
class Hook(Record):
    """A webhook of a repository, an organization or an app (`target`).

    A `deleted` one is kept for the last event that is sent to it, and shown nowhere.
    """

    target: str
    target_id: int
    url: str
    content_type: str = "form"
    secret: str | None = None
    insecure_ssl: str = "0"
    events: list[str]
    active: bool = True
    deleted: bool = False
    created_at: str
    updated_at: str
    last_code: int | None = None
    last_status: str = "unused"
    last_message: str | None = None


@dataclass(kw_only=True)
class Delivery(Record):
    """One sending of one event to one hook. `status_code` is 0 until an answer came.

    A `held` one waits until it is released; `turn` is then its place in the order of sending, 0 for all others.
    """

    hook_id: int
    guid: str
    event: str
    action: str | None
    payload: str
    repository_id: int | None = None
    redelivery: bool = False
    created_at: str
    delivered_at: str
    done: bool = False
    held: bool = False
    turn: int = 0
    duration: float = 0.0
    status: str = "pending"
    status_code: int = 0
    url: str = ""
    request_headers: dict[str, str] = field(default_factory=dict)
    response_headers: dict[str, str] = field(default_factory=dict)
    response_body: str | None = None


@dataclass(kw_only=True)
class Label(Record):
    """A label of a repository."""

    PREFIX = "LA"
    repository_id: int
    name: str
    color: str = "ededed"
    description: str | None = None


@dataclass(kw_only=True)
class Issue(Record):
    """An issue, or the issue side of a pull request (`is_pull`)."""

    repository_id: int
    number: int
    title: str
    body: str | None = None
    state: str = "open"
    state_reason: str | None = None
    author: str
    labels: list[str] = field(default_factory=list)
    assignees: list[str] = field(default_factory=list)
    is_pull: bool = False
    created_at: str
    updated_at: str
    closed_at: str | None = None
    closed_by: str | None = None

    @property
    def node_id(self) -> str:
        """The global id that GraphQL uses."""
        return node_id("PR" if self.is_pull else "I", self.id)


@dataclass(kw_only=True)
class Pull(Record):
    """The other half of a pull request. `head_sha` and `base_sha` are those of its end once it is closed."""

    PREFIX = "PR"
    issue_id: int
    head: str
    base: str
    head_sha: str
    base_sha: str
    draft: bool = False
    merged_at: str | None = None
    merged_by: str | None = None
    merge_commit_sha: str | None = None


@dataclass(kw_only=True)
class Comment(Record):
    """A comment on an issue or a pull request."""

    PREFIX = "IC"
    issue_id: int
    author: str
    body: str
    created_at: str
    updated_at: str


@dataclass(kw_only=True)
class Review(Record):
    """A review of a pull request."""

    PREFIX = "PRR"
    issue_id: int
    author: str
    body: str
    state: str
    commit_id: str
    submitted_at: str | None


@dataclass(kw_only=True)
class CheckRun(Record):
    """A check on a commit, as an app reports it."""

    PREFIX = "CR"
    repository_id: int
    name: str
    head_sha: str
    status: str = "queued"
    conclusion: str | None = None
    external_id: str = ""
    details_url: str | None = None
    started_at: str | None = None
    completed_at: str | None = None
    title: str | None = None
    summary: str | None = None
    text: str | None = None


@dataclass(kw_only=True)
class Project(Record):
    """A Projects v2 board. `repositories` are the ids of those linked to it."""

    PREFIX = "PVT"
    owner_id: int
    number: int
    title: str
    short_description: str | None = None
    readme: str | None = None
    closed: bool = False
    closed_at: str | None = None
    public: bool = False
    creator: str
    repositories: list[int] = field(default_factory=list)
    created_at: str
    updated_at: str


@dataclass(kw_only=True)
class Option:
    """A choice of a single-select field."""

    id: str
    name: str
    color: str = "GRAY"
    description: str = ""


@dataclass(kw_only=True)
class Field(Record):
    """A field of a board."""

    project_id: int
    name: str
    data_type: str
    options: list[Option] = field(default_factory=list)
    created_at: str
    updated_at: str

    @property
    def node_id(self) -> str:
        """The global id that GraphQL uses."""
        return node_id("PVTSSF" if self.data_type == SINGLE_SELECT else "PVTF", self.id)


@dataclass(kw_only=True)
class Item(Record):
    """A card. `values` maps a field's id (as text) to an option id, a text, a number or a date."""

    PREFIX = "PVTI"
    project_id: int
    content_id: int | None
    title: str = ""
    body: str = ""
    creator: str
    archived: bool = False
    position: float = 0.0
    values: dict[str, str | float] = field(default_factory=dict)
    created_at: str
    updated_at: str


@dataclass(kw_only=True)
class InstallationToken(Record):
    """A token that a GitHub App got for one of its installations."""

    token: str
    app_id: int
    installation_id: int
    expires_at: str
    permissions: dict[str, str]
    repositories: list[int] | None = None
