"""Each REST operation of the sandbox answers in the shapes that GitHub publishes.

The client of conftest.py validates every answer, errors too; these tests walk through all operations.
"""

import base64
from typing import Any

from starlette.routing import Route

from deploy.sandbox.github.app import CHAPTERS
from tests.contract import published
from tests.contract.sandbox_github.callers import Client, Receiver, Sandbox

REPO = "/repos/octo-org/bookmarks"


def text(content: str) -> str:
    return base64.b64encode(content.encode()).decode()


def head(octo: Client, branch: str = "main") -> str:
    return str(octo.get(f"{REPO}/git/ref/heads/{branch}").json()["object"]["sha"])


def test_accounts_and_limits(octo: Client) -> None:
    assert octo.get("/user").json()["login"] == "octo-user"
    assert octo.get("/users/octo-user").json()["type"] == "User"
    assert octo.get("/users/octo-org").json()["type"] == "Organization"
    assert octo.get("/users/nobody-here").status_code == 404
    assert octo.get("/orgs/octo-org").json()["login"] == "octo-org"
    assert octo.get("/orgs/octo-user").status_code == 404
    assert octo.get("/user/memberships/orgs/octo-org").json()["role"] == "admin"
    names = {each["name"] for each in octo.get("/orgs/octo-org/repos").json()}
    assert names == {"bookmarks", "platform", "attic", "handbook"}
    assert [each["name"] for each in octo.get("/users/octo-user/repos").json()] == ["notes"]
    assert octo.get("/user/repos").status_code == 200
    assert octo.get("/rate_limit").json()["resources"]["core"]["limit"] == 5_000


def test_repository_branches_and_commits(sandbox: Sandbox, octo: Client) -> None:
    shown = octo.get(REPO).json()
    assert shown["permissions"] == {"admin": True, "maintain": True, "push": True, "triage": True, "pull": True}
    assert octo.get(f"{REPO}/branches").json()[0]["name"] == "main"
    assert octo.get(f"{REPO}/branches/main").json()["protected"] is False
    assert octo.get(f"{REPO}/branches/none").status_code == 404
    assert octo.get(f"{REPO}/branches/main/protection").status_code == 404
    octo.patch("/_sandbox/repositories/octo-org/bookmarks", json={"protected": ["main"]})
    assert octo.get(f"{REPO}/branches/main").json()["protected"] is True
    assert octo.get(f"{REPO}/branches/main/protection").json()["enforce_admins"]["enabled"] is True
    assert octo.get(f"{REPO}/rules/branches/main").json() == []
    sha = octo.get(f"{REPO}/commits").json()[0]["sha"]
    assert octo.get(f"{REPO}/commits/{sha}").json()["commit"]["message"] == "Begin"
    assert octo.get(f"{REPO}/compare/main...main").json()["status"] == "identical"
    assert octo.patch(REPO, json={"description": "New"}).json()["description"] == "New"
    assert octo.patch(REPO, json={"nonsense": 1}).status_code == 422
    assert octo.post("/orgs/octo-org/repos", json={"name": "fresh", "auto_init": True}).status_code == 201
    assert octo.post("/orgs/octo-org/repos", json={"name": "fresh"}).status_code == 422
    assert octo.post("/user/repos", json={"name": "mine"}).json()["full_name"] == "octo-user/mine"
    assert octo.get("/repos/octo-user/mine/commits").status_code == 409
    with sandbox.caller(None) as stranger:
        assert "permissions" not in stranger.get(REPO).json()


def test_contents(octo: Client) -> None:
    readme = octo.get(f"{REPO}/contents/README.md").json()
    assert base64.b64decode(readme["content"]).startswith(b"# Bookmarks")
    assert {each["name"] for each in octo.get(f"{REPO}/contents/").json()} >= {"README.md", "bookmarks", "tests"}
    assert octo.get(f"{REPO}/contents/bookmarks").json()[0]["path"].startswith("bookmarks/")
    assert octo.get(f"{REPO}/contents/nothing").status_code == 404
    raw = octo.get(f"{REPO}/contents/README.md", headers={"accept": "application/vnd.github.raw+json"})
    assert raw.text.startswith("# Bookmarks")
    body: dict[str, Any] = {"message": "Add a note", "content": text("one")}
    made = octo.put(f"{REPO}/contents/docs/note.md", json=body)
    assert made.status_code == 201
    assert octo.put(f"{REPO}/contents/docs/note.md", json=body).status_code == 422
    assert octo.put(f"{REPO}/contents/docs/note.md", json={**body, "sha": "0" * 40}).status_code == 409
    sha = made.json()["content"]["sha"]
    changed = octo.put(f"{REPO}/contents/docs/note.md", json={**body, "content": text("two"), "sha": sha})
    assert changed.status_code == 200
    sha = changed.json()["content"]["sha"]
    gone = octo.request("DELETE", f"{REPO}/contents/docs/note.md", json={"message": "Remove it", "sha": sha})
    assert gone.status_code == 200
    assert octo.put(f"{REPO}/contents/x", json={"content": text("x")}).status_code == 422
    assert octo.put(f"{REPO}/contents/x", json={**body, "branch": "none"}).status_code == 404
    octo.patch("/_sandbox/repositories/octo-org/bookmarks", json={"protected": ["main"]})
    assert octo.put(f"{REPO}/contents/x", json=body).status_code == 409


def test_git_data(octo: Client) -> None:
    main = head(octo)
    commit = octo.get(f"{REPO}/git/commits/{main}").json()
    tree = octo.get(f"{REPO}/git/trees/{commit['tree']['sha']}", params={"recursive": "1"}).json()
    blob = next(each for each in tree["tree"] if each["path"] == "README.md")
    assert octo.get(f"{REPO}/git/blobs/{blob['sha']}").json()["encoding"] == "base64"
    new_blob = octo.post(f"{REPO}/git/blobs", json={"content": "hello"}).json()["sha"]
    lines = [{"path": "hello.txt", "mode": "100644", "type": "blob", "sha": new_blob}]
    new_tree = octo.post(f"{REPO}/git/trees", json={"base_tree": commit["tree"]["sha"], "tree": lines}).json()["sha"]
    body = {"message": "Say hello", "tree": new_tree, "parents": [main]}
    new_commit = octo.post(f"{REPO}/git/commits", json=body).json()["sha"]
    made = octo.post(f"{REPO}/git/refs", json={"ref": "refs/heads/hello", "sha": main})
    assert made.status_code == 201
    assert octo.post(f"{REPO}/git/refs", json={"ref": "refs/heads/hello", "sha": main}).status_code == 422
    assert octo.patch(f"{REPO}/git/refs/heads/hello", json={"sha": new_commit}).json()["object"]["sha"] == new_commit
    assert octo.patch(f"{REPO}/git/refs/heads/hello", json={"sha": main}).status_code == 422
    assert octo.get(f"{REPO}/git/ref/heads/none").status_code == 404
    assert len(octo.get(f"{REPO}/git/matching-refs/heads/h").json()) == 1
    assert octo.get(f"{REPO}/compare/main...hello").json()["ahead_by"] == 1
    assert octo.delete(f"{REPO}/git/refs/heads/hello").status_code == 204
    assert octo.delete(f"{REPO}/git/refs/heads/hello").status_code == 422


def test_issues_labels_and_comments(octo: Client) -> None:
    assert octo.get(f"{REPO}/issues").json()[0]["title"] == "Add tagging support"
    made = octo.post(f"{REPO}/issues", json={"title": "Second", "body": "text", "labels": ["bug", "brand new"]})
    assert made.status_code == 201
    number = made.json()["number"]
    issue = f"{REPO}/issues/{number}"
    assert {each["name"] for each in made.json()["labels"]} == {"bug", "brand new"}
    assert octo.get(issue).json()["state"] == "open"
    assert octo.post(f"{REPO}/issues", json={"body": "no title"}).status_code == 422
    assert octo.get(f"{REPO}/issues/999").status_code == 404
    assert octo.get(f"{issue}/labels").status_code == 200
    assert len(octo.post(f"{issue}/labels", json={"labels": ["enhancement"]}).json()) == 3
    assert len(octo.put(f"{issue}/labels", json={"labels": ["bug"]}).json()) == 1
    assert octo.delete(f"{issue}/labels/bug").json() == []
    assert octo.delete(f"{issue}/labels/bug").status_code == 404
    assert octo.post(f"{issue}/assignees", json={"assignees": ["octo-user"]}).status_code == 201
    assert octo.request("DELETE", f"{issue}/assignees", json={"assignees": ["octo-user"]}).json()["assignees"] == []
    comment = octo.post(f"{issue}/comments", json={"body": "First!"}).json()["id"]
    assert octo.get(f"{issue}/comments").json()[0]["id"] == comment
    assert octo.get(f"{REPO}/issues/comments/{comment}").json()["body"] == "First!"
    assert octo.patch(f"{REPO}/issues/comments/{comment}", json={"body": "Edited"}).json()["body"] == "Edited"
    assert octo.delete(f"{REPO}/issues/comments/{comment}").status_code == 204
    closed = octo.patch(issue, json={"state": "closed", "state_reason": "not_planned"}).json()
    assert (closed["state"], closed["state_reason"]) == ("closed", "not_planned")
    assert octo.patch(issue, json={"state": "open"}).json()["closed_at"] is None
    assert octo.post(f"{REPO}/labels", json={"name": "p1", "color": "ff0000"}).status_code == 201
    assert octo.post(f"{REPO}/labels", json={"name": "P1", "color": "ff0000"}).status_code == 422
    assert octo.get(f"{REPO}/labels/p1").json()["color"] == "ff0000"
    assert octo.patch(f"{REPO}/labels/p1", json={"new_name": "p2"}).json()["name"] == "p2"
    assert octo.delete(f"{REPO}/labels/p2").status_code == 204
    assert len(octo.get(f"{REPO}/labels").json()) == 5


def branch_with_a_file(octo: Client, name: str, path: str = "added.txt") -> None:
    octo.post(f"{REPO}/git/refs", json={"ref": f"refs/heads/{name}", "sha": head(octo)})
    body = {"message": f"Add {path}", "content": text(name), "branch": name}
    assert octo.put(f"{REPO}/contents/{path}", json=body).status_code == 201


def test_pull_request_really_merges(sandbox: Sandbox, octo: Client) -> None:
    branch_with_a_file(octo, "topic")
    made = octo.post(f"{REPO}/pulls", json={"title": "Topic", "head": "topic", "base": "main", "body": "Why"})
    assert made.status_code == 201
    pull = f"{REPO}/pulls/{made.json()['number']}"
    assert octo.post(f"{REPO}/pulls", json={"title": "Topic", "head": "topic", "base": "main"}).status_code == 422
    assert octo.post(f"{REPO}/pulls", json={"title": "T", "head": "none", "base": "main"}).status_code == 422
    assert len(octo.get(f"{REPO}/pulls", params={"head": "octo-org:topic", "base": "main"}).json()) == 1
    assert octo.get(f"{REPO}/pulls", params={"head": "octo-org:other"}).json() == []
    shown = octo.get(pull).json()
    assert (shown["mergeable"], shown["commits"], shown["changed_files"]) == (True, 1, 1)
    assert octo.get(f"{pull}/files").json()[0]["filename"] == "added.txt"
    assert len(octo.get(f"{pull}/commits").json()) == 1
    assert octo.patch(pull, json={"title": "Better"}).json()["title"] == "Better"
    assert octo.get(f"{pull}/merge").status_code == 404
    assert octo.post(f"{pull}/reviews", json={"event": "APPROVE"}).status_code == 422
    with sandbox.caller("classic-of-reader") as reader:
        assert reader.post(f"{pull}/reviews", json={"event": "APPROVE"}).json()["state"] == "APPROVED"
        assert reader.put(f"{pull}/merge", json={}).status_code in (403, 404)
    assert octo.get(f"{pull}/reviews").json()[0]["state"] == "APPROVED"
    assert octo.put(f"{pull}/merge", json={"sha": "0" * 40}).status_code == 409
    assert octo.put(f"{pull}/merge", json={}).json()["merged"] is True
    assert octo.get(f"{pull}/merge").status_code == 204
    assert octo.get(f"{REPO}/contents/added.txt").status_code == 200
    assert octo.get(pull).json()["merged"] is True
    assert octo.put(f"{pull}/merge", json={}).status_code == 405


def test_conflicting_pull_request_is_not_merged(octo: Client) -> None:
    branch_with_a_file(octo, "one", "same.txt")
    branch_with_a_file(octo, "two", "same.txt")
    numbers = [
        octo.post(f"{REPO}/pulls", json={"title": each, "head": each, "base": "main"}).json()["number"]
        for each in ("one", "two")
    ]
    assert octo.put(f"{REPO}/pulls/{numbers[0]}/merge", json={"merge_method": "squash"}).status_code == 200
    assert octo.get(f"{REPO}/pulls/{numbers[1]}").json()["mergeable"] is False
    assert octo.put(f"{REPO}/pulls/{numbers[1]}/merge", json={}).status_code == 405
    assert octo.patch(f"{REPO}/pulls/{numbers[1]}", json={"state": "closed"}).json()["state"] == "closed"


def test_pull_requests_can_be_off(octo: Client) -> None:
    branch_with_a_file(octo, "topic")
    octo.patch("/_sandbox/repositories/octo-org/bookmarks", json={"pull_requests": False})
    assert octo.get(REPO).json()["has_pull_requests"] is False
    assert octo.post(f"{REPO}/pulls", json={"title": "T", "head": "topic", "base": "main"}).status_code == 403


def test_hooks(octo: Client, receiver: Receiver) -> None:
    for base in (f"{REPO}/hooks", "/orgs/octo-org/hooks"):
        wanted = {"url": receiver.url, "content_type": "json", "secret": "s3cret"}
        made = octo.post(base, json={"name": "web", "config": wanted, "events": ["push"], "active": True})
        assert made.status_code == 201
        assert made.json()["config"]["secret"] == "********"
        receiver.next("ping")
        twin = octo.post(base, json={"name": "web", "config": wanted, "events": ["push"]})
        assert twin.status_code == 422
        assert "Hook already exists on this" in twin.json()["errors"][0]["message"]
        hook = f"{base}/{made.json()['id']}"
        assert [each["id"] for each in octo.get(base).json()] == [made.json()["id"]]
        assert octo.get(hook).json()["active"] is True
        assert octo.patch(hook, json={"events": ["push", "issues"]}).json()["events"] == ["issues", "push"]
        assert octo.get(f"{hook}/config").json()["content_type"] == "json"
        assert octo.patch(f"{hook}/config", json={"secret": "other"}).status_code == 200
        assert octo.post(f"{hook}/pings").status_code == 204
        receiver.next("ping")
        assert octo.post(base, json={"name": "web", "config": {"url": "ftp://x"}}).status_code == 422
        assert octo.post(base, json={"name": "web", "config": wanted, "events": ["nonsense"]}).status_code == 422
        assert octo.post(base, json={"name": "web"}).status_code == 422
        assert octo.get(f"{base}/999999").status_code == 404
        assert octo.delete(hook).status_code == 204
        assert octo.delete(hook).status_code == 404


def test_at_most_twenty_hooks(octo: Client) -> None:
    answers = [
        octo.post(f"{REPO}/hooks", json={"config": {"url": f"http://127.0.0.1:9/{each}"}, "active": False}).status_code
        for each in range(21)
    ]
    assert answers == [201] * 20 + [422]


def test_app_and_its_installation(sandbox: Sandbox) -> None:
    with sandbox.app() as app:
        assert app.get("/app").json()["slug"] == "mesh-six"
        assert app.get("/app/installations").json()[0]["id"] == 81
        assert app.get("/app/installations/81").json()["target_type"] == "Organization"
        assert app.get(f"{REPO}/installation").json()["id"] == 81
        assert app.get("/orgs/octo-org/installation").json()["id"] == 81
        assert app.get("/users/octo-user/installation").status_code == 404
        assert app.get("/repos/octo-user/notes/installation").status_code == 404
        made = app.post("/app/installations/81/access_tokens", json={"repositories": ["bookmarks"]})
        assert made.status_code == 201
        assert app.post("/app/installations/82/access_tokens").status_code == 404
    with sandbox.caller(made.json()["token"]) as bot:
        assert [each["name"] for each in bot.get("/installation/repositories").json()["repositories"]] == ["bookmarks"]
        assert bot.get("/user").status_code == 403
        sha = head(bot)
        run = bot.post(f"{REPO}/check-runs", json={"name": "tests", "head_sha": sha, "status": "in_progress"})
        assert run.status_code == 201
        number = run.json()["id"]
        assert bot.patch(f"{REPO}/check-runs/{number}", json={"conclusion": "success"}).json()["status"] == "completed"
        assert bot.get(f"{REPO}/check-runs/{number}").json()["conclusion"] == "success"
        assert bot.get(f"{REPO}/commits/{sha}/check-runs").json()["total_count"] == 1
        assert bot.post("/repos/octo-org/platform/issues", json={"title": "Out of reach"}).status_code == 403
    with sandbox.app(iss="1") as other:
        assert other.get("/app").status_code == 401
    with sandbox.app(exp=1) as late:
        assert late.get("/app").status_code == 401


UNDESCRIBED = {("", "repos", "{}", "{}", "contents"), ("", "repositories", "{}")}
"""The root of the contents, and where GitHub's redirects of a former name lead to."""


def test_every_path_of_the_sandbox_is_one_of_githubs() -> None:
    templates = {path for _, path in published.rest()._templates}
    shapes = {tuple("{}" if part.startswith("{") else part for part in path.split("/")) for path in templates}
    for route in (route for chapter in CHAPTERS for route in chapter.routes(Paper())):
        shape = tuple("{}" if part.startswith("{") else part for part in route.path.split("/"))
        assert shape in shapes or shape in UNDESCRIBED, route.path


class Paper:
    """A desk that only writes the paths down."""

    limits = None

    def route(self, template: str, **operations: object) -> list[Route]:
        return [Route(template, lambda _: None, methods=[name.upper() for name in operations])]
