"""Tokens and rights: who sees what, in GitHub's headers, statuses and words."""

import json
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from deploy.sandbox.base import running
from deploy.sandbox.github.app import make
from tests.contract.sandbox_github.callers import CLASSIC, FINE, READER, Client, Sandbox, config

REPO = "/repos/octo-org/bookmarks"


def test_usual_headers(octo: Client) -> None:
    answer = octo.get(REPO)
    assert answer.headers["x-oauth-scopes"] == "admin:org_hook, admin:repo_hook, delete_repo, project, read:org, repo"
    assert answer.headers["x-ratelimit-limit"] == "5000"
    assert answer.headers["x-ratelimit-resource"] == "core"
    assert answer.headers["x-github-request-id"].count(":") == 4
    assert int(octo.get(REPO).headers["x-ratelimit-remaining"]) == int(answer.headers["x-ratelimit-remaining"]) - 1
    same = octo.get(REPO, headers={"if-none-match": answer.headers["etag"]})
    assert same.status_code == 304


def test_server_paths_work_as_well(octo: Client) -> None:
    assert octo.get(f"/api/v3{REPO}").json()["full_name"] == "octo-org/bookmarks"
    assert octo.post("/api/graphql", json={"query": "{ viewer { login } }"}).json() == {
        "data": {"viewer": {"login": "octo-user"}}
    }


def test_fine_grained_token_names_no_scopes_and_reaches_one_owner(sandbox: Sandbox) -> None:
    with sandbox.caller(FINE) as fine:
        answer = fine.get(REPO)
        assert "x-oauth-scopes" not in answer.headers
        assert answer.json()["permissions"]["admin"] is True
        assert fine.get(f"{REPO}/hooks").status_code == 200
        assert fine.get("/orgs/octo-org/hooks").status_code == 200
        refused = fine.get("/repos/octo-user/notes/hooks")
        assert (refused.status_code, refused.json()["message"]) == (
            403,
            "Resource not accessible by personal access token",
        )


def test_reader_reads_and_changes_nothing(sandbox: Sandbox) -> None:
    with sandbox.caller(READER) as reader:
        assert reader.get(REPO).json()["permissions"] == {
            "admin": False,
            "maintain": False,
            "push": False,
            "triage": False,
            "pull": True,
        }
        assert reader.get(f"{REPO}/hooks").status_code == 404
        assert reader.put(f"{REPO}/contents/a", json={"message": "m", "content": ""}).status_code == 404
        assert (
            reader.patch(REPO, json={"description": "x"}).json()["message"] == "Must have admin rights to Repository."
        )
        assert reader.post(f"{REPO}/issues/1/comments", json={"body": "Hello"}).status_code == 201


def test_bad_token_and_no_token(sandbox: Sandbox) -> None:
    with sandbox.caller("no-such-token") as bad:
        answer = bad.get(REPO)
        assert (answer.status_code, answer.json()["message"]) == (401, "Bad credentials")
    with sandbox.caller(None) as stranger:
        assert stranger.get(REPO).status_code == 200
        assert stranger.get("/user").status_code == 401
        assert stranger.post(f"{REPO}/issues", json={"title": "x"}).status_code == 401


def test_archived_repository_is_read_only(octo: Client) -> None:
    answer = octo.post("/repos/octo-org/attic/issues", json={"title": "x"})
    assert (answer.status_code, answer.json()["message"]) == (403, "Repository was archived so is read-only.")
    assert octo.get("/repos/octo-org/attic").json()["archived"] is True


def test_private_repository_is_not_found_for_strangers(sandbox: Sandbox, octo: Client) -> None:
    octo.post(
        "/_sandbox/repositories", json={"owner": "A-B", "name": "My.Repo_x", "private": True, "files": {"a": "b"}}
    )
    with sandbox.caller(READER) as reader:
        assert reader.get("/repos/A-B/My.Repo_x").status_code == 404
    octo.patch("/_sandbox/repositories/A-B/My.Repo_x", json={"collaborators": {"octo-user": "push"}})
    assert octo.get("/repos/a-b/my.repo_x").json()["permissions"]["push"] is True
    assert octo.delete("/_sandbox/repositories/A-B/My.Repo_x").status_code == 200
    assert octo.get("/repos/A-B/My.Repo_x").status_code == 404


@pytest.mark.parametrize(
    ("content", "status", "words"),
    [
        ("{", 400, "Problems parsing JSON"),
        ("[]", 400, "Body should be a JSON object"),
        ("{}", 422, '"title" wasn\'t supplied.'),
        (json.dumps({"title": "x", "colour": 1}), 422, '"colour" is not a permitted key.'),
        (json.dumps({"title": "x", "labels": 1}), 422, "is not an array."),
    ],
)
def test_bad_bodies(octo: Client, content: str, status: int, words: str) -> None:
    answer = octo.post(f"{REPO}/issues", content=content)
    assert answer.status_code == status
    assert words in answer.json()["message"]


def test_lists_are_paged_with_links(octo: Client) -> None:
    for each in range(4):
        octo.post(f"{REPO}/issues", json={"title": str(each)})
    answer = octo.get(f"{REPO}/issues", params={"per_page": 2})
    seen = [each["number"] for each in answer.json()]
    assert set(answer.links) == {"next", "last"}
    while "next" in answer.links:
        answer = octo.get(answer.links["next"]["url"])
        seen += [each["number"] for each in answer.json()]
    assert seen == [5, 4, 3, 2, 1]
    assert set(answer.links) == {"prev", "first"}


def test_hourly_limit_is_kept(key: rsa.RSAPrivateKey, tmp_path: Path) -> None:
    with running(make(config(key, hourly_limit=2), tmp_path)) as url, Sandbox(url, key).caller(CLASSIC) as octo:
        assert octo.get("/user").status_code == 200
        octo.get("/user")
        answer = octo.get("/user")
        assert answer.status_code == 403
        assert answer.headers["x-ratelimit-remaining"] == "0"
        assert octo.get("/rate_limit").status_code == 200
