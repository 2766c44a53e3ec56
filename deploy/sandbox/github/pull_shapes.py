"""Pull requests and reviews as GitHub's JSON shows them."""

from typing import Any

from deploy.sandbox.github import issue_shapes, shapes
from deploy.sandbox.github.records import Issue, Pull, Repository, Review
from deploy.sandbox.github.world import World

Json = dict[str, Any]


def ends(world: World, repository: Repository, issue: Issue, pull: Pull) -> tuple[str, str]:
    """Return the present commits of head and base; those of its end for a closed one."""
    if issue.state == "closed":
        return pull.head_sha, pull.base_sha
    git, name = world.git, repository.full_name
    return git.branch(name, pull.head) or pull.head_sha, git.branch(name, pull.base) or pull.base_sha


def _end(world: World, repository: Repository, branch: str, sha: str) -> Json:
    return {
        "label": f"{repository.owner}:{branch}",
        "ref": branch,
        "sha": sha,
        "user": shapes.user(world, repository.owner),
        "repo": shapes.repository(world, repository),
    }


def pull(world: World, repository: Repository, issue: Issue, record: Pull) -> Json:
    """Return a pull request as it stands in lists."""
    base = f"{world.url}/repos/{repository.full_name}"
    url, html = f"{base}/pulls/{issue.number}", issue_shapes.html_url(world, repository, issue)
    head_sha, base_sha = ends(world, repository, issue, record)
    people = [shapes.user(world, login) for login in issue.assignees]
    links = {
        "self": url,
        "html": html,
        "issue": f"{base}/issues/{issue.number}",
        "comments": f"{base}/issues/{issue.number}/comments",
        "review_comments": f"{url}/comments",
        "review_comment": f"{base}/pulls/comments{{/number}}",
        "commits": f"{url}/commits",
        "statuses": f"{base}/statuses/{head_sha}",
    }
    return {
        "url": url,
        "id": record.id,
        "node_id": issue.node_id,
        "html_url": html,
        "diff_url": f"{html}.diff",
        "patch_url": f"{html}.patch",
        "issue_url": links["issue"],
        **{
            f"{name}_url": links[name]
            for name in ("commits", "review_comments", "review_comment", "comments", "statuses")
        },
        "number": issue.number,
        "state": issue.state,
        "locked": False,
        "title": issue.title,
        "user": shapes.user(world, issue.author),
        "body": issue.body,
        "labels": issue_shapes.labels_of(world, repository, issue),
        "milestone": None,
        "active_lock_reason": None,
        "created_at": issue.created_at,
        "updated_at": issue.updated_at,
        "closed_at": issue.closed_at,
        "merged_at": record.merged_at,
        "merge_commit_sha": record.merge_commit_sha,
        "assignee": people[0] if people else None,
        "assignees": people,
        "requested_reviewers": [],
        "requested_teams": [],
        "head": _end(world, repository, record.head, head_sha),
        "base": _end(world, repository, record.base, base_sha),
        "_links": {name: {"href": address} for name, address in links.items()},
        "author_association": issue_shapes.association(world, repository, issue.author),
        "auto_merge": None,
        "draft": record.draft,
    }


def full_pull(world: World, repository: Repository, issue: Issue, record: Pull) -> Json:
    """Return a pull request with what git says about it."""
    git, name = world.git, repository.full_name
    head, base = ends(world, repository, issue, record)
    middle = git.merge_base(name, base, head)
    files = git.changed_files(name, middle, head) if middle else []
    mergeable = None if issue.state == "closed" else git.merge(name, base, head) is not None
    return {
        **pull(world, repository, issue, record),
        "merged": record.merged_at is not None,
        "mergeable": mergeable,
        "rebaseable": mergeable,
        "mergeable_state": {True: "clean", False: "dirty", None: "unknown"}[mergeable],
        "merged_by": shapes.user(world, record.merged_by) if record.merged_by else None,
        "comments": issue_shapes.issue(world, repository, issue)["comments"],
        "review_comments": 0,
        "maintainer_can_modify": False,
        "commits": len(git.log(name, f"{base}..{head}", limit=250)),
        "additions": sum(each[2] for each in files),
        "deletions": sum(each[3] for each in files),
        "changed_files": len(files),
    }


def review(world: World, repository: Repository, issue: Issue, record: Review) -> Json:
    """Return a review."""
    html = f"{issue_shapes.html_url(world, repository, issue)}#pullrequestreview-{record.id}"
    url = f"{world.url}/repos/{repository.full_name}/pulls/{issue.number}"
    shown = {
        "id": record.id,
        "node_id": record.node_id,
        "user": shapes.user(world, record.author),
        "body": record.body,
        "state": record.state,
        "html_url": html,
        "pull_request_url": url,
        "author_association": issue_shapes.association(world, repository, record.author),
        "_links": {"html": {"href": html}, "pull_request": {"href": url}},
        "commit_id": record.commit_id,
    }
    return {**shown, "submitted_at": record.submitted_at} if record.submitted_at else shown
