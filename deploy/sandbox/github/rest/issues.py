"""Issues, their labels and assignees, comments, and the labels of a repository."""

import re
from typing import Any
from urllib.parse import unquote

from starlette.routing import Route

from deploy.sandbox.github import deliveries, issue_shapes, shapes
from deploy.sandbox.github.callers import Need
from deploy.sandbox.github.problems import Problem, invalid, not_found
from deploy.sandbox.github.records import Comment, Issue, Label, Repository
from deploy.sandbox.github.web import Call, Desk, Reply, need_person
from deploy.sandbox.github.world import timestamp

READ = Need(permission="issues")
COMMENT = Need(permission="issues", write=True)
TRIAGE = Need(role="triage", permission="issues", write=True)


def emit(call: Call, repository: Repository, record: Issue, action: str, **more: Any) -> None:  # noqa: ANN401 - JSON
    """Tell the hooks what happened to an issue."""
    body = {"action": action, "issue": issue_shapes.event_issue(call.world, repository, record), **more}
    deliveries.emit(call.world, "issues", body, sender=call.caller.login, repository=repository)


def _issue(call: Call, need: Need = READ) -> tuple[Repository, Issue]:
    repository = call.repository(need)
    return repository, call.world.issue(repository, call.number("issue_number"))


def listing(call: Call) -> Reply:
    """List issues and pull requests."""
    repository = call.repository(READ)
    state, creator = call.query.get("state", "open"), call.query.get("creator")
    labels = {name.lower() for name in call.query.get("labels", "").split(",") if name}
    since = call.query.get("since", "")

    def fits(each: Issue) -> bool:
        return (
            each.repository_id == repository.id
            and state in ("all", each.state)
            and creator in (None, each.author)
            and labels <= {name.lower() for name in each.labels}
            and each.updated_at >= since
        )

    key = {"updated": "updated_at"}.get(call.query.get("sort", ""), "created_at")
    newest = call.query.get("direction", "desc") == "desc"
    found = sorted(
        call.world.store.all(Issue, fits), key=lambda each: (getattr(each, key), each.number), reverse=newest
    )
    return call.page([issue_shapes.issue(call.world, repository, each) for each in found])


def create(call: Call) -> Reply:
    """Open an issue."""
    repository = call.repository(COMMENT)
    optional = {"body": str, "labels": list, "assignees": list, "assignee": str, "milestone": (int, str)}
    given = call.body({"title": (str, int)}, optional)  # type: ignore[dict-item] # GitHub takes numbers as titles
    if not str(given["title"]).strip():
        raise invalid("Issue", field="title", code="missing_field")
    triages = call.world.role(call.caller, repository) != "pull"
    names = [each["name"] if isinstance(each, dict) else str(each) for each in given.get("labels") or []]
    record = call.world.add_issue(
        repository,
        call.caller.login,
        str(given["title"]),
        body=given.get("body"),
        labels=[call.world.labelled(repository, name).name for name in names] if triages else [],
        assignees=list(given.get("assignees") or []) if triages else [],
    )
    emit(call, repository, record, "opened")
    for name in record.labels:
        emit(call, repository, record, "labeled", label=_label(call, repository, name))
    return Reply(status=201, body=issue_shapes.issue(call.world, repository, record))


def one(call: Call) -> Reply:
    """Return an issue."""
    repository, record = _issue(call)
    return Reply(body=issue_shapes.issue(call.world, repository, record))


def change(call: Call) -> Reply:
    """Change an issue's text, state, labels or assignees."""
    repository, record = _issue(call, TRIAGE)
    optional = {"title": (str, int), "body": str, "state": str, "state_reason": str, "labels": list, "assignees": list}
    given = call.body(optional={**optional, "assignee": str, "milestone": (int, str)})
    if given.get("state") not in (None, "open", "closed"):
        raise invalid("Issue", field="state", code="invalid")
    changes = {}
    for name in ("title", "body"):
        if name in given and given[name] != getattr(record, name):
            changes[name] = {"from": getattr(record, name) or ""}
            setattr(record, name, given[name])
    record.updated_at = timestamp()
    if changes:
        emit(call, repository, record, "edited", changes=changes)
    if given.get("labels") is not None:
        wanted = [each["name"] if isinstance(each, dict) else str(each) for each in given["labels"]]
        _set_labels(call, repository, record, wanted)
    if given.get("assignees") is not None:
        record.assignees = list(given["assignees"])
    if given.get("state") not in (None, record.state):
        set_state(call, repository, record, given["state"], given.get("state_reason"))
    call.world.store.save(record)
    return Reply(body=issue_shapes.issue(call.world, repository, record))


def set_state(call: Call, repository: Repository, record: Issue, state: str, reason: str | None) -> None:
    """Close or reopen an issue and tell the hooks."""
    record.state, record.updated_at = state, timestamp()
    closed = state == "closed"
    record.closed_at = record.updated_at if closed else None
    record.closed_by = call.caller.login if closed else None
    record.state_reason = (reason or "completed") if closed else "reopened"
    call.world.store.save(record)
    if not record.is_pull:
        emit(call, repository, record, "closed" if closed else "reopened")


def _label(call: Call, repository: Repository, name: str) -> dict[str, Any]:
    return issue_shapes.label(call.world, repository, call.world.labelled(repository, name))


def _set_labels(call: Call, repository: Repository, record: Issue, wanted: list[str]) -> None:
    names = [call.world.labelled(repository, name).name for name in dict.fromkeys(wanted)]
    before, record.labels = record.labels, names
    record.updated_at = timestamp()
    call.world.store.save(record)
    for name in names:
        if name not in before:
            emit(call, repository, record, "labeled", label=_label(call, repository, name))
    for name in before:
        if name not in names:
            emit(call, repository, record, "unlabeled", label=_label(call, repository, name))


def labels_of_issue(call: Call) -> Reply:
    """List an issue's labels."""
    repository, record = _issue(call)
    return call.page(issue_shapes.labels_of(call.world, repository, record))


def add_labels(call: Call) -> Reply:
    """Add labels to an issue (POST), or replace them (PUT)."""
    repository, record = _issue(call, TRIAGE)
    given = call.body(optional={"labels": list})
    names = [each["name"] if isinstance(each, dict) else str(each) for each in given.get("labels") or []]
    _set_labels(call, repository, record, names if call.method == "PUT" else [*record.labels, *names])
    return Reply(body=issue_shapes.labels_of(call.world, repository, record))


def remove_label(call: Call) -> Reply:
    """Take a label off an issue."""
    repository, record = _issue(call, TRIAGE)
    name = unquote(call.params["name"])
    if name.lower() not in {each.lower() for each in record.labels}:
        raise Problem(404, "Label does not exist")
    _set_labels(call, repository, record, [each for each in record.labels if each.lower() != name.lower()])
    return Reply(body=issue_shapes.labels_of(call.world, repository, record))


def assign(call: Call) -> Reply:
    """Assign people to an issue (POST), or take them off (DELETE)."""
    repository, record = _issue(call, TRIAGE)
    given = set(call.body(optional={"assignees": list}).get("assignees") or [])
    adding = call.method == "POST"
    action = "assigned" if adding else "unassigned"
    for login in sorted(given - set(record.assignees) if adding else given & set(record.assignees)):
        record.assignees = (
            [*record.assignees, login] if adding else [each for each in record.assignees if each != login]
        )
        emit(call, repository, record, action, assignee=shapes.user(call.world, login))
    record.updated_at = timestamp()
    call.world.store.save(record)
    return Reply(status=201 if adding else 200, body=issue_shapes.issue(call.world, repository, record))


def comments(call: Call) -> Reply:
    """List an issue's comments, oldest first."""
    repository, record = _issue(call)
    since = call.query.get("since", "")
    found = call.world.store.all(Comment, lambda each: each.issue_id == record.id and each.updated_at >= since)
    return call.page([issue_shapes.comment(call.world, repository, record, each) for each in found])


def _emit_comment(call: Call, repository: Repository, issue: Issue, record: Comment, action: str, **more: Any) -> None:  # noqa: ANN401 - JSON
    body = {
        "action": action,
        "issue": issue_shapes.event_issue(call.world, repository, issue),
        "comment": issue_shapes.comment(call.world, repository, issue, record),
        **more,
    }
    deliveries.emit(call.world, "issue_comment", body, sender=call.caller.login, repository=repository)


def add_comment(call: Call) -> Reply:
    """Comment on an issue."""
    repository, issue = _issue(call, COMMENT)
    need_person(call)
    given = call.body({"body": str})
    if not given["body"].strip():
        raise invalid("IssueComment", "body can't be blank", field="body", code="unprocessable")
    now = timestamp()
    record = Comment(issue_id=issue.id, author=call.caller.login, body=given["body"], created_at=now, updated_at=now)
    call.world.store.add(record)
    issue.updated_at = now
    call.world.store.save(issue)
    _emit_comment(call, repository, issue, record, "created")
    return Reply(status=201, body=issue_shapes.comment(call.world, repository, issue, record))


def _comment(call: Call, need: Need) -> tuple[Repository, Issue, Comment]:
    repository = call.repository(need)
    record = call.world.store.get(Comment, call.number("comment_id"))
    issue = call.world.store.get(Issue, record.issue_id) if record else None
    if record is None or issue is None or issue.repository_id != repository.id:
        raise not_found()
    return repository, issue, record


def comment(call: Call) -> Reply:
    """Return a comment."""
    repository, issue, record = _comment(call, READ)
    return Reply(body=issue_shapes.comment(call.world, repository, issue, record))


def change_comment(call: Call) -> Reply:
    """Change a comment's text."""
    repository, issue, record = _comment(call, COMMENT)
    given = call.body({"body": str})
    before, record.body, record.updated_at = record.body, given["body"], timestamp()
    call.world.store.save(record)
    _emit_comment(call, repository, issue, record, "edited", changes={"body": {"from": before}})
    return Reply(body=issue_shapes.comment(call.world, repository, issue, record))


def delete_comment(call: Call) -> Reply:
    """Delete a comment."""
    repository, issue, record = _comment(call, COMMENT)
    _emit_comment(call, repository, issue, record, "deleted")
    call.world.store.remove(record)
    return Reply(status=204)


def labels(call: Call) -> Reply:
    """List a repository's labels."""
    repository = call.repository(READ)
    found = call.world.store.all(Label, lambda each: each.repository_id == repository.id)
    return call.page([issue_shapes.label(call.world, repository, each) for each in found])


def _named(call: Call, repository: Repository) -> Label:
    found = call.world.label(repository, unquote(call.params["name"]))
    if found is None:
        raise not_found()
    return found


def label(call: Call) -> Reply:
    """Return a label."""
    repository = call.repository(READ)
    return Reply(body=issue_shapes.label(call.world, repository, _named(call, repository)))


def _color(given: dict[str, Any]) -> str | None:
    color = given.get("color")
    if color is not None and not re.fullmatch(r"[0-9a-fA-F]{6}", color):
        raise invalid("Label", field="color", code="invalid")
    return color


def create_label(call: Call) -> Reply:
    """Create a label."""
    repository = call.repository(TRIAGE)
    given = call.body({"name": str}, {"color": str, "description": str})
    if call.world.label(repository, given["name"]):
        raise invalid("Label", field="name", code="already_exists")
    color, description = _color(given) or "ededed", given.get("description")
    record = Label(repository_id=repository.id, name=given["name"], color=color, description=description)
    call.world.store.add(record)
    shown = issue_shapes.label(call.world, repository, record)
    body = {"action": "created", "label": shown}
    deliveries.emit(call.world, "label", body, sender=call.caller.login, repository=repository)
    return Reply(status=201, body=shown)


def change_label(call: Call) -> Reply:
    """Change a label; issues that carry it follow a new name."""
    repository = call.repository(TRIAGE)
    record = _named(call, repository)
    given = call.body(optional={"new_name": str, "color": str, "description": str})
    former = record.name
    record.name, record.color = given.get("new_name") or former, _color(given) or record.color
    record.description = given.get("description", record.description)
    call.world.store.save(record)
    for issue in call.world.store.all(
        Issue, lambda each: each.repository_id == repository.id and former in each.labels
    ):
        issue.labels = [record.name if each == former else each for each in issue.labels]
        call.world.store.save(issue)
    return Reply(body=issue_shapes.label(call.world, repository, record))


def delete_label(call: Call) -> Reply:
    """Delete a label and take it off all issues."""
    repository = call.repository(TRIAGE)
    record = _named(call, repository)
    for issue in call.world.store.all(
        Issue, lambda each: each.repository_id == repository.id and record.name in each.labels
    ):
        issue.labels.remove(record.name)
        call.world.store.save(issue)
    call.world.store.remove(record)
    return Reply(status=204)


def routes(desk: Desk) -> list[Route]:
    """Return the routes of these chapters of GitHub's reference."""
    base = "/repos/{owner}/{repo}"
    issue = base + "/issues/{issue_number:int}"
    return [
        *desk.route(base + "/issues", get=listing, post=create),
        *desk.route(
            base + "/issues/comments/{comment_id:int}", get=comment, patch=change_comment, delete=delete_comment
        ),
        *desk.route(issue, get=one, patch=change),
        *desk.route(issue + "/comments", get=comments, post=add_comment),
        *desk.route(issue + "/labels", get=labels_of_issue, post=add_labels, put=add_labels),
        *desk.route(issue + "/labels/{name}", delete=remove_label),
        *desk.route(issue + "/assignees", post=assign, delete=assign),
        *desk.route(base + "/labels", get=labels, post=create_label),
        *desk.route(base + "/labels/{name}", get=label, patch=change_label, delete=delete_label),
    ]
