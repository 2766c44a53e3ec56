"""Repositories and what is in them."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

Json = Mapping[str, Any]


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
