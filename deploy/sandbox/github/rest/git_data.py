"""Git references, commits, trees and blobs."""

import base64
import binascii

from starlette.routing import Route

from deploy.sandbox.github import git_shapes, pushes
from deploy.sandbox.github.callers import Need
from deploy.sandbox.github.git import ZERO, GitFailedError
from deploy.sandbox.github.problems import Problem, not_found
from deploy.sandbox.github.records import Repository
from deploy.sandbox.github.rest.repositories import CONTENTS, WRITE, person
from deploy.sandbox.github.web import Call, Desk, Reply

DELETE_REF = Need(role="push", permission="contents", write=True)


def _must_not_be_empty(call: Call, record: Repository) -> None:
    if not call.world.git.refs(record.full_name):
        raise Problem(409, "Git Repository is empty.")


def ref(call: Call) -> Reply:
    """Return one reference."""
    record = call.repository(CONTENTS)
    _must_not_be_empty(call, record)
    name = f"refs/{call.params['ref']}"
    sha = call.world.git.refs(record.full_name, name).get(name)
    if sha is None:
        raise not_found()
    kind = call.world.git.kind(record.full_name, sha) or "commit"
    return Reply(body=git_shapes.reference(call.world, record, name, sha, kind))


def matching(call: Call) -> Reply:
    """List the references that begin so."""
    record = call.repository(CONTENTS)
    prefix = f"refs/{call.params.get('ref', '')}"
    found = call.world.git.refs(record.full_name)
    shown = [
        git_shapes.reference(call.world, record, name, sha, call.world.git.kind(record.full_name, sha) or "commit")
        for name, sha in found.items()
        if name.startswith(prefix)
    ]
    return call.page(shown)


def create_ref(call: Call) -> Reply:
    """Create a reference."""
    record = call.repository(WRITE)
    given = call.body({"ref": str, "sha": str})
    _must_not_be_empty(call, record)
    name, sha = given["ref"], given["sha"]
    if not name.startswith("refs/") or name.count("/") < 2:  # noqa: PLR2004 - refs/heads/name
        raise Problem(422, "Reference name must start with 'refs/' and contain at least one more '/'.")
    if call.world.git.kind(record.full_name, sha) is None:
        raise Problem(422, "Object does not exist")
    if name in call.world.git.refs(record.full_name, name):
        raise Problem(422, "Reference already exists")
    try:
        call.world.git.set_ref(record.full_name, name, sha, ZERO)
    except GitFailedError:
        raise Problem(422, f"{name} is not a valid ref name.") from None
    pushes.ref_moved(call.world, record, name, (ZERO, sha), call.caller.login)
    return Reply(status=201, body=git_shapes.reference(call.world, record, name, sha))


def change_ref(call: Call) -> Reply:
    """Move a reference; without `force` only forward."""
    record = call.repository(WRITE)
    given = call.body({"sha": str}, {"force": bool})
    name, sha = f"refs/{call.params['ref']}", given["sha"]
    old = call.world.git.refs(record.full_name, name).get(name)
    if old is None:
        raise Problem(422, "Reference does not exist")
    if call.world.git.kind(record.full_name, sha) is None:
        raise Problem(422, "Object does not exist")
    if not given.get("force") and not call.world.git.is_ancestor(record.full_name, old, sha):
        raise Problem(422, "Update is not a fast forward")
    if name.removeprefix("refs/heads/") in record.protected:
        raise Problem(422, "Changes must be made through a pull request.")
    if old != sha:
        call.world.git.set_ref(record.full_name, name, sha, old)
        pushes.ref_moved(call.world, record, name, (old, sha), call.caller.login)
    return Reply(body=git_shapes.reference(call.world, record, name, sha))


def delete_ref(call: Call) -> Reply:
    """Delete a reference."""
    record = call.repository(DELETE_REF)
    name = f"refs/{call.params['ref']}"
    old = call.world.git.refs(record.full_name, name).get(name)
    if old is None:
        raise Problem(422, "Reference does not exist")
    if name.removeprefix("refs/heads/") in record.protected:
        raise Problem(422, "Cannot delete a protected branch")
    call.world.git.delete_ref(record.full_name, name)
    pushes.ref_moved(call.world, record, name, (old, ZERO), call.caller.login)
    return Reply(status=204)


def commit(call: Call) -> Reply:
    """Return a commit."""
    record = call.repository(CONTENTS)
    found = call.world.git.commit(record.full_name, call.params["sha"])
    if found is None:
        raise not_found()
    return Reply(body=git_shapes.git_commit(call.world, record, found))


def create_commit(call: Call) -> Reply:
    """Store a commit that no branch knows yet."""
    record = call.repository(WRITE)
    given = call.body({"message": str, "tree": str}, {"parents": list, "author": dict, "committer": dict})
    git, name = call.world.git, record.full_name
    if git.kind(name, given["tree"]) != "tree":
        raise Problem(422, "Tree SHA does not exist")
    parents = given.get("parents") or []
    if any(git.kind(name, each) != "commit" for each in parents):
        raise Problem(422, "Parent SHA does not exist or is not a commit object")
    author = person(call, given.get("author"))
    committer = person(call, given["committer"]) if given.get("committer") else author
    found = git.commit(
        name, git.add_commit(name, given["tree"], parents, given["message"], author=author, committer=committer)
    )
    if found is None:
        raise not_found()
    return Reply(status=201, body=git_shapes.git_commit(call.world, record, found))


def tree(call: Call) -> Reply:
    """Return a tree, with `recursive` all the way down."""
    record = call.repository(CONTENTS)
    git, name = call.world.git, record.full_name
    _must_not_be_empty(call, record)
    sha = git.resolve(name, call.params["sha"])
    sha = git.resolve(name, f"{sha}^{{tree}}") if sha else None
    if sha is None:
        raise not_found()
    return Reply(body=_shown_tree(call, record, sha, recursive="recursive" in call.query))


def _shown_tree(call: Call, record: Repository, sha: str, *, recursive: bool = False) -> dict[str, object]:
    base = git_shapes.base_of(call.world, record)
    lines = []
    for each in call.world.git.entries(record.full_name, sha, recursive=recursive):
        place = "trees" if each.kind == "tree" else "blobs"
        line = {"path": each.path, "mode": each.mode, "type": each.kind, "sha": each.sha}
        size = {} if each.size is None else {"size": each.size}
        lines.append({**line, **size, "url": f"{base}/git/{place}/{each.sha}"})
    return {"sha": sha, "url": f"{base}/git/trees/{sha}", "tree": lines, "truncated": False}


def create_tree(call: Call) -> Reply:
    """Store a tree made of another one and changed lines."""
    record = call.repository(WRITE)
    given = call.body({"tree": list}, {"base_tree": str})
    git, name = call.world.git, record.full_name
    if given.get("base_tree") and git.kind(name, given["base_tree"]) is None:
        raise Problem(422, "base_tree is not a valid tree oid")
    lines = []
    for each in given["tree"]:
        if not isinstance(each, dict) or not each.get("path"):
            raise Problem(422, "Must supply a valid tree.path")
        if "content" in each and "sha" in each:
            raise Problem(422, "Must supply either tree.sha or tree.content")
        sha = git.add_blob(name, each["content"].encode()) if "content" in each else each.get("sha")
        if sha is not None and git.kind(name, sha) is None:
            raise Problem(422, f"tree.sha {sha} is not a valid {each.get('type', 'blob')}")
        lines.append((str(each.get("mode", "100644")), str(each["path"]), sha))
    try:
        made = git.add_tree(name, given.get("base_tree"), lines)
    except GitFailedError as error:
        raise Problem(422, f"GitRPC::BadObjectState: {error}") from None
    return Reply(status=201, body=_shown_tree(call, record, made))


def blob(call: Call) -> Reply:
    """Return a blob."""
    record = call.repository(CONTENTS)
    content = call.world.git.blob(record.full_name, call.params["sha"])
    if content is None:
        raise not_found()
    sha = call.params["sha"]
    return Reply(
        body={
            "sha": sha,
            "node_id": git_shapes.object_id("B", record, sha),
            "size": len(content),
            "url": f"{git_shapes.base_of(call.world, record)}/git/blobs/{sha}",
            "content": git_shapes.wrapped_base64(content),
            "encoding": "base64",
        }
    )


def create_blob(call: Call) -> Reply:
    """Store a blob."""
    record = call.repository(WRITE)
    given = call.body({"content": str}, {"encoding": str})
    if given.get("encoding", "utf-8") == "base64":
        try:
            content = base64.b64decode(given["content"], validate=False)
        except binascii.Error:
            raise Problem(422, "content is not valid Base64") from None
    else:
        content = given["content"].encode()
    sha = call.world.git.add_blob(record.full_name, content)
    return Reply(status=201, body={"sha": sha, "url": f"{git_shapes.base_of(call.world, record)}/git/blobs/{sha}"})


def routes(desk: Desk) -> list[Route]:
    """Return the routes of the git data chapters."""
    base = "/repos/{owner}/{repo}/git"
    return [
        *desk.route(base + "/ref/{ref:path}", get=ref),
        *desk.route(base + "/matching-refs/{ref:path}", get=matching),
        *desk.route(base + "/refs", post=create_ref),
        *desk.route(base + "/refs/{ref:path}", patch=change_ref, delete=delete_ref),
        *desk.route(base + "/commits", post=create_commit),
        *desk.route(base + "/commits/{sha}", get=commit),
        *desk.route(base + "/trees", post=create_tree),
        *desk.route(base + "/trees/{sha:path}", get=tree),
        *desk.route(base + "/blobs", post=create_blob),
        *desk.route(base + "/blobs/{sha}", get=blob),
    ]
