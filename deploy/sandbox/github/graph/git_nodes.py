"""Refs, commits, trees and blobs as objects of the schema."""

from deploy.sandbox.github import git_shapes
from deploy.sandbox.github.git import Commit, Entry
from deploy.sandbox.github.graph.eyes import Node
from deploy.sandbox.github.problems import GraphProblem


class RefNode:
    """A branch or tag."""

    typename = "Ref"

    def __init__(self, repository: Node, ref: str, sha: str) -> None:
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

    def __init__(self, repository: Node, sha: str) -> None:
        self.repository, self.oid, self.abbreviated_oid = repository, sha, sha[:7]
        self.id = git_shapes.object_id(self.prefix, repository.record, sha)
        self.git, self.full_name = repository.world.git, repository.record.full_name


class CommitNode(GitNode):
    """A commit."""

    prefix, typename = "C", "Commit"

    @property
    def _commit(self) -> Commit:
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

    def __init__(self, repository: Node, entry: Entry) -> None:
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


def git_node(repository: Node, sha: str, kind: str) -> GitNode:
    """Return the node for a git object."""
    kinds: dict[str, type[GitNode]] = {"tree": TreeNode, "blob": BlobNode}
    return kinds.get(kind, CommitNode)(repository, sha)
