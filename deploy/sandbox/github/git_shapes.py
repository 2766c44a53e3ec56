"""Commits, branches, trees and files as GitHub's JSON shows them."""

import base64
from typing import Any

from deploy.sandbox.github import shapes
from deploy.sandbox.github.git import Commit, Entry, Person
from deploy.sandbox.github.records import Repository
from deploy.sandbox.github.world import World

Json = dict[str, Any]
UNSIGNED: Json = {"verified": False, "reason": "unsigned", "signature": None, "payload": None, "verified_at": None}


def object_id(prefix: str, repository: Repository, name: str) -> str:
    """Return the global id of something inside a repository, which knows the repository and the name."""
    return f"{prefix}_{base64.urlsafe_b64encode(f'{repository.id}:{name}'.encode()).decode().rstrip('=')}"


def base_of(world: World, repository: Repository) -> str:
    """Return the API address of a repository."""
    return f"{world.url}/repos/{repository.full_name}"


def _person(person: Person) -> Json:
    return {"name": person.name, "email": person.email, "date": _utc(person.date)}


def _utc(date: str) -> str:
    return date.replace("+00:00", "Z")


def _account_of(world: World, person: Person) -> Json | None:
    local = person.email.partition("@")[0]
    login = local.partition("+")[2]
    account = world.account(login) if login else None
    return shapes.user(world, account.login) if account else None


def git_commit(world: World, repository: Repository, commit: Commit) -> Json:
    """Return a commit as the git data chapter shows it."""
    base, html = base_of(world, repository), f"{world.url}/{repository.full_name}"
    return {
        "sha": commit.sha,
        "node_id": object_id("C", repository, commit.sha),
        "url": f"{base}/git/commits/{commit.sha}",
        "html_url": f"{html}/commit/{commit.sha}",
        "author": _person(commit.author),
        "committer": _person(commit.committer),
        "tree": {"sha": commit.tree, "url": f"{base}/git/trees/{commit.tree}"},
        "message": commit.message,
        "parents": _parents(world, repository, commit, "git/commits"),
        "verification": UNSIGNED,
    }


def _parents(world: World, repository: Repository, commit: Commit, place: str) -> list[Json]:
    base, html = base_of(world, repository), f"{world.url}/{repository.full_name}"
    return [
        {"sha": each, "url": f"{base}/{place}/{each}", "html_url": f"{html}/commit/{each}"} for each in commit.parents
    ]


def commit(world: World, repository: Repository, record: Commit) -> Json:
    """Return a commit as the commits chapter shows it."""
    base, html = base_of(world, repository), f"{world.url}/{repository.full_name}"
    return {
        "sha": record.sha,
        "node_id": object_id("C", repository, record.sha),
        "commit": {
            "author": _person(record.author),
            "committer": _person(record.committer),
            "message": record.message,
            "tree": {"sha": record.tree, "url": f"{base}/git/trees/{record.tree}"},
            "url": f"{base}/git/commits/{record.sha}",
            "comment_count": 0,
            "verification": UNSIGNED,
        },
        "url": f"{base}/commits/{record.sha}",
        "html_url": f"{html}/commit/{record.sha}",
        "comments_url": f"{base}/commits/{record.sha}/comments",
        "author": _account_of(world, record.author),
        "committer": _account_of(world, record.committer),
        "parents": _parents(world, repository, record, "commits"),
    }


def changed_file(world: World, repository: Repository, sha: str, change: tuple[str, str, int, int]) -> Json:
    """Return a file of a commit or comparison."""
    path, letter, added, removed = change
    base, html = base_of(world, repository), f"{world.url}/{repository.full_name}"
    return {
        "sha": world.git.resolve(repository.full_name, f"{sha}:{path}") or ("0" * 40),
        "filename": path,
        "status": {"A": "added", "D": "removed"}.get(letter, "modified"),
        "additions": added,
        "deletions": removed,
        "changes": added + removed,
        "blob_url": f"{html}/blob/{sha}/{path}",
        "raw_url": f"{html}/raw/{sha}/{path}",
        "contents_url": f"{base}/contents/{path}?ref={sha}",
    }


def reference(world: World, repository: Repository, ref: str, sha: str, kind: str = "commit") -> Json:
    """Return a git reference."""
    base = base_of(world, repository)
    return {
        "ref": ref,
        "node_id": object_id("REF", repository, ref),
        "url": f"{base}/git/{ref}",
        "object": {"sha": sha, "type": kind, "url": f"{base}/git/{kind}s/{sha}"},
    }


def short_branch(world: World, repository: Repository, name: str, sha: str) -> Json:
    """Return a branch as it stands in a list."""
    return {
        "name": name,
        "commit": {"sha": sha, "url": f"{base_of(world, repository)}/commits/{sha}"},
        "protected": name in repository.protected,
    }


def branch(world: World, repository: Repository, name: str, head: Commit) -> Json:
    """Return a branch with the facts of its protection."""
    base, html = base_of(world, repository), f"{world.url}/{repository.full_name}"
    on = name in repository.protected
    checks = {"enforcement_level": "off", "contexts": [], "checks": []}
    return {
        "name": name,
        "commit": commit(world, repository, head),
        "_links": {"self": f"{base}/branches/{name}", "html": f"{html}/tree/{name}"},
        "protected": on,
        "protection": {"enabled": on, "required_status_checks": checks},
        "protection_url": f"{base}/branches/{name}/protection",
    }


def protection(world: World, repository: Repository, name: str) -> Json:
    """Return the protection of a branch: changes come by reviewed pull requests only, for administrators, too."""
    url = f"{base_of(world, repository)}/branches/{name}/protection"
    return {
        "url": url,
        "required_pull_request_reviews": {
            "url": f"{url}/required_pull_request_reviews",
            "dismiss_stale_reviews": False,
            "require_code_owner_reviews": False,
            "required_approving_review_count": 1,
            "require_last_push_approval": False,
        },
        "required_signatures": {"url": f"{url}/required_signatures", "enabled": False},
        "enforce_admins": {"url": f"{url}/enforce_admins", "enabled": True},
        "required_linear_history": {"enabled": False},
        "allow_force_pushes": {"enabled": False},
        "allow_deletions": {"enabled": False},
        "block_creations": {"enabled": False},
        "required_conversation_resolution": {"enabled": False},
        "lock_branch": {"enabled": False},
        "allow_fork_syncing": {"enabled": False},
    }


def content_entry(world: World, repository: Repository, entry: Entry, ref: str) -> Json:
    """Return a file or directory as it stands in the listing of its directory."""
    base, html = base_of(world, repository), f"{world.url}/{repository.full_name}"
    kind = "dir" if entry.kind == "tree" else "symlink" if entry.mode == "120000" else "file"
    url = f"{base}/contents/{entry.path}?ref={ref}"
    git_url = f"{base}/git/{'trees' if kind == 'dir' else 'blobs'}/{entry.sha}"
    html_url = f"{html}/{'tree' if kind == 'dir' else 'blob'}/{ref}/{entry.path}"
    return {
        "name": entry.path.rsplit("/", 1)[-1],
        "path": entry.path,
        "sha": entry.sha,
        "size": entry.size or 0,
        "url": url,
        "html_url": html_url,
        "git_url": git_url,
        "download_url": None if kind == "dir" else f"{html}/raw/{ref}/{entry.path}",
        "type": kind,
        "_links": {"self": url, "git": git_url, "html": html_url},
    }


def wrapped_base64(content: bytes) -> str:
    """Return base64 in lines of 60 characters, each with a newline, as GitHub sends file contents."""
    text = base64.b64encode(content).decode()
    return "".join(f"{text[start : start + 60]}\n" for start in range(0, len(text), 60))


def event_commit(world: World, repository: Repository, record: Commit, files: list[tuple[str, str, int, int]]) -> Json:
    """Return a commit as a push event shows it."""
    author, committer = _event_person(world, record.author), _event_person(world, record.committer)
    return {
        "id": record.sha,
        "tree_id": record.tree,
        "distinct": True,
        "message": record.message,
        "timestamp": record.committer.date,
        "url": f"{world.url}/{repository.full_name}/commit/{record.sha}",
        "author": author,
        "committer": committer,
        "added": [path for path, letter, *_ in files if letter == "A"],
        "removed": [path for path, letter, *_ in files if letter == "D"],
        "modified": [path for path, letter, *_ in files if letter not in ("A", "D")],
    }


def _event_person(world: World, person: Person) -> Json:
    account = _account_of(world, person)
    named = {"username": account["login"]} if account else {}
    return {"name": person.name, "email": person.email, "date": person.date, **named}
