"""The sandbox LiteLLM by plain HTTP, as the platform speaks to the admin part."""

import json
import re
from collections.abc import Iterator

import httpx
import pytest

from tests.service.sandbox.process import Process

CHAT = {"model": "claude-haiku", "max_tokens": 5, "messages": [{"role": "user", "content": "Hi"}]}


@pytest.fixture
def admin(sandboxes: Process) -> Iterator[httpx.Client]:
    headers = {"Authorization": "Bearer sk-master"}
    with httpx.Client(base_url=sandboxes.urls["litellm"], headers=headers, timeout=60) as client:
        yield client


def new_team(admin: httpx.Client, team_id: str) -> httpx.Response:
    asked = {
        "team_id": team_id,
        "team_alias": "octo-org/bookmarks",
        "models": ["claude-haiku"],
        "max_budget": 50.0,
        "budget_duration": "30d",
    }
    return admin.post("/team/new", json=asked)


def test_team_is_made_once_and_changed(admin: httpx.Client) -> None:
    made = new_team(admin, "t-1").json()
    assert (made["team_id"], made["max_budget"], made["budget_duration"]) == ("t-1", 50.0, "30d")
    again = new_team(admin, "t-1")
    assert again.status_code == 400
    assert "already exists. Please use a different team id" in again.json()["error"]["message"]
    admin.post("/team/update", json={"team_id": "t-1", "max_budget": 75.0}).raise_for_status()
    info = admin.get("/team/info", params={"team_id": "t-1"}).json()
    assert info["team_info"]["max_budget"] == 75.0
    assert info["team_info"]["models"] == ["claude-haiku"]


def test_unknown_team_is_404_in_litellms_words(admin: httpx.Client) -> None:
    answer = admin.get("/team/info", params={"team_id": "nobody"})
    assert answer.status_code == 404
    assert answer.json() == {
        "error": {
            "message": "{'message': 'Team not found, passed team id: nobody.'}",
            "type": "auth_error",
            "param": "None",
            "code": "404",
        }
    }


def test_key_is_shown_once_and_its_alias_is_unique(admin: httpx.Client) -> None:
    new_team(admin, "t-2")
    asked = {"team_id": "t-2", "key_alias": "k-2", "models": ["claude-haiku"]}
    made = admin.post("/key/generate", json=asked).json()
    assert made["key"].startswith("sk-")
    again = admin.post("/key/generate", json=asked)
    assert again.status_code == 400
    assert again.json()["error"]["param"] == "key_alias"
    listed = admin.get("/key/list", params={"key_alias": "k-2"}).json()
    assert listed["keys"] == [made["token"]]
    full = admin.get("/key/list", params={"team_id": "t-2", "return_full_object": "true"}).text
    info = admin.get("/key/info", params={"key": made["token"]})
    assert info.json()["info"]["key_alias"] == "k-2"
    assert made["key"] not in full + info.text
    admin.post("/key/update", json={"key": made["token"], "max_budget": 3.0}).raise_for_status()
    assert admin.get("/key/info", params={"key": made["key"]}).json()["info"]["max_budget"] == 3.0


def test_key_serves_its_models_until_it_is_deleted(admin: httpx.Client) -> None:
    new_team(admin, "t-3")
    key = admin.post("/key/generate", json={"team_id": "t-3", "key_alias": "k-3"}).json()["key"]
    own = {"Authorization": f"Bearer {key}"}
    assert [each["id"] for each in admin.get("/v1/models", headers=own).json()["data"]] == ["claude-haiku"]
    assert admin.post("/chat/completions", json=CHAT, headers=own).json()["choices"][0]["message"]["content"]
    assert admin.post("/v1/messages", json=CHAT, headers={"x-api-key": key, "Authorization": ""}).is_success
    other = admin.post("/chat/completions", json={**CHAT, "model": "claude-sonnet"}, headers=own)
    assert (other.status_code, other.json()["error"]["type"]) == (403, "key_model_access_denied")
    assert admin.post("/team/new", json={}, headers=own).status_code == 403
    assert admin.post("/key/delete", json={"key_aliases": ["k-3"]}).json() == {"deleted_keys": ["k-3"]}
    assert admin.post("/key/delete", json={"key_aliases": ["k-3"]}).status_code == 404
    assert admin.get("/v1/models", headers=own).status_code == 401


def test_deleted_team_takes_its_keys_along(admin: httpx.Client) -> None:
    new_team(admin, "t-4")
    key = admin.post("/key/generate", json={"team_id": "t-4"}).json()["key"]
    admin.post("/team/delete", json={"team_ids": ["t-4"]}).raise_for_status()
    assert admin.get("/team/info", params={"team_id": "t-4"}).status_code == 404
    assert admin.get("/v1/models", headers={"Authorization": f"Bearer {key}"}).status_code == 401


@pytest.mark.parametrize("token", ["", "Bearer sk-wrong", "Bearer nonsense"])
def test_wrong_key_is_401(admin: httpx.Client, token: str) -> None:
    answer = admin.get("/team/info", params={"team_id": "t"}, headers={"Authorization": token})
    assert answer.status_code == 401
    assert answer.json()["error"]["message"].startswith("Authentication Error")


def test_it_says_that_it_is_alive_without_a_key(admin: httpx.Client) -> None:
    assert admin.get("/health/liveliness", headers={"Authorization": ""}).json() == "I'm alive!"


@pytest.mark.parametrize(("words", "cited"), [("Source S2: Retries. Source S3: Limits.", "S2"), ("Nothing.", None)])
def test_ids_are_those_of_the_first_source_that_was_named(admin: httpx.Client, words: str, cited: str | None) -> None:
    schema = {
        "type": "object",
        "properties": {"source_ids": {"type": "array", "items": {"type": "string"}}, "note": {"type": "string"}},
    }
    shape = {"type": "json_schema", "json_schema": {"name": "Note", "schema": schema}}
    asked = {"model": "claude-haiku", "messages": [{"role": "user", "content": words}], "response_format": shape}
    answer = admin.post("/chat/completions", json=asked).json()["choices"][0]["message"]["content"]
    found = json.loads(answer)
    assert found["source_ids"] == [cited or found["note"]]
    assert not re.search(r"\bS\d", found["note"])
