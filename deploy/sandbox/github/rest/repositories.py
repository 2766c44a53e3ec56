"""Repositories, branches and their protection, commits, comparisons, and the contents of files."""

import base64
import binascii
import re
from typing import Any

from starlette.routing import Route

from deploy.sandbox.github import git_shapes, ownership, pushes, shapes
from deploy.sandbox.github.callers import READ, Caller, Kind, Need, require
from deploy.sandbox.github.config import NAME
from deploy.sandbox.github.git import ZERO, Commit, Person
from deploy.sandbox.github.problems import Problem, invalid, not_found
from deploy.sandbox.github.records import Repository
from deploy.sandbox.github.web import Call, Desk, Reply
from deploy.sandbox.github.world import World

ADMIN = Need(role="admin", permission="administration", write=True, hidden=False)
SEE_PROTECTION = Need(role="admin", permission="administration")
CONTENTS = Need(permission="contents")
WRITE = Need(role="push", permission="contents", write=True)
PEOPLE = {"committer": dict, "author": dict}


def repository(call: Call) -> Reply:
    """Return a repository."""
    return Reply(body=shapes.full_repository(call.world, call.repository(), call.caller))


def by_id(call: Call) -> Reply:
    """Return a repository by its id: where the redirect of a former name points to."""
    record = call.world.store.get(Repository, call.number("repository_id"))
    if record is None:
        raise not_found()
    require(call.caller, record, call.world.known(record.owner), READ)
    return Reply(body=shapes.full_repository(call.world, record, call.caller))


def permission(call: Call) -> Reply:
    """Return what somebody may do in a repository. Whoever may read a public one has the role read."""
    record = call.repository(Need(role="push", hidden=False))
    account = call.world.account(call.params["username"])
    if account is None:
        raise Problem(404, f"{call.params['username']} is not a user")
    role = call.world.role(Caller(kind=Kind.CLASSIC, login=account.login), record)
    return Reply(body=shapes.permission(call.world, account, role))


def change(call: Call) -> Reply:
    """Change a repository: name, description, visibility, archived, default branch."""
    record = call.repository(Need(role="admin", permission="administration", hidden=False))
    known = {"name": str, "description": str, "private": bool, "archived": bool, "default_branch": str}
    given = call.body(optional={**known, "has_pull_requests": bool, "homepage": str})
    if record.archived and given.get("archived") is not False:
        raise Problem(403, "Repository was archived so is read-only.")
    branch = given.get("default_branch")
    if branch is not None and call.world.git.branch(record.full_name, branch) is None:
        raise invalid(
            "Repository",
            f"The branch {branch} was not found. Please push that ref first or create it via the Git Data API.",
            field="default_branch",
        )
    name = given.get("name")
    if name and name != record.name:
        _refuse_name(call.world, record.owner, name, but=record)
        ownership.rename(call.world, record, name, call.caller.login)
    for name in ("description", "private", "archived", "default_branch"):
        if given.get(name) is not None:
            setattr(record, name, given[name])
    if given.get("has_pull_requests") is not None:
        record.pull_requests = given["has_pull_requests"]
    call.world.touch(record)
    return Reply(body=shapes.full_repository(call.world, record, call.caller))


def _refuse_name(world: World, owner: str, name: str, *, but: Repository | None = None) -> None:
    if not re.match(NAME, name):
        raise invalid("Repository", "name can only contain ASCII letters, digits, and the characters ., -, and _.")
    if world.find_repository(owner, name) not in (None, but):
        raise invalid("Repository", "name already exists on this account", field="name")


def transfer(call: Call) -> Reply:
    """Give a repository to another owner: at once, where the caller owns both; GitHub asks other people first."""
    record = call.repository(ADMIN)
    given = call.body({"new_owner": str}, {"new_name": str, "team_ids": list})
    owner, name = call.world.account(given["new_owner"]), given.get("new_name") or record.name
    if owner is None or owner.login == record.owner:
        raise invalid("Repository", f"{given['new_owner']} cannot be the new owner", field="new_owner", code="invalid")
    if call.caller.login not in (owner.login, *owner.owners):
        raise Problem(403, "You don't have the permission to create repositories on this account")
    _refuse_name(call.world, owner.login, name)
    ownership.transfer(call.world, record, owner, name, call.caller.login)
    return Reply(status=202, body=shapes.repository(call.world, record, call.caller))


def remove(call: Call) -> Reply:
    """Delete a repository, which is another permission than changing it for a classic token."""
    record = call.repository(ADMIN)
    if call.caller.kind is Kind.CLASSIC and not call.caller.has_scope("delete_repo"):
        raise Problem(403, "Must have admin rights to Repository.")
    ownership.delete(call.world, record, call.caller.login)
    return Reply(status=204)


def branches(call: Call) -> Reply:
    """List branches."""
    record = call.repository(CONTENTS)
    heads = call.world.git.refs(record.full_name, "refs/heads/")
    wanted = {"true": True, "false": False}.get(call.query.get("protected", ""))
    shown = [
        git_shapes.short_branch(call.world, record, name.removeprefix("refs/heads/"), sha)
        for name, sha in heads.items()
    ]
    return call.page([each for each in shown if wanted is None or each["protected"] == wanted])


def _head(call: Call, record: Repository, name: str) -> Commit:
    sha = call.world.git.branch(record.full_name, name)
    head = call.world.git.commit(record.full_name, sha) if sha else None
    if head is None:
        raise Problem(404, "Branch not found")
    return head


def branch(call: Call) -> Reply:
    """Return a branch."""
    record = call.repository(CONTENTS)
    name = call.params["branch"]
    return Reply(body=git_shapes.branch(call.world, record, name, _head(call, record, name)))


def protection(call: Call) -> Reply:
    """Return the protection of a branch."""
    record = call.repository(SEE_PROTECTION)
    name = call.params["branch"]
    _head(call, record, name)
    if name not in record.protected:
        raise Problem(404, "Branch not protected")
    return Reply(body=git_shapes.protection(call.world, record, name))


def rules(call: Call) -> Reply:
    """List the rules that hold for a branch: none, since this sandbox knows no rulesets."""
    call.repository()
    return Reply(body=[])


def commits(call: Call) -> Reply:
    """List commits."""
    record = call.repository(CONTENTS)
    start = call.query.get("sha", record.default_branch)
    sha = call.world.git.resolve(record.full_name, start)
    if sha is None and not call.world.git.refs(record.full_name):
        raise Problem(409, "Git Repository is empty.")
    if sha is None:
        raise not_found()
    log = call.world.git.log(record.full_name, sha, limit=1_000, path=call.query.get("path", ""))
    return call.page([git_shapes.commit(call.world, record, each) for each in log])


def commit(call: Call) -> Reply:
    """Return a commit with its changed files."""
    record = call.repository(CONTENTS)
    git, name = call.world.git, record.full_name
    sha = git.resolve(name, call.params["ref"])
    found = git.commit(name, sha) if sha else None
    if found is None:
        raise Problem(422, f"No commit found for SHA: {call.params['ref']}")
    files = git.changed_files(name, found.parents[0], found.sha) if found.parents else []
    added, removed = sum(each[2] for each in files), sum(each[3] for each in files)
    return Reply(
        body={
            **git_shapes.commit(call.world, record, found),
            "stats": {"additions": added, "deletions": removed, "total": added + removed},
            "files": [git_shapes.changed_file(call.world, record, found.sha, each) for each in files],
        }
    )


def compare(call: Call) -> Reply:
    """Compare two branches or commits."""
    record = call.repository(CONTENTS)
    git, name = call.world.git, record.full_name
    left, dots, right = call.params["basehead"].partition("...")
    base, head = git.resolve(name, left), git.resolve(name, right.rsplit(":", 1)[-1])
    middle = git.merge_base(name, base, head) if dots and base and head else None
    if base is None or head is None or middle is None:
        raise not_found()
    ahead, behind = git.log(name, f"{base}..{head}", limit=250), git.log(name, f"{head}..{base}", limit=250)
    words = {(False, False): "identical", (True, False): "ahead", (False, True): "behind"}
    found = {sha: git.commit(name, sha) for sha in (base, middle)}
    url = f"{git_shapes.base_of(call.world, record)}/compare/{call.params['basehead']}"
    html = f"{call.world.url}/{name}/compare/{call.params['basehead']}"
    return Reply(
        body={
            "url": url,
            "html_url": html,
            "permalink_url": html,
            "diff_url": f"{html}.diff",
            "patch_url": f"{html}.patch",
            "base_commit": _shown(call.world, record, found[base]),
            "merge_base_commit": _shown(call.world, record, found[middle]),
            "status": words.get((bool(ahead), bool(behind)), "diverged"),
            "ahead_by": len(ahead),
            "behind_by": len(behind),
            "total_commits": len(ahead),
            "commits": [git_shapes.commit(call.world, record, each) for each in reversed(ahead)],
            "files": [
                git_shapes.changed_file(call.world, record, head, each)
                for each in git.changed_files(name, middle, head)
            ],
        }
    )


def _shown(world: World, record: Repository, found: Commit | None) -> dict[str, Any]:
    if found is None:
        raise not_found()
    return git_shapes.commit(world, record, found)


def contents(call: Call) -> Reply:
    """Return a file, or the entries of a directory."""
    record = call.repository(CONTENTS)
    git, name = call.world.git, record.full_name
    ref = call.query.get("ref", record.default_branch)
    path = call.params.get("path", "").strip("/")
    head = git.resolve(name, ref.removeprefix("refs/heads/"))
    if head is None:
        empty = not git.refs(name)
        raise Problem(404, "This repository is empty." if empty else f"No commit found for the ref {ref}")
    entry = next(iter(git.entries(name, head, path)), None) if path else None
    if path and entry is None:
        raise not_found()
    if entry is None or entry.kind == "tree":
        entries = git.entries(name, head, f"{path}/" if path else "")
        return Reply(body=[git_shapes.content_entry(call.world, record, each, ref) for each in entries])
    content = git.blob(name, entry.sha) or b""
    if "raw" in call.accept:
        return Reply(body=content)
    shown = git_shapes.content_entry(call.world, record, entry, ref)
    return Reply(body={**shown, "content": git_shapes.wrapped_base64(content), "encoding": "base64"})


def _place(call: Call, given: dict[str, Any]) -> tuple[Repository, str, str | None, str, str | None]:
    """Return repository, branch, its head, the path, and the blob that is there now."""
    record = call.repository(WRITE)
    git, name = call.world.git, record.full_name
    branch_name = given.get("branch") or record.default_branch
    head = git.branch(name, branch_name)
    if head is None and git.refs(name, "refs/heads/"):
        raise Problem(404, f"Branch {branch_name} not found")
    path = call.params["path"]
    if any(part in ("", ".", "..", ".git") for part in path.split("/")):
        raise Problem(422, f"path contains a malformed path component: {path}")
    entry = next(iter(git.entries(name, head, path)), None) if head else None
    sha = entry.sha if entry else None
    wanted = given.get("sha")
    if sha is not None and wanted is None:
        raise Problem(422, 'Invalid request.\n\n"sha" wasn\'t supplied.')
    if wanted is not None and wanted != sha:
        raise Problem(409, f"{path} does not match {wanted}" if sha else f"{path} does not exist")
    if branch_name in record.protected:
        raise Problem(409, "Could not update file: Changes must be made through a pull request.")
    return record, branch_name, head, path, sha


def person(call: Call, given: Any) -> Person:  # noqa: ANN401 - JSON of the caller
    """Return the author that a body names, or the caller."""
    login = call.caller.login
    if not given:
        return Person(name=login, email=call.world.email(login))
    if not isinstance(given, dict) or not given.get("name") or not given.get("email"):
        raise Problem(422, 'Invalid request.\n\n"email", "name" weren\'t supplied.')
    return Person(name=given["name"], email=given["email"], date=given.get("date", ""))


def _write(
    call: Call, given: dict[str, Any], additions: dict[str, bytes], deletions: list[str]
) -> tuple[Repository, str]:
    record, branch_name, head, *_ = _place(call, given)
    author = person(call, given.get("author") or given.get("committer"))
    sha = call.world.git.commit_files(
        record.full_name, head, given["message"], author, additions=additions, deletions=deletions
    )
    ref = f"refs/heads/{branch_name}"
    call.world.git.set_ref(record.full_name, ref, sha, head or ZERO)
    pushes.ref_moved(call.world, record, ref, (head or ZERO, sha), call.caller.login)
    return record, sha


def write(call: Call) -> Reply:
    """Create or change a file by a commit of its own."""
    required = {"message": str, "content": str}
    given = call.body(required, {"sha": str, "branch": str, **PEOPLE})
    try:
        content = base64.b64decode(given["content"].replace("\n", ""), validate=True)
    except binascii.Error:
        raise Problem(422, "content is not valid Base64") from None
    *_, path, former = _place(call, given)
    record, sha = _write(call, given, {path: content}, [])
    entry = next(iter(call.world.git.entries(record.full_name, sha, path)))
    shown = git_shapes.content_entry(call.world, record, entry, given.get("branch") or record.default_branch)
    return Reply(status=200 if former else 201, body={"content": shown, "commit": _git_commit(call, record, sha)})


def delete(call: Call) -> Reply:
    """Delete a file by a commit of its own."""
    required = {"message": str, "sha": str}
    given = call.body(required, {"branch": str, **PEOPLE})
    *_, path, former = _place(call, given)
    if former is None:
        raise not_found()
    record, sha = _write(call, given, {}, [path])
    return Reply(body={"content": None, "commit": _git_commit(call, record, sha)})


def _git_commit(call: Call, record: Repository, sha: str) -> dict[str, Any]:
    found = call.world.git.commit(record.full_name, sha)
    if found is None:
        raise not_found()
    return git_shapes.git_commit(call.world, record, found)


def create(call: Call) -> Reply:
    """Create a repository for the caller or an organization that the caller owns."""
    given = call.body({"name": str}, {"description": str, "private": bool, "auto_init": bool})
    if call.caller.kind not in (Kind.CLASSIC, Kind.FINE_GRAINED):
        raise Problem(401, "Requires authentication")
    owner = call.world.known(call.params.get("org", call.caller.login))
    if owner.login != call.caller.login and call.caller.login not in owner.owners:
        raise Problem(403, "You need admin access to the organization before adding a repository to it.")
    _refuse_name(call.world, owner.login, given["name"])
    facts = {"description": given.get("description"), "private": bool(given.get("private"))}
    record = call.world.add_repository(owner.login, given["name"], **facts)
    if given.get("auto_init"):
        author = person(call, None)
        readme = {"README.md": f"# {record.name}\n".encode()}
        sha = call.world.git.commit_files(record.full_name, None, "Initial commit", author, additions=readme)
        call.world.git.set_ref(record.full_name, f"refs/heads/{record.default_branch}", sha)
    return Reply(status=201, body=shapes.full_repository(call.world, record, call.caller))


def routes(desk: Desk) -> list[Route]:
    """Return the routes of these chapters of GitHub's reference."""
    base = "/repos/{owner}/{repo}"
    return [
        *desk.route(base, get=repository, patch=change, delete=remove),
        *desk.route(base + "/transfer", post=transfer),
        *desk.route("/repositories/{repository_id:int}", get=by_id),
        *desk.route(base + "/collaborators/{username}/permission", get=permission),
        *desk.route("/user/repos", post=create),
        *desk.route("/orgs/{org}/repos", post=create),
        *desk.route(base + "/branches", get=branches),
        *desk.route(base + "/branches/{branch:path}/protection", get=protection),
        *desk.route(base + "/branches/{branch:path}", get=branch),
        *desk.route(base + "/rules/branches/{branch:path}", get=rules),
        *desk.route(base + "/commits", get=commits),
        *desk.route(base + "/commits/{ref}", get=commit),
        *desk.route(base + "/compare/{basehead:path}", get=compare),
        *desk.route(base + "/contents", get=contents),
        *desk.route(base + "/contents/{path:path}", get=contents, put=write, delete=delete),
    ]
