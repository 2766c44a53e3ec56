"""GitHub's answers as frozen types with the fields that we use; unknown fields are ignored. No clock, no I/O.

REST: https://docs.github.com/en/rest. GraphQL: https://docs.github.com/en/graphql.
"""

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Self

Json = Mapping[str, Any]


class CredentialKind(StrEnum):
    """What we sign in with."""

    CLASSIC = "classic"
    FINE_GRAINED = "fine_grained"
    APP = "app"


class FieldType(StrEnum):
    """The kinds of board fields that we make; others are read as they are named by GitHub."""

    TEXT = "TEXT"
    SINGLE_SELECT = "SINGLE_SELECT"


class Color(StrEnum):
    """Colours of a single-select option."""

    BLUE = "BLUE"
    GRAY = "GRAY"
    GREEN = "GREEN"
    ORANGE = "ORANGE"
    PINK = "PINK"
    PURPLE = "PURPLE"
    RED = "RED"
    YELLOW = "YELLOW"


@dataclass(frozen=True, kw_only=True)
class Identity:
    """Who we are for GitHub.

    `scopes` are those of a classic token; `permissions` (name to read, write or admin) and `events` those of an
    app's installation.
    """

    kind: CredentialKind
    login: str
    scopes: frozenset[str] = frozenset()
    permissions: Mapping[str, str] = field(default_factory=dict)
    events: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True)
class Repository:
    """A repository as our credential sees it: `administered` where it has the admin role, `writable` where it may push.

    Of a fine-grained token GitHub tells its owner's role here, not what the token may.
    """

    id: int
    node_id: str
    owner: str
    owner_node_id: str
    owner_is_organization: bool
    name: str
    default_branch: str
    private: bool
    archived: bool
    disabled: bool
    pull_requests: bool
    administered: bool
    writable: bool
    html_url: str
    clone_url: str

    @classmethod
    def parse(cls, data: Json) -> Self:
        """Read the answer of GET /repos/{owner}/{repo}."""
        owner = data["owner"]
        return cls(
            id=data["id"],
            node_id=data["node_id"],
            owner=owner["login"],
            owner_node_id=owner["node_id"],
            owner_is_organization=owner["type"] == "Organization",
            name=data["name"],
            default_branch=data["default_branch"],
            private=data["private"],
            archived=data.get("archived", False),
            disabled=data.get("disabled", False),
            pull_requests=data.get("has_pull_requests", True),
            administered=bool((data.get("permissions") or {}).get("admin")),
            writable=bool((data.get("permissions") or {}).get("push")),
            html_url=data["html_url"],
            clone_url=data["clone_url"],
        )


@dataclass(frozen=True, kw_only=True)
class Quota:
    """One of GitHub's budgets: how many calls an hour, how many are left, and when it is filled again."""

    limit: int
    remaining: int
    resets_at: datetime

    @classmethod
    def parse(cls, data: Json) -> Self:
        """Read one entry of GET /rate_limit."""
        return cls(
            limit=data["limit"], remaining=data["remaining"], resets_at=datetime.fromtimestamp(data["reset"], UTC)
        )


@dataclass(frozen=True, kw_only=True)
class Branch:
    """A branch and the commit at its head; `protected` by classic protection."""

    name: str
    sha: str
    protected: bool

    @classmethod
    def parse(cls, data: Json) -> Self:
        """Read the answer of GET /repos/{owner}/{repo}/branches/{branch}."""
        return cls(name=data["name"], sha=data["commit"]["sha"], protected=data["protected"])


@dataclass(frozen=True, kw_only=True)
class Option:
    """An option of a single-select field. `id` is empty for one that does not exist yet."""

    name: str
    color: Color = Color.GRAY
    description: str = ""
    id: str = ""

    @classmethod
    def parse(cls, data: Json) -> Self:
        """Read a ProjectV2SingleSelectFieldOption."""
        return cls(
            id=data["id"],
            name=data["name"],
            color=Color(data["color"]),
            description=data.get("description") or "",
        )


@dataclass(frozen=True, kw_only=True)
class BoardField:
    """A field of a board. `type` is GitHub's ProjectV2FieldType; `options` of single-select fields only."""

    id: str
    name: str
    type: str
    options: tuple[Option, ...] = ()

    @classmethod
    def parse(cls, data: Json) -> Self:
        """Read a ProjectV2FieldConfiguration."""
        return cls(
            id=data["id"],
            name=data["name"],
            type=data["dataType"],
            options=tuple(Option.parse(option) for option in data.get("options") or ()),
        )

    @property
    def option_ids(self) -> dict[str, str]:
        """Return the options' ids by name."""
        return {option.name: option.id for option in self.options}


@dataclass(frozen=True, kw_only=True)
class Board:
    """A Projects v2 board. `items` is their number; `owner` the login of the user or organization that owns it."""

    id: str
    number: int
    owner: str
    title: str
    readme: str
    url: str
    closed: bool
    writable: bool
    items: int
    fields: tuple[BoardField, ...]

    @classmethod
    def parse(cls, data: Json) -> Self:
        """Read a ProjectV2."""
        return cls(
            id=data["id"],
            number=data["number"],
            owner=data["owner"]["login"],
            title=data["title"],
            readme=data.get("readme") or "",
            url=data["url"],
            closed=data["closed"],
            writable=data["viewerCanUpdate"],
            items=data["items"]["totalCount"],
            fields=tuple(BoardField.parse(node) for node in data["fields"]["nodes"] if node),
        )

    def field(self, name: str) -> BoardField | None:
        """Return the field of this name, in whatever case, or None."""
        return next((item for item in self.fields if item.name.casefold() == name.casefold()), None)


@dataclass(frozen=True, kw_only=True)
class Webhook:
    """A webhook. GitHub never shows its secret."""

    id: int
    url: str
    content_type: str
    insecure: bool
    events: frozenset[str]
    active: bool

    @classmethod
    def parse(cls, data: Json) -> Self:
        """Read a repository's or an organization's webhook."""
        config = data["config"]
        return cls(
            id=data["id"],
            url=config.get("url", ""),
            content_type=config.get("content_type", "form"),
            insecure=str(config.get("insecure_ssl", "0")) == "1",
            events=frozenset(data["events"]),
            active=data["active"],
        )


@dataclass(frozen=True, kw_only=True)
class File:
    """A file at one commit; `sha` is its blob's."""

    path: str
    sha: str
    content: bytes

    @classmethod
    def parse(cls, data: Json) -> Self:
        """Read the answer of GET /repos/{owner}/{repo}/contents/{path} for a file."""
        return cls(path=data["path"], sha=data["sha"], content=base64.b64decode(data["content"]))

    @property
    def text(self) -> str:
        """Return the content as text. Raises UnicodeDecodeError."""
        return self.content.decode("utf-8")


@dataclass(frozen=True, kw_only=True)
class Entry:
    """An entry of a folder; `type` is file, dir, symlink or submodule."""

    name: str
    path: str
    type: str


@dataclass(frozen=True, kw_only=True)
class Commit:
    """A commit."""

    sha: str
    message: str
    url: str

    @classmethod
    def parse(cls, data: Json) -> Self:
        """Read one entry of GET /repos/{owner}/{repo}/commits."""
        return cls(sha=data["sha"], message=data["commit"]["message"], url=data["html_url"])

    @classmethod
    def made(cls, data: Json) -> Self:
        """Read the commit in the payload of createCommitOnBranch."""
        return cls(sha=data["oid"], message=data["message"], url=data["url"])


@dataclass(frozen=True, kw_only=True)
class PullRequest:
    """A pull request. `state` is open or closed."""

    number: int
    url: str
    state: str
    merged: bool
    head: str
    base: str

    @classmethod
    def parse(cls, data: Json) -> Self:
        """Read a pull request of REST."""
        return cls(
            number=data["number"],
            url=data["html_url"],
            state=data["state"],
            merged=bool(data.get("merged_at")),
            head=data["head"]["ref"],
            base=data["base"]["ref"],
        )


@dataclass(frozen=True, kw_only=True)
class Problem:
    """What GitHub says is wrong, whatever the shape of its answer.

    `kinds` are GraphQL's error types; `fields` REST's validation errors as sentences.
    """

    message: str = ""
    kinds: Sequence[str] = ()
    fields: Sequence[str] = ()

    @classmethod
    def parse(cls, data: object) -> Self:
        """Read an error body of REST or GraphQL; anything else gives an empty problem."""
        if not isinstance(data, Mapping):
            return cls()
        errors = [item for item in data.get("errors") or () if isinstance(item, Mapping | str)]
        told = [item if isinstance(item, str) else _sentence(item) for item in errors]
        kinds = tuple(_kind(item) for item in errors if isinstance(item, Mapping) and _kind(item))
        return cls(message=str(data.get("message") or ""), kinds=kinds, fields=tuple(text for text in told if text))


def _kind(error: Json) -> str:
    """Return the type of a GraphQL error; some stand in its extensions only."""
    return str(error.get("type") or (error.get("extensions") or {}).get("code") or "")


def _sentence(error: Json) -> str:
    """Return a validation error in words, for example `Hook.url is missing`."""
    if error.get("message"):
        return str(error["message"])
    where = ".".join(str(error[key]) for key in ("resource", "field") if error.get(key))
    return f"{where}: {error.get('code', 'invalid')}" if where else ""
