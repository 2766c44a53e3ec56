"""Issues, comments and labels as GitHub's JSON shows them."""

from typing import Any

from deploy.sandbox.github import shapes
from deploy.sandbox.github.records import Comment, Issue, Label, Pull, Repository
from deploy.sandbox.github.world import LABELS, World

Json = dict[str, Any]
REACTIONS = ("total_count", "+1", "-1", "laugh", "confused", "heart", "hooray", "eyes", "rocket")


def association(world: World, repository: Repository, login: str) -> str:
    """Return how somebody belongs to a repository, in GitHub's words."""
    owner = world.known(repository.owner)
    if login == owner.login:
        return "OWNER"
    if login in owner.owners:
        return "MEMBER"
    return "COLLABORATOR" if login in repository.collaborators else "NONE"


def label(world: World, repository: Repository, record: Label) -> Json:
    """Return a label."""
    return {
        "id": record.id,
        "node_id": record.node_id,
        "url": f"{world.url}/repos/{repository.full_name}/labels/{record.name.replace(' ', '%20')}",
        "name": record.name,
        "color": record.color,
        "default": record.name in LABELS,
        "description": record.description,
    }


def labels_of(world: World, repository: Repository, issue: Issue) -> list[Json]:
    """Return the labels of an issue."""
    return [label(world, repository, world.labelled(repository, name)) for name in issue.labels]


def _reactions(url: str) -> Json:
    return {"url": f"{url}/reactions", **dict.fromkeys(REACTIONS, 0)}


def issue(world: World, repository: Repository, record: Issue) -> Json:
    """Return an issue, or the issue side of a pull request."""
    base = f"{world.url}/repos/{repository.full_name}"
    url = f"{base}/issues/{record.number}"
    people = [shapes.user(world, login) for login in record.assignees]
    shown: Json = {
        "url": url,
        "repository_url": base,
        "labels_url": f"{url}/labels{{/name}}",
        "comments_url": f"{url}/comments",
        "events_url": f"{url}/events",
        "html_url": html_url(world, repository, record),
        "id": record.id,
        "node_id": record.node_id,
        "number": record.number,
        "title": record.title,
        "user": shapes.user(world, record.author),
        "labels": labels_of(world, repository, record),
        "state": record.state,
        "locked": False,
        "assignee": people[0] if people else None,
        "assignees": people,
        "milestone": None,
        "comments": sum(1 for _ in world.store.all(Comment, lambda each: each.issue_id == record.id)),
        "created_at": record.created_at,
        "updated_at": record.updated_at,
        "closed_at": record.closed_at,
        "author_association": association(world, repository, record.author),
        "active_lock_reason": None,
        "body": record.body,
        "closed_by": shapes.user(world, record.closed_by) if record.closed_by else None,
        "reactions": _reactions(url),
        "timeline_url": f"{url}/timeline",
        "performed_via_github_app": None,
        "state_reason": record.state_reason,
    }
    if record.is_pull:
        pull = world.pull(record)
        shown |= {"draft": pull.draft, "pull_request": _pull_links(world, repository, record, pull)}
    return shown


def html_url(world: World, repository: Repository, record: Issue) -> str:
    """Return the page of an issue or pull request."""
    return f"{world.url}/{repository.full_name}/{'pull' if record.is_pull else 'issues'}/{record.number}"


def _pull_links(world: World, repository: Repository, record: Issue, pull: Pull) -> Json:
    html = html_url(world, repository, record)
    return {
        "url": f"{world.url}/repos/{repository.full_name}/pulls/{record.number}",
        "html_url": html,
        "diff_url": f"{html}.diff",
        "patch_url": f"{html}.patch",
        "merged_at": pull.merged_at,
    }


def event_issue(world: World, repository: Repository, record: Issue) -> Json:
    """Return an issue as events show it: without who closed it."""
    return {name: value for name, value in issue(world, repository, record).items() if name != "closed_by"}


def comment(world: World, repository: Repository, parent: Issue, record: Comment) -> Json:
    """Return a comment."""
    base = f"{world.url}/repos/{repository.full_name}/issues"
    url = f"{base}/comments/{record.id}"
    return {
        "url": url,
        "html_url": f"{html_url(world, repository, parent)}#issuecomment-{record.id}",
        "issue_url": f"{base}/{parent.number}",
        "id": record.id,
        "node_id": record.node_id,
        "user": shapes.user(world, record.author),
        "created_at": record.created_at,
        "updated_at": record.updated_at,
        "author_association": association(world, repository, record.author),
        "body": record.body,
        "reactions": _reactions(url),
        "performed_via_github_app": None,
    }
