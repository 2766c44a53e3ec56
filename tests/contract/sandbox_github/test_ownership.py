"""A repository that is renamed, transferred or deleted, and a hook that is deleted: events, redirects, what is left."""

import pytest

from tests.contract import published
from tests.contract.sandbox_github.callers import READER, Client, Receiver, Sandbox
from tests.contract.sandbox_github.test_webhooks import board, hook

OLD, NEW = "/repos/octo-org/bookmarks", "/repos/octo-org/shelf"


def test_a_rename_is_told_and_the_former_name_redirects(sandbox: Sandbox, octo: Client, receiver: Receiver) -> None:
    hook(octo, receiver, f"{OLD}/hooks", ["repository"])
    number = octo.get(OLD).json()["id"]
    head = octo.get(f"{OLD}/git/ref/heads/main").json()["object"]["sha"]
    assert octo.patch(OLD, json={"name": "shelf"}).json()["full_name"] == "octo-org/shelf"
    told = receiver.next("repository").payload
    assert published.webhook_problems("repository", told) == []
    assert (told["action"], told["changes"]) == ("renamed", {"repository": {"name": {"from": "bookmarks"}}})
    assert told["repository"]["full_name"] == "octo-org/shelf"
    assert octo.get(f"{NEW}/git/ref/heads/main").json()["object"]["sha"] == head
    moved = octo.get(f"{OLD}/issues", params={"state": "all"})
    assert moved.status_code == 301
    assert moved.headers["location"] == f"{sandbox.url}/repositories/{number}/issues?state=all"
    assert moved.json()["url"] == moved.headers["location"]
    assert octo.post(f"{OLD}/issues", json={"title": "No"}).status_code == 307
    assert octo.get(f"/repositories/{number}").json()["name"] == "shelf"
    by_name = '{ repository(owner: "octo-org", name: "bookmarks"%s) { nameWithOwner } }'
    assert octo.ok(by_name % "")["repository"]["nameWithOwner"] == "octo-org/shelf"
    assert octo.graphql(by_name % ", followRenames: false")["errors"][0]["type"] == "NOT_FOUND"


def test_a_former_name_ends_where_somebody_takes_it(octo: Client) -> None:
    octo.patch(OLD, json={"name": "shelf"})
    assert octo.patch(NEW, json={"name": "platform"}).status_code == 422
    octo.post("/orgs/octo-org/repos", json={"name": "bookmarks"})
    assert octo.get(OLD).json()["name"] == "bookmarks"
    octo.patch(NEW, json={"name": "rack"})
    assert octo.get(NEW).status_code == 301
    octo.patch("/repos/octo-org/rack", json={"name": "shelf"})
    assert octo.get(NEW).status_code == 200


def test_a_redirect_tells_nobody_about_a_private_repository(sandbox: Sandbox, octo: Client) -> None:
    octo.patch(OLD, json={"name": "shelf", "private": True})
    octo.patch("/_sandbox/repositories/octo-org/shelf", json={"collaborators": {}})
    with sandbox.caller(READER) as reader:
        assert reader.get(OLD).status_code == 404


def test_a_transfer_is_told_to_the_new_owner_and_takes_the_hooks_along(octo: Client, receiver: Receiver) -> None:
    path = hook(octo, receiver, f"{OLD}/hooks", ["repository"])
    hook(octo, receiver, "/orgs/octo-org/hooks", ["repository"])
    board(octo, "octo-org", "octo-org/bookmarks")
    assert octo.post(f"{OLD}/transfer", json={"new_owner": "nobody-of-this-name"}).status_code == 422
    made = octo.post(f"{OLD}/transfer", json={"new_owner": "octo-user"})
    assert (made.status_code, made.json()["full_name"]) == (202, "octo-user/bookmarks")
    sent = octo.get("/_sandbox/deliveries", params={"event": "repository"}).json()["deliveries"]
    assert [(each["action"], each["target"]) for each in sent] == [("transferred", "repository")]
    told = sent[0]["payload"]
    assert published.webhook_problems("repository", told) == []
    assert told["changes"]["owner"]["from"]["organization"]["login"] == "octo-org"
    assert told["repository"]["owner"]["login"] == "octo-user"
    assert octo.get(path).status_code == 301
    assert octo.get(path.replace("octo-org", "octo-user")).status_code == 200
    assert octo.get("/_sandbox/state").json()["boards"][0]["repositories"] == []


def test_a_deletion_is_told_to_the_organization_alone_and_leaves_nothing(octo: Client, receiver: Receiver) -> None:
    hook(octo, receiver, f"{OLD}/hooks", ["repository"])
    hook(octo, receiver, "/orgs/octo-org/hooks", ["repository"])
    board(octo, "octo-org", "octo-org/bookmarks")
    assert octo.delete(OLD).status_code == 204
    sent = octo.get("/_sandbox/deliveries", params={"event": "repository"}).json()["deliveries"]
    assert [(each["action"], each["target"]) for each in sent] == [("deleted", "organization")]
    assert published.webhook_problems("repository", sent[0]["payload"]) == []
    assert octo.get(OLD).status_code == 404
    state = octo.get("/_sandbox/state").json()
    assert (state["boards"][0]["items"], [each["on"] for each in state["hooks"]]) == (0, ["octo-org"])


def test_deleting_wants_the_right_to(sandbox: Sandbox, octo: Client) -> None:
    with sandbox.caller(READER) as reader, sandbox.caller("no-scopes") as scopeless:
        for caller in (reader, scopeless):
            assert caller.delete(OLD).status_code == 403
        assert reader.patch(OLD, json={"name": "mine"}).status_code == 403
        assert reader.post(f"{OLD}/transfer", json={"new_owner": "octo-reader"}).status_code == 403
    assert octo.get(OLD).status_code == 200


@pytest.mark.parametrize("base", [f"{OLD}/hooks", "/orgs/octo-org/hooks"])
def test_a_deleted_hook_hears_of_it_last_of_all(octo: Client, receiver: Receiver, base: str) -> None:
    path = hook(octo, receiver, base, ["meta", "push"])
    number = int(path.rsplit("/", 1)[1])
    assert octo.delete(path).status_code == 204
    told = receiver.next("meta")
    assert published.webhook_problems("meta", told.payload) == []
    assert (told.payload["action"], told.payload["hook_id"]) == ("deleted", number)
    assert told.headers["x-github-hook-id"] == str(number)
    assert octo.get(path).status_code == 404
    assert octo.get(base).json() == []
    assert octo.get("/_sandbox/state").json()["hooks"] == []
    octo.put(f"{OLD}/contents/a.txt", json={"message": "Add", "content": "aGk="})
    assert octo.get("/_sandbox/deliveries", params={"event": "push"}).json()["deliveries"] == []


def test_a_hook_without_meta_events_goes_in_silence(octo: Client, receiver: Receiver) -> None:
    path = hook(octo, receiver, f"{OLD}/hooks", ["push"])
    octo.delete(path)
    assert octo.get("/_sandbox/deliveries", params={"event": "meta"}).json()["deliveries"] == []


def test_a_hook_that_is_off_is_sent_nothing(octo: Client, receiver: Receiver) -> None:
    path = hook(octo, receiver, f"{OLD}/hooks", ["push"])
    assert octo.patch(path, json={"active": False}).json()["active"] is False
    octo.put(f"{OLD}/contents/a.txt", json={"message": "Add", "content": "aGk="})
    assert octo.get("/_sandbox/deliveries", params={"event": "push"}).json()["deliveries"] == []
