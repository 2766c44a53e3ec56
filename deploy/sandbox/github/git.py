"""Real bare git repositories: what GitHub's git data, contents and pull requests need of them, by the git command."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

ZERO = "0" * 40
QUIET = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_TERMINAL_PROMPT": "0",
    "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
    "LC_ALL": "C",
}
UPDATE_HOOK = """#!/bin/sh
# Protected branches take changes through pull requests only, as GitHub says it.
if grep -qxF "$1" protected-refs 2>/dev/null; then
  echo "error: GH006: Protected branch update failed for $1." >&2
  echo "error: Changes must be made through a pull request." >&2
  exit 1
fi
"""


class GitFailedError(RuntimeError):
    """git refused; the message is what it said."""


@dataclass(frozen=True, kw_only=True)
class Person:
    """An author or committer. `date` is ISO 8601; "" stands for now."""

    name: str
    email: str
    date: str = ""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A line of a tree."""

    mode: str
    kind: str
    sha: str
    size: int | None
    path: str


@dataclass(frozen=True, kw_only=True)
class Commit:
    """A commit."""

    sha: str
    tree: str
    parents: tuple[str, ...]
    author: Person
    committer: Person
    message: str


class Git:
    """The bare repositories below one directory, named `{owner}/{name}.git`."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, full_name: str) -> Path:
        """Return the directory of a repository."""
        return self.root / f"{full_name}.git"

    def create(self, full_name: str, default_branch: str) -> None:
        """Make an empty repository."""
        path = self.path(full_name)
        path.mkdir(parents=True, exist_ok=True)
        self._run(path, "init", "--quiet", "--bare", f"--initial-branch={default_branch}", "--template=", ".")
        with (path / "config").open("a") as config:
            config.write("[http]\n\treceivepack = true\n[uploadpack]\n\tallowAnySHA1InWant = true\n[gc]\n\tauto = 0\n")
        (path / "hooks").mkdir(exist_ok=True)
        hook = path / "hooks" / "update"
        hook.write_text(UPDATE_HOOK)
        hook.chmod(0o755)

    def protect(self, full_name: str, branches: Iterable[str]) -> None:
        """Say which branches refuse pushes."""
        lines = "".join(f"refs/heads/{branch}\n" for branch in branches)
        (self.path(full_name) / "protected-refs").write_text(lines)

    def remove_all(self) -> None:
        """Delete every repository."""
        shutil.rmtree(self.root, ignore_errors=True)
        self.root.mkdir(parents=True)

    def refs(self, full_name: str, prefix: str = "refs/") -> dict[str, str]:
        """Return the object ids of all refs below the prefix."""
        out = self._git(full_name, "for-each-ref", "--format=%(refname) %(objectname)", prefix.rstrip("/") or "refs")
        return dict(line.rsplit(" ", 1) for line in out.decode().splitlines())

    def resolve(self, full_name: str, name: str) -> str | None:
        """Return the object id that a branch, tag or id stands for, or None."""
        for candidate in (f"refs/heads/{name}", name):
            done = self._try(full_name, "rev-parse", "--verify", "--quiet", "--end-of-options", candidate)
            if done is not None:
                return done.decode().strip()
        return None

    def branch(self, full_name: str, name: str) -> str | None:
        """Return the head of a branch, or None if there is no such branch."""
        done = self._try(full_name, "rev-parse", "--verify", "--quiet", f"refs/heads/{name}")
        return done.decode().strip() if done else None

    def kind(self, full_name: str, sha: str) -> str | None:
        """Return commit, tree, blob or tag, or None for an unknown object."""
        done = self._try(full_name, "cat-file", "-t", sha)
        return done.decode().strip() if done else None

    def set_ref(self, full_name: str, ref: str, new: str, old: str | None = None) -> None:
        """Move a ref, from `old` if given (ZERO: it must be new). Raises GitFailedError."""
        self._git(full_name, "update-ref", ref, new, *([old] if old is not None else []))

    def delete_ref(self, full_name: str, ref: str) -> None:
        """Delete a ref."""
        self._git(full_name, "update-ref", "-d", ref)

    def commit(self, full_name: str, sha: str) -> Commit | None:
        """Return a commit, or None."""
        commits = self.log(full_name, sha, limit=1)
        return commits[0] if commits else None

    def log(self, full_name: str, *revisions: str, limit: int = 100, path: str = "") -> list[Commit]:
        """Return commits (that touched `path`), newest first; none if a revision does not exist."""
        shape = "%H%x00%T%x00%P%x00%an%x00%ae%x00%aI%x00%cn%x00%ce%x00%cI%x00%B%x01"
        paths = (path,) if path else ()
        done = self._try(
            full_name, "log", f"-{limit}", f"--format={shape}", "--end-of-options", *revisions, "--", *paths
        )
        if done is None:
            return []
        found = []
        for record in done.decode(errors="replace").split("\x01"):
            parts = record.lstrip("\n").split("\x00")
            if len(parts) == 10:  # noqa: PLR2004 - the number of fields in `shape`
                sha, tree, parents, *people, message = parts
                author = Person(name=people[0], email=people[1], date=people[2])
                committer = Person(name=people[3], email=people[4], date=people[5])
                found.append(
                    Commit(
                        sha=sha,
                        tree=tree,
                        parents=tuple(parents.split()),
                        author=author,
                        committer=committer,
                        message=message.rstrip("\n"),
                    )
                )
        return found

    def entries(self, full_name: str, treeish: str, path: str = "", *, recursive: bool = False) -> list[Entry]:
        """Return the lines of a tree, or those of a path in it (with a trailing slash: of that directory)."""
        flags = ["-r", "-t"] if recursive else []
        done = self._try(full_name, "ls-tree", "-l", "-z", *flags, treeish, "--", *([path] if path else []))
        if done is None:
            return []
        found = []
        for line in done.decode().split("\0"):
            if line:
                facts, name = line.split("\t", 1)
                mode, kind, sha, size = facts.split()
                found.append(
                    Entry(mode=mode, kind=kind, sha=sha, size=int(size) if size.isdigit() else None, path=name)
                )
        return found

    def blob(self, full_name: str, sha: str) -> bytes | None:
        """Return the content of a blob, or None."""
        return self._try(full_name, "cat-file", "blob", sha)

    def add_blob(self, full_name: str, content: bytes) -> str:
        """Store a blob and return its id."""
        return self._git(full_name, "hash-object", "-w", "--stdin", given=content).decode().strip()

    def add_tree(self, full_name: str, base: str | None, lines: Sequence[tuple[str, str, str | None]]) -> str:
        """Store a tree made of `base` and lines of (mode, path, blob id or None to remove); return its id."""
        with tempfile.TemporaryDirectory() as place:
            index = {"GIT_INDEX_FILE": str(Path(place) / "index")}
            self._git(full_name, "read-tree", *([base] if base else ["--empty"]), more=index)
            text = "".join(f"{mode} {sha}\t{path}\0" if sha else f"0 {ZERO}\t{path}\0" for mode, path, sha in lines)
            self._git(full_name, "update-index", "-z", "--index-info", given=text.encode(), more=index)
            return self._git(full_name, "write-tree", more=index).decode().strip()

    def add_commit(
        self,
        full_name: str,
        tree: str,
        parents: Sequence[str],
        message: str,
        *,
        author: Person,
        committer: Person | None = None,
    ) -> str:
        """Store a commit and return its id. Moves no branch."""
        committer = committer or author
        people = {
            "GIT_AUTHOR_NAME": author.name,
            "GIT_AUTHOR_EMAIL": author.email,
            "GIT_COMMITTER_NAME": committer.name,
            "GIT_COMMITTER_EMAIL": committer.email,
            **({"GIT_AUTHOR_DATE": author.date} if author.date else {}),
            **({"GIT_COMMITTER_DATE": committer.date} if committer.date else {}),
        }
        flags = [flag for parent in parents for flag in ("-p", parent)]
        out = self._git(full_name, "commit-tree", tree, *flags, given=message.encode(), more=people)
        return out.decode().strip()

    def commit_files(
        self,
        full_name: str,
        parent: str | None,
        message: str,
        author: Person,
        *,
        additions: Mapping[str, bytes],
        deletions: Iterable[str] = (),
    ) -> str:
        """Store a commit that adds and deletes files on top of `parent`; return its id. Moves no branch."""
        lines: list[tuple[str, str, str | None]] = [("0", path, None) for path in deletions]
        lines += [("100644", path, self.add_blob(full_name, content)) for path, content in additions.items()]
        tree = self.add_tree(full_name, parent, lines)
        return self.add_commit(full_name, tree, [parent] if parent else [], message, author=author)

    def import_files(
        self, full_name: str, branch: str, files: Mapping[str, tuple[bytes, bool]], person: Person
    ) -> None:
        """Make the first commit of a branch from files (content, executable), in one go."""
        who = f"{person.name} <{person.email}> {person.date}"
        message = b"Begin"
        stream = [f"commit refs/heads/{branch}\nauthor {who}\ncommitter {who}\ndata {len(message)}\n".encode(), message]
        for path, (content, executable) in sorted(files.items()):
            mode = "100755" if executable else "100644"
            stream.append(f"\nM {mode} inline {path}\ndata {len(content)}\n".encode() + content)
        self._git(full_name, "fast-import", "--quiet", "--date-format=raw", given=b"".join(stream) + b"\n")

    def merge(self, full_name: str, base: str, head: str) -> str | None:
        """Return the tree of `head` merged into `base`, or None where they conflict."""
        done = self._try(full_name, "merge-tree", "--write-tree", "--no-messages", base, head)
        return done.decode().split("\n", 1)[0].strip() if done else None

    def is_ancestor(self, full_name: str, older: str, newer: str) -> bool:
        """Tell whether `older` is reachable from `newer`."""
        return self._try(full_name, "merge-base", "--is-ancestor", older, newer) is not None

    def merge_base(self, full_name: str, one: str, other: str) -> str | None:
        """Return the best common ancestor, or None."""
        done = self._try(full_name, "merge-base", one, other)
        return done.decode().strip() if done else None

    def changed_files(self, full_name: str, older: str, newer: str) -> list[tuple[str, str, int, int]]:
        """Return (path, status letter, lines added, lines removed) for each file that differs."""
        counts = self._git(full_name, "diff-tree", "-r", "--no-renames", "--numstat", "-z", older, newer).decode()
        states = self._git(full_name, "diff-tree", "-r", "--no-renames", "--name-status", "-z", older, newer).decode()
        letters = states.split("\0")
        by_path = dict(zip(letters[1::2], letters[0::2], strict=False))
        found = []
        for line in filter(None, counts.split("\0")):
            added, removed, path = line.split("\t", 2)
            found.append((path, by_path.get(path, "M"), int(added.replace("-", "0")), int(removed.replace("-", "0"))))
        return found

    def _try(self, full_name: str, *arguments: str) -> bytes | None:
        try:
            return self._git(full_name, *arguments)
        except GitFailedError:
            return None

    def _git(self, full_name: str, *arguments: str, given: bytes = b"", more: Mapping[str, str] | None = None) -> bytes:
        return self._run(self.path(full_name), *arguments, given=given, more=more)

    def _run(self, place: Path, *arguments: str, given: bytes = b"", more: Mapping[str, str] | None = None) -> bytes:
        done = subprocess.run(
            ["git", *arguments], cwd=place, input=given, capture_output=True, env={**QUIET, **(more or {})}, check=False
        )
        if done.returncode:
            raise GitFailedError(done.stderr.decode(errors="replace").strip() or f"git {arguments[0]} failed")
        return done.stdout
