"""The sandbox sign-in as a browser and an OAuth client use it."""

import re
from collections.abc import Iterator
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from deploy.sandbox.sign_in.grants import challenge_of
from tests.service.sandbox.process import Process

VERIFIER = "v" * 64
API = {"anthropic-version": "2023-06-01", "anthropic-beta": "oauth-2025-04-20"}
DEVICE = "urn:ietf:params:oauth:grant-type:device_code"


@pytest.fixture
def web(sandboxes: Process) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=sandboxes.urls["sign_in"], follow_redirects=True, timeout=60) as client:
        yield client


def asked(web: httpx.Client, **changed: str) -> dict[str, str]:
    return {
        "client_id": "client",
        "redirect_uri": f"{str(web.base_url).rstrip('/')}/oauth/code/callback",
        "response_type": "code",
        "scope": "user:profile user:inference",
        "state": "s-1",
        "code_challenge": challenge_of(VERIFIER),
        "code_challenge_method": "S256",
        **changed,
    }


def allowed_code(web: httpx.Client, **changed: str) -> str:
    page = web.post("/oauth/authorize", data={**asked(web, **changed), "decision": "allow"})
    shown = re.search(r'<code id="code">([^<]+)</code>', page.text)
    assert shown is not None, page.text
    code, _, state = shown[1].partition("#")
    assert state == "s-1"
    return code


def exchange(web: httpx.Client, code: str, **changed: str) -> httpx.Response:
    return web.post(
        "/v1/oauth/token",
        json={
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": asked(web)["redirect_uri"],
            "client_id": "client",
            "code_verifier": VERIFIER,
            "state": "s-1",
            **changed,
        },
    )


def refresh(web: httpx.Client, token: str) -> httpx.Response:
    return web.post(
        "/v1/oauth/token", data={"grant_type": "refresh_token", "refresh_token": token, "client_id": "client"}
    )


def advance(web: httpx.Client, seconds: float) -> None:
    web.post("/_sandbox/clock", json={"advance_seconds": seconds}).raise_for_status()


def test_person_allows_and_the_pasted_code_becomes_tokens_that_work(web: httpx.Client) -> None:
    page = web.get("/oauth/authorize", params=asked(web))
    assert "Allow" in page.text
    assert "Deny" in page.text
    tokens = exchange(web, allowed_code(web)).json()
    assert tokens["token_type"] == "Bearer"
    assert tokens["scope"] == "user:profile user:inference"
    bearer = {**API, "Authorization": f"Bearer {tokens['access_token']}"}
    assert web.get("/v1/models", headers=bearer).json()["data"]
    profile = web.get("/api/oauth/profile", headers=bearer).json()
    assert profile["account"]["uuid"] == tokens["account"]["uuid"]
    assert profile["organization"]["uuid"] == tokens["organization"]["uuid"]


def test_person_declines(web: httpx.Client) -> None:
    page = web.post("/oauth/authorize", data={**asked(web), "decision": "deny"})
    assert "declined" in page.text
    query = parse_qs(urlsplit(str(page.url)).query)
    assert query["error"] == ["access_denied"]
    assert query["state"] == ["s-1"]


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"client_id": "other"}, "not known"),
        ({"redirect_uri": "https://example.org/steal"}, "not registered"),
        ({"code_challenge": ""}, "code_challenge"),
        ({"code_challenge_method": "plain"}, "code_challenge"),
        ({"response_type": "token"}, "unsupported_response_type"),
    ],
)
def test_wrong_authorization_request_is_refused(web: httpx.Client, changed: dict[str, str], words: str) -> None:
    assert words in web.get("/oauth/authorize", params=asked(web, **changed)).text


def test_wrong_verifier_spends_the_code(web: httpx.Client) -> None:
    code = allowed_code(web)
    refused = exchange(web, code, code_verifier="w" * 64)
    assert (refused.status_code, refused.json()["error"]) == (400, "invalid_grant")
    assert exchange(web, code).json()["error"] == "invalid_grant"


def test_code_works_once_and_not_late(web: httpx.Client) -> None:
    code = allowed_code(web)
    assert exchange(web, code).status_code == 200
    assert exchange(web, code).json()["error"] == "invalid_grant"
    late = allowed_code(web)
    advance(web, 601)
    assert exchange(web, late).json()["error"] == "invalid_grant"


@pytest.mark.parametrize(
    ("changed", "status", "error"),
    [
        ({"client_id": "other"}, 401, "invalid_client"),
        ({"grant_type": "password"}, 400, "unsupported_grant_type"),
        ({"code_verifier": ""}, 400, "invalid_request"),
        ({"redirect_uri": "https://example.org"}, 400, "invalid_grant"),
    ],
)
def test_wrong_token_request_is_refused(web: httpx.Client, changed: dict[str, str], status: int, error: str) -> None:
    refused = exchange(web, allowed_code(web), **changed)
    assert (refused.status_code, refused.json()["error"]) == (status, error)


def test_refresh_token_rotates_and_the_old_one_dies(web: httpx.Client) -> None:
    first = exchange(web, allowed_code(web)).json()
    second = refresh(web, first["refresh_token"]).json()
    assert second["access_token"] != first["access_token"]
    assert refresh(web, first["refresh_token"]).json()["error"] == "invalid_grant"
    assert refresh(web, second["refresh_token"]).status_code == 200


def test_expired_access_token_is_named(web: httpx.Client) -> None:
    tokens = exchange(web, allowed_code(web)).json()
    advance(web, tokens["expires_in"] + 1)
    answer = web.get("/v1/models", headers={**API, "Authorization": f"Bearer {tokens['access_token']}"})
    assert answer.status_code == 401
    assert answer.json()["error"]["type"] == "authentication_error"
    assert "expired" in answer.json()["error"]["message"]


MESSAGE = {"model": "claude-haiku", "max_tokens": 1, "messages": [{"role": "user", "content": "Hi"}]}


@pytest.mark.parametrize("headers", [{"x-api-key": "sk-ant-api03-a"}, {"Authorization": "Bearer sk-ant-oat01-setup"}])
def test_one_cheap_call_proves_a_credential(web: httpx.Client, headers: dict[str, str]) -> None:
    answer = web.post("/v1/messages", json=MESSAGE, headers={**API, **headers})
    assert answer.json()["content"][0]["type"] == "text"
    streamed = web.post("/v1/messages", json={**MESSAGE, "stream": True}, headers={**API, **headers}).text
    assert "event: message_stop" in streamed
    lacking = web.post("/v1/messages", json={"model": "x"}, headers={**API, **headers})
    assert lacking.json()["error"] == {"type": "invalid_request_error", "message": "max_tokens: Field required"}


@pytest.mark.parametrize("headers", [{"x-api-key": "wrong"}, {"Authorization": "Bearer wrong"}, {}])
def test_wrong_credential_is_401(web: httpx.Client, headers: dict[str, str]) -> None:
    answer = web.get("/v1/models", headers={**API, **headers})
    assert answer.status_code == 401
    assert answer.json()["type"] == "error"
    assert answer.json()["error"]["type"] == "authentication_error"


def test_setup_token_may_not_read_the_profile(web: httpx.Client) -> None:
    answer = web.get("/api/oauth/profile", headers={**API, "Authorization": "Bearer sk-ant-oat01-setup"})
    assert (answer.status_code, answer.json()["error"]["type"]) == (403, "permission_error")


def poll(web: httpx.Client, device_code: str) -> httpx.Response:
    form = {"grant_type": DEVICE, "device_code": device_code, "client_id": "client"}
    return web.post("/v1/oauth/token", data=form)


def started(web: httpx.Client) -> dict[str, str]:
    answer: dict[str, str] = web.post(
        "/v1/oauth/device", data={"client_id": "client", "scope": "user:inference"}
    ).json()
    return answer


def test_device_waits_is_slowed_down_and_is_allowed(web: httpx.Client) -> None:
    device = started(web)
    assert device["verification_uri_complete"].endswith(device["user_code"])
    assert poll(web, device["device_code"]).json()["error"] == "authorization_pending"
    assert poll(web, device["device_code"]).json()["error"] == "slow_down"
    assert device["user_code"] in web.get(device["verification_uri_complete"]).text
    typed = device["user_code"].lower().replace("-", " ")
    assert "connected" in web.post("/device", data={"user_code": typed, "decision": "allow"}).text
    advance(web, 10.1)
    tokens = poll(web, device["device_code"])
    assert tokens.json()["scope"] == "user:inference"
    assert poll(web, device["device_code"]).json()["error"] == "invalid_grant"


def test_device_is_declined(web: httpx.Client) -> None:
    device = started(web)
    web.post("/device", data={"user_code": device["user_code"], "decision": "deny"})
    assert poll(web, device["device_code"]).json()["error"] == "access_denied"


def test_device_expires(web: httpx.Client) -> None:
    device = started(web)
    advance(web, 901)
    assert poll(web, device["device_code"]).json()["error"] == "expired_token"
    assert web.post("/device", data={"user_code": device["user_code"], "decision": "allow"}).status_code == 400


def test_wrong_user_code_is_refused(web: httpx.Client) -> None:
    assert web.post("/device", data={"user_code": "AAAA-AAAA", "decision": "allow"}).status_code == 400
