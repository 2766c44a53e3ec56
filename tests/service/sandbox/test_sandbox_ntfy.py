"""The sandbox ntfy by the ways in which its documentation publishes."""

import json
from collections.abc import Iterator

import httpx
import pytest

from tests.service.sandbox.process import Process


@pytest.fixture
def ntfy(sandboxes: Process) -> Iterator[httpx.Client]:
    with httpx.Client(
        base_url=sandboxes.urls["ntfy"], headers={"Authorization": "Bearer tk_ntfy"}, timeout=60
    ) as client:
        yield client


def test_message_by_headers_is_polled_and_shown_with_its_buttons(ntfy: httpx.Client) -> None:
    headers = {
        "X-Title": "Sign in",
        "Priority": "high",
        "Tags": "key,octo",
        "Actions": "view, Open, https://example.org/run; http, No, https://example.org/no, method=POST, clear=true",
    }
    sent = ntfy.put("/by-headers", content="Please <sign> in", headers=headers).json()
    assert sent["priority"] == 4
    assert [each["label"] for each in sent["actions"]] == ["Open", "No"]
    assert sent["actions"][1]["method"] == "POST"
    assert sent["actions"][1]["clear"] is True
    lines = ntfy.get("/by-headers/json", params={"poll": "1"}).text.splitlines()
    assert [json.loads(each)["message"] for each in lines] == ["Please <sign> in"]
    page = ntfy.get("/by-headers").text
    assert "Please &lt;sign&gt; in" in page
    assert 'href="https://example.org/run"' in page


def test_message_by_json_and_poll_since(ntfy: httpx.Client) -> None:
    action = {"action": "view", "label": "Open", "url": "https://example.org"}
    first = ntfy.post("/", json={"topic": "by-json", "message": "one", "priority": 5, "actions": [action]}).json()
    ntfy.post("/", json={"topic": "by-json", "message": "two", "tags": ["x"]}).raise_for_status()
    later = ntfy.get("/by-json/json", params={"poll": "1", "since": first["id"]}).text.splitlines()
    assert [json.loads(each)["message"] for each in later] == ["two"]


@pytest.mark.parametrize(
    ("headers", "code"),
    [({"Priority": "9"}, 40007), ({"Actions": "dance, Now, https://example.org"}, 40018), ({"Actions": "[{]"}, 40018)],
)
def test_bad_message_is_refused_by_its_number(ntfy: httpx.Client, headers: dict[str, str], code: int) -> None:
    answer = ntfy.post("/bad", content="x", headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (400, code)


def test_token_is_asked_for(ntfy: httpx.Client) -> None:
    assert ntfy.post("/closed", content="x", headers={"Authorization": "Bearer wrong"}).status_code == 401
    assert ntfy.get("/v1/health", headers={"Authorization": ""}).json() == {"healthy": True}
