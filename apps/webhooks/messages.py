"""GitHub's webhook payloads as frozen types with the fields that we use; parsed once, here. No clock, no I/O.

Raises Malformed (payloads.py) where a field that decides something is missing or odd; others are left empty.
https://docs.github.com/en/webhooks/webhook-events-and-payloads
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Self

from apps.webhooks.payloads import Fields, Malformed
from meshsix.kit import names

_TITLE = 500
_LINK = 500
_SHORT = 100
_REF = 300
_SHA = 64
_HEADS = "refs/heads/"


@dataclass(frozen=True, kw_only=True)
class Person:
    """Somebody at GitHub. `is_bot` for apps and machine accounts that GitHub knows as such."""

    login: str
    is_bot: bool

    @classmethod
    def parse(cls, data: Fields) -> Self:
        """Read a user object; a deleted account's is null at GitHub, and an empty login here."""
        login = data.words("login", most=_SHORT)
        return cls(login=login, is_bot=data.words("type") == "Bot" or login.endswith("[bot]"))


@dataclass(frozen=True, kw_only=True)
class RepositoryMessage:
    """The repository that a payload is about. `name` is the one that it has after the event."""

    id: int
    name: names.RepositoryName
    default_branch: str
    html_url: str
    updated_at: datetime | None
    pushed_at: datetime | None

    @classmethod
    def parse(cls, data: Fields) -> Self:
        """Read `repository`."""
        found = data.inner("repository")
        try:
            name = names.repository(found.inner("owner").text("login"), found.text("name"))
        except names.BadName as error:
            raise Malformed(f"repository.full_name is no name: {error}") from error
        return cls(
            id=found.identity("id"),
            name=name,
            default_branch=found.words("default_branch", most=255),
            html_url=found.words("html_url", most=_LINK),
            updated_at=found.moment("updated_at"),
            pushed_at=found.moment("pushed_at"),
        )


@dataclass(frozen=True, kw_only=True)
class IssueMessage:
    """An issue; GitHub tells a pull request's comments as an issue's too, then `is_pull_request`."""

    number: int
    node_id: str
    title: str
    url: str
    author: Person
    labels: tuple[str, ...]
    assignees: tuple[str, ...]
    is_open: bool
    is_pull_request: bool
    state_reason: str
    updated_at: datetime | None
    closed_at: datetime | None

    @classmethod
    def parse(cls, data: Fields) -> Self:
        """Read `issue`."""
        found = data.inner("issue")
        return cls(
            number=found.number("number"),
            node_id=found.words("node_id", most=_SHORT),
            title=found.words("title", most=_TITLE),
            url=found.words("html_url", most=_LINK),
            author=Person.parse(found.maybe("user")),
            labels=found.names_in("labels", "name"),
            assignees=found.names_in("assignees", "login"),
            is_open=found.words("state") != "closed",
            is_pull_request=found.has("pull_request"),
            state_reason=found.words("state_reason", most=_SHORT),
            updated_at=found.moment("updated_at", "created_at"),
            closed_at=found.moment("closed_at"),
        )


@dataclass(frozen=True, kw_only=True)
class CommentMessage:
    """A comment. `association` is how GitHub says its author stands to the repository; it grants nothing here.

    `body_before` is what an edit replaced.
    """

    id: int
    author: Person
    association: str
    body: str
    body_before: str
    url: str
    updated_at: datetime | None

    @classmethod
    def parse(cls, data: Fields) -> Self:
        """Read `comment` and `changes`."""
        found = data.inner("comment")
        return cls(
            id=found.identity("id"),
            author=Person.parse(found.maybe("user")),
            association=found.words("author_association", most=_SHORT),
            body=found.words("body"),
            body_before=data.maybe("changes").maybe("body").words("from"),
            url=found.words("html_url", most=_LINK),
            updated_at=found.moment("updated_at", "created_at"),
        )


@dataclass(frozen=True, kw_only=True)
class PullRequestMessage:
    """A pull request. `branch` is its head's name, `base` the branch that it is to be merged into."""

    number: int
    title: str
    url: str
    author: Person
    head_sha: str
    branch: str
    base: str
    draft: bool
    merged: bool
    merge_sha: str
    updated_at: datetime | None
    closed_at: datetime | None

    @classmethod
    def parse(cls, data: Fields) -> Self:
        """Read `pull_request`."""
        found = data.inner("pull_request")
        head = found.inner("head")
        return cls(
            number=found.number("number"),
            title=found.words("title", most=_TITLE),
            url=found.words("html_url", most=_LINK),
            author=Person.parse(found.maybe("user")),
            head_sha=head.text("sha", most=_SHA),
            branch=head.words("ref", most=_REF),
            base=found.maybe("base").words("ref", most=_REF),
            draft=found.flag("draft"),
            merged=found.flag("merged"),
            merge_sha=found.words("merge_commit_sha", most=_SHA),
            updated_at=found.moment("updated_at", "created_at"),
            closed_at=found.moment("closed_at"),
        )


@dataclass(frozen=True, kw_only=True)
class ReviewMessage:
    """A review of a pull request. `verdict` is approved, changes_requested, commented or dismissed."""

    id: int
    author: Person
    association: str
    verdict: str
    body: str
    head_sha: str
    url: str
    submitted_at: datetime | None

    @classmethod
    def parse(cls, data: Fields) -> Self:
        """Read `review`."""
        found = data.inner("review")
        return cls(
            id=found.identity("id"),
            author=Person.parse(found.maybe("user")),
            association=found.words("author_association", most=_SHORT),
            verdict=found.text("state", most=_SHORT).lower(),
            body=found.words("body"),
            head_sha=found.words("commit_id", most=_SHA),
            url=found.words("html_url", most=_LINK),
            submitted_at=found.moment("submitted_at"),
        )


@dataclass(frozen=True, kw_only=True)
class ChecksMessage:
    """A check suite or a run of a workflow that came to its end. `attempt` counts the re-runs of a workflow run."""

    id: int
    name: str
    app: str
    head_sha: str
    branch: str
    conclusion: str
    attempt: int
    url: str
    updated_at: datetime | None

    @classmethod
    def suite(cls, data: Fields) -> Self:
        """Read `check_suite`."""
        found = data.inner("check_suite")
        app = found.maybe("app")
        return cls._of(found, name=app.words("name", most=_SHORT), app=app.words("slug", most=_SHORT), attempt=1)

    @classmethod
    def run(cls, data: Fields) -> Self:
        """Read `workflow_run`."""
        found = data.inner("workflow_run")
        attempt = found.number("run_attempt") if found.has("run_attempt") else 1
        return cls._of(found, name=found.words("name", most=_SHORT), app="", attempt=attempt)

    @classmethod
    def _of(cls, found: Fields, *, name: str, app: str, attempt: int) -> Self:
        return cls(
            id=found.identity("id"),
            name=name,
            app=app,
            head_sha=found.text("head_sha", most=_SHA),
            branch=found.words("head_branch", most=_REF),
            conclusion=found.words("conclusion", most=_SHORT) or "unknown",
            attempt=attempt,
            url=found.words("html_url", most=_LINK),
            updated_at=found.moment("updated_at", "created_at"),
        )


@dataclass(frozen=True, kw_only=True)
class PushMessage:
    """A push. `branch` is empty where it was to a tag; `deleted` where the branch is gone now."""

    branch: str
    before: str
    after: str
    deleted: bool
    forced: bool
    pusher: str

    @classmethod
    def parse(cls, data: Fields) -> Self:
        """Read the payload itself."""
        ref = data.text("ref", most=_REF)
        return cls(
            branch=ref.removeprefix(_HEADS) if ref.startswith(_HEADS) else "",
            before=data.words("before", most=_SHA),
            after=data.text("after", most=_SHA),
            deleted=data.flag("deleted"),
            forced=data.flag("forced"),
            pusher=data.maybe("pusher").words("name", most=_SHORT),
        )


@dataclass(frozen=True, kw_only=True)
class CardMessage:
    """A change of a board's card: a hint where to look. `field_id` is the changed field where it names one."""

    item_id: str
    board_id: str
    field_id: str
    field_name: str

    @classmethod
    def parse(cls, data: Fields) -> Self:
        """Read `projects_v2_item` and `changes`; names may be missing in both."""
        found, changed = data.inner("projects_v2_item"), data.maybe("changes").maybe("field_value")
        return cls(
            item_id=found.text("node_id", most=_SHORT),
            board_id=found.text("project_node_id", most=_SHORT),
            field_id=changed.words("field_node_id", most=_SHORT),
            field_name=changed.words("field_name", most=_SHORT),
        )


@dataclass(frozen=True, kw_only=True)
class GoneHookMessage:
    """A hook that was deleted at GitHub: the last thing that it says."""

    hook_id: int

    @classmethod
    def parse(cls, data: Fields) -> Self:
        """Read the payload of `meta`."""
        return cls(hook_id=data.identity("hook_id"))


def sender(data: Fields) -> Person:
    """Return who did it."""
    return Person.parse(data.maybe("sender"))


def former_name(data: Fields) -> str:
    """Return the name that a renamed repository had; empty where the payload does not tell."""
    return data.maybe("changes").maybe("repository").maybe("name").words("from", most=_SHORT)


def former_owner(data: Fields) -> str:
    """Return the owner that a transferred repository had; empty where the payload does not tell."""
    owner = data.maybe("changes").maybe("owner").maybe("from")
    return owner.maybe("organization").words("login", most=_SHORT) or owner.maybe("user").words("login", most=_SHORT)


def changed_fields(data: Fields) -> tuple[str, ...]:
    """Return the names of the fields that an edit changed, in order."""
    changes = data.maybe("changes").data
    return tuple(sorted(name for name in map(str, changes) if name.isidentifier() and len(name) <= _SHORT))


def label(data: Fields) -> str:
    """Return the name of the label that was added or removed, or nothing."""
    return data.maybe("label").words("name", most=_SHORT)


def assignee(data: Fields) -> str:
    """Return the login of who was assigned or unassigned, or nothing."""
    return data.maybe("assignee").words("login", most=_SHORT)
