"""Pull requests: open, change, merge for real, reviews, files and commits; and check runs on commits."""

from typing import Any

from starlette.routing import Route

from deploy.sandbox.github import deliveries, git_shapes, pull_shapes, pushes
from deploy.sandbox.github.callers import Need
from deploy.sandbox.github.git import Person
from deploy.sandbox.github.problems import Problem, invalid, not_found
from deploy.sandbox.github.records import CheckRun, Issue, Pull, Repository, Review
from deploy.sandbox.github.rest import accounts
from deploy.sandbox.github.rest.issues import set_state
from deploy.sandbox.github.web import Call, Desk, Reply
from deploy.sandbox.github.world import World, timestamp

READ = Need(permission="pull_requests")
WRITE = Need(permission="pull_requests", write=True)
MERGE = Need(role="push", permission="contents", write=True)
CHECKS = Need(role="push", permission="checks", write=True)
STATES = {"APPROVE": "APPROVED", "REQUEST_CHANGES": "CHANGES_REQUESTED", "COMMENT": "COMMENTED"}


def _emit(call: Call, repository: Repository, issue: Issue, pull: Pull, action: str, **more: Any) -> None:  # noqa: ANN401 - JSON
    shown = pull_shapes.full_pull(call.world, repository, issue, pull)
    body = {"action": action, "number": issue.number, "pull_request": shown, **more}
    deliveries.emit(call.world, "pull_request", body, sender=call.caller.login, repository=repository)


def _pulls(world: World, repository: Repository) -> list[tuple[Issue, Pull]]:
    issues = world.store.all(Issue, lambda each: each.repository_id == repository.id and each.is_pull)
    return [(each, world.pull(each)) for each in issues]


def _one(call: Call, need: Need = READ) -> tuple[Repository, Issue, Pull]:
    repository = call.repository(need)
    issue = call.world.issue(repository, call.number("pull_number"))
    return repository, issue, call.world.pull(issue)


def listing(call: Call) -> Reply:
    """List pull requests by state, head (owner:branch) and base."""
    repository = call.repository(READ)
    state, head, base = call.query.get("state", "open"), call.query.get("head"), call.query.get("base")
    found = [
        (issue, pull)
        for issue, pull in _pulls(call.world, repository)
        if state in ("all", issue.state)
        and (head is None or head in (f"{repository.owner}:{pull.head}", pull.head))
        and base in (None, pull.base)
    ]
    newest = call.query.get("direction", "desc") == "desc"
    found.sort(key=lambda pair: pair[0].number, reverse=newest)
    return call.page([pull_shapes.pull(call.world, repository, issue, pull) for issue, pull in found])


def create(call: Call) -> Reply:
    """Open a pull request."""
    repository = call.repository(WRITE)
    optional = {"title": str, "body": str, "draft": bool, "maintainer_can_modify": bool, "head_repo": str, "issue": int}
    given = call.body({"head": str, "base": str}, optional)
    if not repository.pull_requests:
        raise Problem(403, "Pull requests are disabled for this repository.")
    if not given.get("title"):
        raise Problem(422, 'Invalid request.\n\n"title" wasn\'t supplied.')
    git, name = call.world.git, repository.full_name
    head, base = given["head"].rpartition(":")[2], given["base"]
    shas = {"head": git.branch(name, head), "base": git.branch(name, base)}
    for end, sha in shas.items():
        if sha is None:
            raise invalid("PullRequest", field=end, code="invalid")
    head_sha, base_sha = str(shas["head"]), str(shas["base"])
    if git.is_ancestor(name, head_sha, base_sha):
        raise invalid("PullRequest", f"No commits between {base} and {head}")
    if any(
        issue.state == "open" and (pull.head, pull.base) == (head, base)
        for issue, pull in _pulls(call.world, repository)
    ):
        raise invalid("PullRequest", f"A pull request already exists for {repository.owner}:{head}.")
    issue = call.world.add_issue(repository, call.caller.login, given["title"], body=given.get("body"), is_pull=True)
    pull = call.world.store.add(
        Pull(
            issue_id=issue.id,
            head=head,
            base=base,
            head_sha=head_sha,
            base_sha=base_sha,
            draft=bool(given.get("draft")),
        )
    )
    git.set_ref(name, f"refs/pull/{issue.number}/head", head_sha)
    _emit(call, repository, issue, pull, "opened")
    return Reply(status=201, body=pull_shapes.full_pull(call.world, repository, issue, pull))


def one(call: Call) -> Reply:
    """Return a pull request."""
    return Reply(body=pull_shapes.full_pull(call.world, *_one(call)))


def change(call: Call) -> Reply:
    """Change a pull request's text, base or state."""
    repository, issue, pull = _one(call, WRITE)
    optional = {"title": str, "body": str, "state": str, "base": str, "maintainer_can_modify": bool}
    given = call.body(optional=optional)
    changes = {}
    for name in ("title", "body"):
        if name in given and given[name] != getattr(issue, name):
            changes[name] = {"from": getattr(issue, name) or ""}
            setattr(issue, name, given[name])
    pull.base = given.get("base") or pull.base
    issue.updated_at = timestamp()
    call.world.store.save(pull)
    call.world.store.save(issue)
    if changes:
        _emit(call, repository, issue, pull, "edited", changes=changes)
    state = given.get("state")
    if state is not None and state != issue.state:
        _freeze(call.world, repository, issue, pull)
        set_state(call, repository, issue, state, None)
        _emit(call, repository, issue, pull, "closed" if state == "closed" else "reopened")
    return Reply(body=pull_shapes.full_pull(call.world, repository, issue, pull))


def _freeze(world: World, repository: Repository, issue: Issue, pull: Pull) -> None:
    pull.head_sha, pull.base_sha = pull_shapes.ends(world, repository, issue, pull)
    world.store.save(pull)


def merged(call: Call) -> Reply:
    """Say by the status alone whether a pull request was merged."""
    *_, pull = _one(call)
    if pull.merged_at is None:
        raise not_found()
    return Reply(status=204)


def merge(call: Call) -> Reply:
    """Merge a pull request: a merge commit, a squash, or (also for rebase) one commit on top of the base."""
    repository, issue, pull = _one(call, MERGE)
    optional = {"commit_title": str, "commit_message": str, "sha": str, "merge_method": str}
    given = call.body(optional=optional)
    git, name = call.world.git, repository.full_name
    head, base = pull_shapes.ends(call.world, repository, issue, pull)
    if issue.state != "open" or pull.draft:
        raise Problem(405, "Pull Request is not mergeable" if not pull.draft else "Pull Request is still a draft")
    if given.get("sha") not in (None, head):
        raise Problem(409, "Head branch was modified. Review and try the merge again.")
    tree = git.merge(name, base, head)
    if tree is None:
        raise Problem(405, "Pull Request has merge conflicts")
    method = given.get("merge_method") or "merge"
    if method not in ("merge", "squash", "rebase"):
        raise invalid("PullRequest", field="merge_method", code="invalid")
    words = (
        f"Merge pull request #{issue.number} from {repository.owner}/{pull.head}"
        if method == "merge"
        else f"{issue.title} (#{issue.number})"
    )
    message = "\n\n".join(
        filter(
            None,
            (
                given.get("commit_title") or words,
                given.get("commit_message") or (issue.title if method == "merge" else ""),
            ),
        )
    )
    author = Person(name=call.caller.login, email=call.world.email(call.caller.login))
    committer = Person(name="GitHub", email="noreply@github.com")
    parents = [base, head] if method == "merge" else [base]
    sha = git.add_commit(name, tree, parents, message, author=author, committer=committer)
    _freeze(call.world, repository, issue, pull)
    git.set_ref(name, f"refs/heads/{pull.base}", sha, base)
    pull.merged_at, pull.merged_by, pull.merge_commit_sha = timestamp(), call.caller.login, sha
    call.world.store.save(pull)
    set_state(call, repository, issue, "closed", None)
    _emit(call, repository, issue, pull, "closed")
    pushes.ref_moved(call.world, repository, f"refs/heads/{pull.base}", (base, sha), call.caller.login)
    return Reply(body={"sha": sha, "merged": True, "message": "Pull Request successfully merged"})


def files(call: Call) -> Reply:
    """List the files that a pull request changes."""
    repository, issue, pull = _one(call)
    git, name = call.world.git, repository.full_name
    head, base = pull_shapes.ends(call.world, repository, issue, pull)
    middle = git.merge_base(name, base, head) or base
    changed = git.changed_files(name, middle, head)
    return call.page([git_shapes.changed_file(call.world, repository, head, each) for each in changed])


def commits(call: Call) -> Reply:
    """List the commits of a pull request, oldest first."""
    repository, issue, pull = _one(call)
    head, base = pull_shapes.ends(call.world, repository, issue, pull)
    log = call.world.git.log(repository.full_name, f"{base}..{head}", limit=250)
    return call.page([git_shapes.commit(call.world, repository, each) for each in reversed(log)])


def reviews(call: Call) -> Reply:
    """List a pull request's reviews, oldest first."""
    repository, issue, _ = _one(call)
    found = call.world.store.all(Review, lambda each: each.issue_id == issue.id)
    return call.page([pull_shapes.review(call.world, repository, issue, each) for each in found])


def add_review(call: Call) -> Reply:
    """Review a pull request."""
    repository, issue, pull = _one(call, WRITE)
    given = call.body(optional={"commit_id": str, "body": str, "event": str, "comments": list})
    event = given.get("event")
    if event is not None and event not in STATES:
        raise Problem(422, f"Unprocessable Entity: {event} is not a review event")
    if event in ("APPROVE", "REQUEST_CHANGES") and issue.author == call.caller.login:
        verb = "approve" if event == "APPROVE" else "request changes on"
        raise Problem(422, "Unprocessable Entity", errors=[f"Can not {verb} your own pull request"])
    if event in ("COMMENT", "REQUEST_CHANGES") and not given.get("body"):
        raise Problem(422, "Unprocessable Entity", errors=["Body can not be blank"])
    head, _ = pull_shapes.ends(call.world, repository, issue, pull)
    record = Review(
        issue_id=issue.id,
        author=call.caller.login,
        body=given.get("body") or "",
        state=STATES[event] if event else "PENDING",
        commit_id=given.get("commit_id") or head,
        submitted_at=timestamp() if event else None,
    )
    call.world.store.add(record)
    shown = pull_shapes.review(call.world, repository, issue, record)
    if event:
        body = {
            "action": "submitted",
            "review": {**shown, "state": record.state.lower(), "body": record.body or None},
            "pull_request": pull_shapes.pull(call.world, repository, issue, pull),
        }
        deliveries.emit(call.world, "pull_request_review", body, sender=call.caller.login, repository=repository)
    return Reply(body=shown)


def _check(call: Call, repository: Repository, record: CheckRun) -> dict[str, Any]:
    base = git_shapes.base_of(call.world, repository)
    app = call.caller.app
    return {
        "id": record.id,
        "head_sha": record.head_sha,
        "node_id": record.node_id,
        "external_id": record.external_id,
        "url": f"{base}/check-runs/{record.id}",
        "html_url": f"{call.world.url}/{repository.full_name}/runs/{record.id}",
        "details_url": record.details_url,
        "status": record.status,
        "conclusion": record.conclusion,
        "started_at": record.started_at,
        "completed_at": record.completed_at,
        "output": {
            "title": record.title,
            "summary": record.summary,
            "text": record.text,
            "annotations_count": 0,
            "annotations_url": f"{base}/check-runs/{record.id}/annotations",
        },
        "name": record.name,
        "check_suite": {"id": record.id},
        "app": accounts.integration(call.world, app) if app else None,
        "pull_requests": [],
    }


CHECK_FIELDS = {
    "details_url": str,
    "external_id": str,
    "status": str,
    "started_at": str,
    "conclusion": str,
    "completed_at": str,
    "output": dict,
    "actions": list,
}


def _apply(record: CheckRun, given: dict[str, Any]) -> None:
    for name in ("name", "details_url", "external_id", "status", "started_at", "conclusion", "completed_at"):
        if given.get(name) is not None:
            setattr(record, name, given[name])
    for name in ("title", "summary", "text"):
        setattr(record, name, (given.get("output") or {}).get(name, getattr(record, name)))
    if record.conclusion:
        record.status, record.completed_at = "completed", record.completed_at or timestamp()


def add_check(call: Call) -> Reply:
    """Report a check on a commit; only apps may."""
    repository = call.repository(CHECKS)
    if call.caller.app is None:
        raise Problem(403, "You must authenticate via a GitHub App.")
    given = call.body({"name": str, "head_sha": str}, CHECK_FIELDS)
    if call.world.git.kind(repository.full_name, given["head_sha"]) != "commit":
        raise Problem(422, f"No commit found for SHA: {given['head_sha']}")
    record = CheckRun(
        repository_id=repository.id, name=given["name"], head_sha=given["head_sha"], started_at=timestamp()
    )
    _apply(record, given)
    call.world.store.add(record)
    return Reply(status=201, body=_check(call, repository, record))


def _check_run(call: Call, repository: Repository) -> CheckRun:
    record = call.world.store.get(CheckRun, call.number("check_run_id"))
    if record is None or record.repository_id != repository.id:
        raise not_found()
    return record


def change_check(call: Call) -> Reply:
    """Report how a check goes on."""
    repository = call.repository(CHECKS)
    record = _check_run(call, repository)
    _apply(record, call.body(optional={"name": str, **CHECK_FIELDS}))
    call.world.store.save(record)
    return Reply(body=_check(call, repository, record))


def check(call: Call) -> Reply:
    """Return a check."""
    repository = call.repository()
    return Reply(body=_check(call, repository, _check_run(call, repository)))


def checks(call: Call) -> Reply:
    """List the checks of a commit."""
    repository = call.repository()
    sha = call.world.git.resolve(repository.full_name, call.params["ref"])
    found = call.world.store.all(CheckRun, lambda each: (each.repository_id, each.head_sha) == (repository.id, sha))
    return call.page([_check(call, repository, each) for each in found], wrapped="check_runs")


def routes(desk: Desk) -> list[Route]:
    """Return the routes of these chapters of GitHub's reference."""
    base = "/repos/{owner}/{repo}"
    pull = base + "/pulls/{pull_number:int}"
    return [
        *desk.route(base + "/pulls", get=listing, post=create),
        *desk.route(pull, get=one, patch=change),
        *desk.route(pull + "/merge", get=merged, put=merge),
        *desk.route(pull + "/files", get=files),
        *desk.route(pull + "/commits", get=commits),
        *desk.route(pull + "/reviews", get=reviews, post=add_review),
        *desk.route(base + "/check-runs", post=add_check),
        *desk.route(base + "/check-runs/{check_run_id:int}", get=check, patch=change_check),
        *desk.route(base + "/commits/{ref}/check-runs", get=checks),
    ]
