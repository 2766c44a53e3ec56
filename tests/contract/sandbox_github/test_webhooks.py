"""Deliveries are signed, shaped and sent as GitHub does it, and kept in a log from which they can be sent again."""

import hashlib
import hmac
import queue
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from deploy.sandbox.base import running
from deploy.sandbox.github.app import make
from tests.contract import published
from tests.contract.sandbox_github.callers import Client, Receiver, Sandbox, config

REPO = "/repos/octo-org/bookmarks"
ALL = ["push", "issues", "issue_comment", "pull_request", "pull_request_review", "label"]


def hook(octo: Client, receiver: Receiver, base: str = f"{REPO}/hooks", events: list[str] | None = None) -> str:
    """Make a hook and return its path."""
    config = {"url": receiver.url, "content_type": "json", "secret": "s3cret"}
    made = octo.post(base, json={"name": "web", "config": config, "events": events or ALL})
    assert made.status_code == 201
    return f"{base}/{made.json()['id']}"


def test_delivery_is_signed_and_labelled_like_githubs(octo: Client, receiver: Receiver) -> None:
    path = hook(octo, receiver)
    ping = receiver.next("ping")
    assert ping.headers["user-agent"].startswith("GitHub-Hookshot/")
    assert ping.headers["content-type"] == "application/json"
    assert ping.headers["x-github-hook-id"] == path.rsplit("/", 1)[1]
    assert ping.headers["x-github-hook-installation-target-type"] == "repository"
    assert ping.headers["x-github-hook-installation-target-id"] == str(octo.get(REPO).json()["id"])
    for algorithm, name in (("sha1", "x-hub-signature"), ("sha256", "x-hub-signature-256")):
        digest = hmac.new(b"s3cret", ping.body, getattr(hashlib, algorithm)).hexdigest()
        assert ping.headers[name] == f"{algorithm}={digest}"
    assert published.webhook_problems("ping", ping.payload) == []


def test_published_test_vector() -> None:
    digest = hmac.new(b"It's a Secret to Everybody", b"Hello, World!", hashlib.sha256).hexdigest()
    assert digest == "757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"


def test_payloads_have_githubs_shapes(sandbox: Sandbox, octo: Client, receiver: Receiver) -> None:
    hook(octo, receiver)
    number = octo.post(f"{REPO}/issues", json={"title": "One", "labels": ["bug"]}).json()["number"]
    octo.patch(f"{REPO}/issues/{number}", json={"title": "Two"})
    octo.post(f"{REPO}/issues/{number}/assignees", json={"assignees": ["octo-user"]})
    comment = octo.post(f"{REPO}/issues/{number}/comments", json={"body": "Hm"}).json()["id"]
    octo.patch(f"{REPO}/issues/comments/{comment}", json={"body": "Hmm"})
    octo.delete(f"{REPO}/issues/{number}/labels/bug")
    octo.patch(f"{REPO}/issues/{number}", json={"state": "closed"})
    octo.patch(f"{REPO}/issues/{number}", json={"state": "open"})
    octo.post(f"{REPO}/labels", json={"name": "p1"})
    sha = octo.get(f"{REPO}/git/ref/heads/main").json()["object"]["sha"]
    octo.post(f"{REPO}/git/refs", json={"ref": "refs/heads/topic", "sha": sha})
    body = {"message": "Add", "content": "aGk=", "branch": "topic"}
    octo.put(f"{REPO}/contents/a.txt", json=body)
    pull = octo.post(f"{REPO}/pulls", json={"title": "T", "head": "topic", "base": "main"}).json()["number"]
    octo.put(f"{REPO}/contents/b.txt", json=body)
    with sandbox.caller("classic-of-reader") as reader:
        reader.post(f"{REPO}/pulls/{pull}/reviews", json={"event": "COMMENT", "body": "Nice"})
    octo.put(f"{REPO}/pulls/{pull}/merge", json={})
    octo.delete(f"{REPO}/git/refs/heads/topic")
    found: list[tuple[str, str | None]] = []
    for each in octo.get("/_sandbox/deliveries").json()["deliveries"]:
        assert published.webhook_problems(each["event"], each["payload"]) == [], (each["event"], each["action"])
        found.append((each["event"], each["action"]))
    assert found == [
        ("ping", None),
        ("issues", "opened"),
        ("issues", "labeled"),
        ("issues", "edited"),
        ("issues", "assigned"),
        ("issue_comment", "created"),
        ("issue_comment", "edited"),
        ("issues", "unlabeled"),
        ("issues", "closed"),
        ("issues", "reopened"),
        ("label", "created"),
        ("push", None),
        ("push", None),
        ("pull_request", "opened"),
        ("push", None),
        ("pull_request", "synchronize"),
        ("pull_request_review", "submitted"),
        ("pull_request", "closed"),
        ("push", None),
        ("push", None),
    ]


def board(octo: Client, owner: str, repository: str) -> dict[str, Any]:
    """Make a board with one card, move the card, and return the board's node."""
    document = """mutation($owner: ID!, $repository: ID!) {
        createProjectV2(input: {ownerId: $owner, title: "Board", repositoryId: $repository}) { projectV2 { id number } }
    }"""
    node = octo.get(f"/users/{owner}").json()["node_id"]
    repository_node = octo.get(f"/repos/{repository}").json()["node_id"]
    made: dict[str, Any] = octo.ok(document, owner=node, repository=repository_node)["createProjectV2"]["projectV2"]
    number = octo.post(f"/repos/{repository}/issues", json={"title": "Card"}).json()["number"]
    for status in ("Todo", "In Progress"):
        moved = octo.post("/_sandbox/cards/move", json={"repository": repository, "issue": number, "status": status})
        assert moved.status_code == 200
    return made


def test_board_events_go_to_organization_hooks_only(octo: Client, receiver: Receiver) -> None:
    hook(octo, receiver)
    hook(octo, receiver, "/orgs/octo-org/hooks", ["projects_v2_item"])
    made = board(octo, "octo-org", "octo-org/bookmarks")
    sent = octo.get("/_sandbox/deliveries", params={"event": "projects_v2_item"}).json()["deliveries"]
    assert [(each["action"], each["target"]) for each in sent] == [
        ("created", "organization"),
        ("edited", "organization"),
        ("edited", "organization"),
    ]
    for each in sent:
        assert published.webhook_problems("projects_v2_item", each["payload"]) == []
        assert "repository" not in each["payload"]
    change = sent[2]["payload"]["changes"]["field_value"]
    assert (change["from"]["name"], change["to"]["name"]) == ("Todo", "In Progress")
    assert sent[2]["payload"]["projects_v2_item"]["project_node_id"] == made["id"]
    assert receiver.next("projects_v2_item").headers["x-github-hook-installation-target-type"] == "organization"


def test_boards_of_users_send_nothing(octo: Client, receiver: Receiver) -> None:
    hook(octo, receiver, "/repos/octo-user/notes/hooks")
    refused = octo.post(
        "/repos/octo-user/notes/hooks", json={"config": {"url": receiver.url}, "events": ["projects_v2_item"]}
    )
    assert refused.status_code == 422
    board(octo, "octo-user", "octo-user/notes")
    assert octo.get("/_sandbox/deliveries", params={"event": "projects_v2_item"}).json()["deliveries"] == []


def test_app_gets_events_of_its_installations(key: rsa.RSAPrivateKey, receiver: Receiver, tmp_path: Path) -> None:
    webhook = {"url": receiver.url, "secret": "of-the-app"}
    with running(make(config(key, webhook=webhook, events=["projects_v2_item"]), tmp_path)) as url:
        sandbox = Sandbox(url, key)
        with sandbox.caller() as octo, sandbox.app() as app:
            board(octo, "octo-org", "octo-org/bookmarks")
            arrived = receiver.next("projects_v2_item")
            assert arrived.headers["x-github-hook-installation-target-type"] == "integration"
            assert arrived.payload["installation"]["id"] == 81
            assert published.webhook_problems("projects_v2_item", arrived.payload) == []
            assert app.get("/app/hook/config").json()["url"] == receiver.url
            newest = settled(app, "/app/hook", 3)[0]
            assert app.get(f"/app/hook/deliveries/{newest['id']}").json()["status_code"] == 202
            assert app.post(f"/app/hook/deliveries/{newest['id']}/attempts").status_code == 202
            assert len(settled(app, "/app/hook", 4)) == 4
            assert octo.get("/app/hook/deliveries").status_code == 401


def settled(octo: Client, path: str, count: int) -> list[dict[str, Any]]:
    """Return a hook's deliveries once there are so many."""
    for _ in range(500):
        listed: list[dict[str, Any]] = octo.get(f"{path}/deliveries").json()
        if len(listed) >= count:
            return listed
    raise AssertionError(f"{len(listed)} deliveries instead of {count}")


def test_failed_delivery_is_not_repeated_but_can_be_redelivered(octo: Client, receiver: Receiver) -> None:
    receiver.status = 500
    path = hook(octo, receiver)
    receiver.next("ping")
    failed = settled(octo, path, 1)[0]
    assert (failed["status_code"], failed["redelivery"], failed["event"]) == (500, False, "ping")
    with pytest.raises(queue.Empty):
        receiver.arrived.get(timeout=0.2)
    receiver.status = 202
    shown = octo.get(f"{path}/deliveries/{failed['id']}").json()
    assert shown["request"]["headers"]["X-GitHub-Delivery"] == failed["guid"]
    assert octo.post(f"{path}/deliveries/{failed['id']}/attempts").status_code == 202
    again = receiver.next("ping")
    assert again.headers["x-github-delivery"] == failed["guid"]
    newest = settled(octo, path, 2)[0]
    assert (newest["redelivery"], newest["status_code"], newest["guid"]) == (True, 202, failed["guid"])
    assert octo.get(f"{path}/deliveries/1").status_code == 404


def test_log_of_deliveries_is_paged_by_cursor(octo: Client, receiver: Receiver) -> None:
    path = hook(octo, receiver)
    for _ in range(4):
        octo.post(f"{path}/pings")
    settled(octo, path, 5)
    first = octo.get(f"{path}/deliveries", params={"per_page": 2})
    seen = [each["id"] for each in first.json()]
    while "next" in first.links:
        first = octo.get(first.links["next"]["url"])
        seen += [each["id"] for each in first.json()]
    assert len(seen) == 5
    assert seen == sorted(seen, reverse=True)


def test_unreachable_receiver_is_written_down(octo: Client, receiver: Receiver) -> None:
    url = receiver.url
    receiver.close()
    made = octo.post(f"{REPO}/hooks", json={"config": {"url": url, "content_type": "json"}, "events": ["push"]})
    path = f"{REPO}/hooks/{made.json()['id']}"
    assert settled(octo, path, 1)[0]["status_code"] == 502
    assert octo.get(path).json()["last_response"]["status"] == "connection_error"


def test_form_encoded_hook_signs_the_form(octo: Client, receiver: Receiver) -> None:
    octo.post(f"{REPO}/hooks", json={"config": {"url": receiver.url, "secret": "s"}, "events": ["push"]})
    ping = receiver.next("ping")
    assert ping.headers["content-type"] == "application/x-www-form-urlencoded"
    assert ping.body.startswith(b"payload=%7B")
    digest = hmac.new(b"s", ping.body, hashlib.sha256).hexdigest()
    assert ping.headers["x-hub-signature-256"] == f"sha256={digest}"
