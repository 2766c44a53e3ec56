"""Accounts, repositories and hooks as GitHub's JSON shows them."""

import json
from typing import Any

from deploy.sandbox.github.callers import ROLES, Caller, permissions_of
from deploy.sandbox.github.records import Account, Delivery, Hook, Issue, Repository
from deploy.sandbox.github.world import World

Json = dict[str, Any]
USER_LINKS = {
    "followers_url": "followers",
    "following_url": "following{/other_user}",
    "gists_url": "gists{/gist_id}",
    "starred_url": "starred{/owner}{/repo}",
    "subscriptions_url": "subscriptions",
    "organizations_url": "orgs",
    "repos_url": "repos",
    "events_url": "events{/privacy}",
    "received_events_url": "received_events",
}
REPOSITORY_LINKS = {
    "archive_url": "{archive_format}{/ref}",
    "assignees_url": "assignees{/user}",
    "blobs_url": "git/blobs{/sha}",
    "branches_url": "branches{/branch}",
    "collaborators_url": "collaborators{/collaborator}",
    "comments_url": "comments{/number}",
    "commits_url": "commits{/sha}",
    "compare_url": "compare/{base}...{head}",
    "contents_url": "contents/{+path}",
    "contributors_url": "contributors",
    "deployments_url": "deployments",
    "downloads_url": "downloads",
    "events_url": "events",
    "forks_url": "forks",
    "git_commits_url": "git/commits{/sha}",
    "git_refs_url": "git/refs{/sha}",
    "git_tags_url": "git/tags{/sha}",
    "hooks_url": "hooks",
    "issue_comment_url": "issues/comments{/number}",
    "issue_events_url": "issues/events{/number}",
    "issues_url": "issues{/number}",
    "keys_url": "keys{/key_id}",
    "labels_url": "labels{/name}",
    "languages_url": "languages",
    "merges_url": "merges",
    "milestones_url": "milestones{/number}",
    "notifications_url": "notifications{?since,all,participating}",
    "pulls_url": "pulls{/number}",
    "releases_url": "releases{/id}",
    "stargazers_url": "stargazers",
    "statuses_url": "statuses/{sha}",
    "subscribers_url": "subscribers",
    "subscription_url": "subscription",
    "tags_url": "tags",
    "teams_url": "teams",
    "trees_url": "git/trees{/sha}",
}


def user(world: World, login: str) -> Json:
    """Return the short form of an account, as it stands inside other answers."""
    account = world.known(login)
    base = f"{world.url}/users/{account.login}"
    return {
        "login": account.login,
        "id": account.id,
        "node_id": account.node_id,
        "avatar_url": f"{world.url}/avatars/{account.id}",
        "gravatar_id": "",
        "url": base,
        "html_url": f"{world.url}/{account.login}",
        **{name: f"{base}/{rest}" for name, rest in USER_LINKS.items()},
        "type": account.kind,
        "site_admin": False,
    }


def full_user(world: World, account: Account) -> Json:
    """Return the public profile of a user or organization."""
    owned = sum(1 for _ in world.store.all(Repository, lambda each: each.owner == account.login and not each.private))
    return {
        **user(world, account.login),
        **dict.fromkeys(("name", "company", "blog", "location", "email", "hireable", "bio", "twitter_username")),
        "name": account.name,
        "blog": "",
        "public_repos": owned,
        "public_gists": 0,
        "followers": 0,
        "following": 0,
        "created_at": account.created_at,
        "updated_at": account.created_at,
    }


def private_user(world: World, account: Account) -> Json:
    """Return a user's own profile."""
    return {
        **full_user(world, account),
        "private_gists": 0,
        "total_private_repos": 0,
        "owned_private_repos": 0,
        "disk_usage": 0,
        "collaborators": 0,
        "two_factor_authentication": True,
    }


def short_organization(world: World, account: Account) -> Json:
    """Return an organization as events show it."""
    base = f"{world.url}/orgs/{account.login}"
    return {
        "login": account.login,
        "id": account.id,
        "node_id": account.node_id,
        "url": base,
        "repos_url": f"{base}/repos",
        "events_url": f"{base}/events",
        "hooks_url": f"{base}/hooks",
        "issues_url": f"{base}/issues",
        "members_url": f"{base}/members{{/member}}",
        "public_members_url": f"{base}/public_members{{/member}}",
        "avatar_url": f"{world.url}/avatars/{account.id}",
        "description": None,
    }


def organization(world: World, account: Account) -> Json:
    """Return an organization's page."""
    facts = full_user(world, account)
    kept = ("public_repos", "public_gists", "followers", "following", "created_at", "updated_at", "html_url", "type")
    return {
        **short_organization(world, account),
        **{name: facts[name] for name in kept},
        "name": account.name,
        "has_organization_projects": True,
        "has_repository_projects": True,
        "archived_at": None,
    }


def _repository(world: World, repository: Repository) -> Json:
    base = f"{world.url}/repos/{repository.full_name}"
    html = f"{world.url}/{repository.full_name}"
    host = world.url.split("//", 1)[-1]
    issues = sum(
        1 for _ in world.store.all(Issue, lambda each: each.repository_id == repository.id and each.state == "open")
    )
    return {
        "id": repository.id,
        "node_id": repository.node_id,
        "name": repository.name,
        "full_name": repository.full_name,
        "private": repository.private,
        "owner": user(world, repository.owner),
        "html_url": html,
        "description": repository.description,
        "fork": False,
        "url": base,
        **{name: f"{base}/{rest}" for name, rest in REPOSITORY_LINKS.items()},
        "git_url": f"git://{host}/{repository.full_name}.git",
        "ssh_url": f"git@{host.split(':')[0]}:{repository.full_name}.git",
        "clone_url": f"{html}.git",
        "svn_url": html,
        "mirror_url": None,
        "homepage": None,
        "language": None,
        "size": 0,
        "created_at": repository.created_at,
        "updated_at": repository.updated_at,
        "pushed_at": repository.pushed_at,
        **dict.fromkeys(("stargazers_count", "watchers_count", "forks_count", "forks", "watchers"), 0),
        "open_issues_count": issues,
        "open_issues": issues,
        "has_issues": True,
        "has_projects": True,
        "has_downloads": True,
        "has_wiki": False,
        "has_pages": False,
        "has_discussions": False,
        "has_pull_requests": repository.pull_requests,
        "archived": repository.archived,
        "disabled": False,
        "license": None,
        "allow_forking": True,
        "is_template": False,
        "web_commit_signoff_required": False,
        "topics": [],
        "visibility": "private" if repository.private else "public",
        "default_branch": repository.default_branch,
    }


def repository(world: World, record: Repository, caller: Caller | None = None) -> Json:
    """Return a repository as it stands in lists and inside other answers."""
    shown = _repository(world, record)
    role = world.role(caller, record) if caller is not None and caller.login else None
    return {**shown, "permissions": permissions_of(role)} if role else shown


def permission(world: World, account: Account, role: str | None) -> Json:
    """Return what an account may do in a repository: an old word of four, and the role's own name."""
    name = {"pull": "read", "push": "write", None: "none"}.get(role, role)
    old = {"maintain": "write", "triage": "read"}.get(str(name), name)
    rights = permissions_of(role) if role else dict.fromkeys(reversed(ROLES), False)
    shown = {**user(world, account.login), "permissions": rights, "role_name": name}
    return {"permission": old, "role_name": name, "user": shown}


def full_repository(world: World, record: Repository, caller: Caller) -> Json:
    """Return a repository as `GET /repos/{owner}/{repo}` shows it."""
    shown = {**repository(world, record, caller), "network_count": 0, "subscribers_count": 0}
    if world.role(caller, record) == "admin" and caller.login:
        merging = ("allow_squash_merge", "allow_merge_commit", "allow_rebase_merge")
        shown |= {**dict.fromkeys(merging, True), "allow_auto_merge": False, "delete_branch_on_merge": False}
    if world.known(record.owner).kind == "Organization":
        shown["organization"] = user(world, record.owner)
    return shown


def event_repository(world: World, record: Repository) -> Json:
    """Return a repository as events show it."""
    return _repository(world, record)


def hook(world: World, record: Hook, place: str) -> Json:
    """Return a hook; `place` is its collection, for instance `repos/octo-org/bookmarks/hooks`."""
    base = f"{world.url}/{place}/{record.id}"
    shown: Json = {
        "type": {"repository": "Repository", "organization": "Organization"}.get(record.target, "App"),
        "id": record.id,
        "name": "web",
        "active": record.active,
        "events": record.events,
        "config": hook_config(record),
        "updated_at": record.updated_at,
        "created_at": record.created_at,
        "url": base,
        "ping_url": f"{base}/pings",
        "deliveries_url": f"{base}/deliveries",
    }
    if record.target == "repository":
        last = {"code": record.last_code, "status": record.last_status, "message": record.last_message}
        shown |= {"test_url": f"{base}/tests", "last_response": last}
    return shown


def gone_hook(record: Hook) -> Json:
    """Return a hook as the event of its own deletion shows it."""
    kind = {"repository": "Repository", "organization": "Organization"}.get(record.target, "App")
    facts = {"type": kind, "id": record.id, "name": "web", "active": record.active, "events": record.events}
    return {
        **facts,
        "config": hook_config(record),
        "updated_at": record.updated_at,
        "created_at": record.created_at,
    }


def hook_config(record: Hook) -> Json:
    """Return where a hook sends to. A secret is shown as asterisks."""
    shown = {"content_type": record.content_type, "insecure_ssl": record.insecure_ssl, "url": record.url}
    return {**shown, "secret": "********"} if record.secret else shown


def delivery(record: Delivery, *, installation_id: int | None = None) -> Json:
    """Return a delivery as it stands in the list of recent ones."""
    return {
        "id": record.id,
        "guid": record.guid,
        "delivered_at": record.delivered_at,
        "redelivery": record.redelivery,
        "duration": record.duration,
        "status": record.status,
        "status_code": record.status_code,
        "event": record.event,
        "action": record.action,
        "installation_id": installation_id,
        "repository_id": record.repository_id,
        "throttled_at": None,
    }


def full_delivery(record: Delivery) -> Json:
    """Return a delivery with what was sent and what was answered."""
    return {
        **delivery(record),
        "url": record.url,
        "request": {"headers": record.request_headers or None, "payload": json.loads(record.payload)},
        "response": {"headers": record.response_headers or None, "payload": record.response_body},
    }
