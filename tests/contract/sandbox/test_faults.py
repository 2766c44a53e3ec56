"""Every kind of fault, as a caller meets it, and the log that a sandbox keeps."""

import json
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from deploy.sandbox.base import Frame, running

effects: list[bytes] = []


async def _thing(request: Request) -> JSONResponse:
    if request.method == "POST":
        effects.append(await request.body())
    return JSONResponse({"effects": len(effects)})


@pytest.fixture
def client() -> Iterator[httpx.Client]:
    effects.clear()
    routes = [
        Route(path, _thing, methods=["GET", "POST", "DELETE"]) for path in ("/things", "/things/{id}", "/graphql")
    ]
    frame = Frame(Starlette(routes=routes), reset=effects.clear, reads=["/things/review"], secrets=["hidden-value"])
    with running(frame) as url, httpx.Client(base_url=url, timeout=60) as made:
        yield made


def show(client: httpx.Client, **fault: Any) -> None:  # noqa: ANN401 - JSON
    assert client.post("/_sandbox/faults", json=fault).status_code == 201


def test_status(client: httpx.Client) -> None:
    show(client, kind="status", status=503)
    assert client.post("/things").status_code == 503
    assert effects == []
    assert client.post("/things").status_code == 200


def test_status_after_the_effect(client: httpx.Client) -> None:
    show(client, kind="status", effect=True)
    assert client.post("/things").status_code == 502
    assert len(effects) == 1


def test_answer(client: httpx.Client) -> None:
    show(client, kind="answer", status=418, headers={"X-Tea": "yes"}, body={"tea": True})
    answer = client.get("/things")
    assert (answer.status_code, answer.headers["x-tea"], answer.json()) == (418, "yes", {"tea": True})


def test_drop_before_effect(client: httpx.Client) -> None:
    show(client, kind="drop-before-effect")
    with pytest.raises(httpx.RemoteProtocolError):
        client.post("/things")
    assert effects == []


def test_drop_after_effect(client: httpx.Client) -> None:
    show(client, kind="drop-after-effect")
    with pytest.raises(httpx.RemoteProtocolError):
        client.post("/things", content=b"done")
    assert effects == [b"done"]
    entry = client.get("/_sandbox/requests").json()["requests"][0]
    assert (entry["status"], entry["fault"], entry["effect"]) == (None, "drop-after-effect", True)


def test_timeout_and_its_end(client: httpx.Client) -> None:
    show(client, kind="timeout")
    with pytest.raises(httpx.ReadTimeout):
        client.post("/things", timeout=httpx.Timeout(60, read=0.2))
    show(client, kind="timeout", seconds=0.1)
    with pytest.raises(httpx.RemoteProtocolError):
        client.post("/things")
    assert effects == []


def test_primary_rate_limit(client: httpx.Client) -> None:
    show(client, kind="rate-limit-primary", seconds=3)
    answer = client.get("/things")
    assert (answer.status_code, answer.headers["x-ratelimit-remaining"]) == (403, "0")
    assert 0 < int(answer.headers["x-ratelimit-reset"]) - time.time() <= 4
    assert "retry-after" not in answer.headers


def test_secondary_rate_limit(client: httpx.Client) -> None:
    show(client, kind="rate-limit-secondary", seconds=7)
    answer = client.post("/things")
    assert (answer.status_code, answer.headers["retry-after"]) == (403, "7")
    assert "secondary rate limit" in answer.json()["message"]


def test_graphql_rate_limit(client: httpx.Client) -> None:
    show(client, kind="graphql-rate-limit", match={"operation": "createThing"})
    assert client.post("/graphql", json={"query": "{ things { id } }"}).json() == {"effects": 1}
    answer = client.post("/graphql", json={"query": "mutation { createThing(input: {}) { id } }"})
    assert (answer.status_code, answer.json()["errors"][0]["type"]) == (200, "RATE_LIMITED")


def test_slow(client: httpx.Client) -> None:
    show(client, kind="slow", seconds=0.2)
    began = time.monotonic()
    assert client.get("/things").status_code == 200
    assert time.monotonic() - began >= 0.2


def test_matching_by_method_path_and_change(client: httpx.Client) -> None:
    show(client, kind="status", match={"method": ["POST", "DELETE"], "path": "/things/*"}, times=None)
    assert client.get("/things/1").status_code == 200
    assert client.post("/things").status_code == 200
    assert [client.post("/things/1").status_code, client.delete("/things/2").status_code] == [502, 502]
    client.delete("/_sandbox/faults")
    show(client, kind="status", match={"changes": True}, times=None)
    assert client.get("/things").status_code == 200
    assert client.post("/things/review").status_code == 200
    assert client.post("/graphql", json={"query": "query Q { a }"}).status_code == 200
    assert client.post("/graphql", json={"query": "mutation { a }"}).status_code == 502


def test_skip_and_times_pick_the_nth_request(client: httpx.Client) -> None:
    show(client, kind="status", skip=2, times=1)
    assert [client.get("/things").status_code for _ in range(4)] == [200, 200, 502, 200]
    assert client.get("/_sandbox/faults").json()["faults"][0]["shown"] == 1


@pytest.mark.parametrize(
    "fault", [{"kind": "nonsense"}, {"kind": "slow", "when": 1}, {"kind": "slow", "match": {"a": 1}}, 7]
)
def test_bad_fault_is_refused(client: httpx.Client, fault: object) -> None:
    assert client.post("/_sandbox/faults", json=fault).status_code == 422
    assert client.get("/_sandbox/faults").json() == {"faults": []}


def test_log_masks_secrets_and_names_operations(client: httpx.Client) -> None:
    client.post("/things", json={"config": {"secret": "s3cret", "url": "u"}, "note": "has hidden-value inside"})
    client.post("/things", data={"refresh_token": "r", "plain": "p"})
    document = "query One { a } mutation Two { b { c } }"
    client.post("/graphql", json={"query": document, "operationName": "Two"})
    client.post("/things", content=b"\xff\xfe")
    entries = client.get("/_sandbox/requests").json()["requests"]
    assert entries[0]["body"] == {"config": {"secret": "***", "url": "u"}, "note": "has *** inside"}
    assert entries[1]["body"] == {"refresh_token": "***", "plain": "p"}
    assert entries[2]["operations"] == [{"name": "Two", "kind": "mutation", "fields": ["b"]}]
    assert entries[3]["body"] == "<2 bytes>"
    assert "s3cret" not in json.dumps(entries)


def test_log_can_be_filtered_and_reset(client: httpx.Client) -> None:
    client.get("/things", params={"page": "2"})
    client.post("/things/1")

    def ids(**wanted: str) -> list[int]:
        return [each["id"] for each in client.get("/_sandbox/requests", params=wanted).json()["requests"]]

    assert (ids(), ids(method="POST"), ids(since="1"), ids(path="/things"), ids(changes="false")) == (
        [1, 2],
        [2],
        [2],
        [1],
        [1],
    )
    show(client, kind="slow")
    assert client.post("/_sandbox/reset", json={"what": ["faults"]}).status_code == 204
    assert (ids(), client.get("/_sandbox/faults").json()["faults"], len(effects)) == ([1, 2], [], 1)
    assert client.post("/_sandbox/reset").status_code == 204
    assert (ids(), effects) == ([], [])
