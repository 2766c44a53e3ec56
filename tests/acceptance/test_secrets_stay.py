"""Secrets lie in Vault and nowhere else: each way to sign in, with its refusals, and then every place is searched."""

import json
import secrets as random
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from deploy.local.options import Options
from deploy.local.person import allow
from deploy.local.stack import Stack
from tests import secret_search
from tests.doors import Browser, quick_environment
from tests.platform import Json, Platform, eventually, running, step
from tests.secret_search import Secrets

pytestmark = [pytest.mark.acceptance, pytest.mark.xdist_group("secrets")]


@dataclass
class Lived:
    """A stack that has seen much, and what to search it for."""

    platform: Platform
    secrets: Secrets
    runs: dict[str, str]


@pytest.fixture(scope="module")
def lived(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lived]:
    data: Path = tmp_path_factory.mktemp("secrets") / "stack"
    with running(Stack(Options(data=data, environ=quick_environment(LOG_LEVEL="DEBUG"), workers=2))) as platform:
        known = Secrets(platform)
        known.add_settings()
        echo_at_vendors(platform, known)
        runs = {
            name: run_id
            for method in (by_login, by_setup_token, by_api_key, by_device)
            for name, run_id in [method(platform, known)]
        }
        knock_in_vain(platform, known)
        known.add_vault()
        yield Lived(platform, known, runs)


def begin(platform: Platform, method: str) -> tuple[str, str]:
    name = platform.repository("octo-org", name=f"by-{method.replace('_', '-')}")
    return name, platform.start(name, auth_method=method, execution_mode="envbuilder")


def asked_again(platform: Platform, run_id: str) -> Json:
    """Wait until the step has asked once more after a refusal."""

    def again() -> Json | None:
        run = platform.run(run_id)
        waits = step(run, "store_claude_credentials")
        return run if run["status"] == "waiting_auth" and waits["state"] == "waiting" else None

    found: Json = eventually(again)
    return found


def echo_at_vendors(platform: Platform, known: Secrets) -> None:
    """Let vendors repeat what they were sent in an error, as careless ones do."""
    stack = platform.stack
    said = {"error": {"message": f"Authentication Error, Received API Key = {stack.env['LITELLM_ADMIN_KEY']}"}}
    platform.fault("litellm", "status", match={"path": "/team/*"}, status=500, body=said)
    wrong = known.values["S3_SECRET_KEY"]
    platform.fault("s3", "answer", match={"method": "PUT"}, status=503, body=f"<Error><Code>{wrong}</Code></Error>")


def by_login(platform: Platform, known: Secrets) -> tuple[str, str]:
    name, run_id = begin(platform, "login")
    url = platform.wait(run_id, "waiting_auth")["oauth_device_url"]
    assert "verifier" in known.add_vault()
    wrong = f"wrong-{random.token_urlsafe(24)}"
    known.add("wrong code", wrong)
    answer = {"code": f"{wrong}#{httpx.URL(url).params['state']}"}
    platform.ask("POST", f"/onboard/{run_id}/auth-callback", answer, status=202)
    url = asked_again(platform, run_id)["oauth_device_url"]
    assert "verifier" in known.add_vault()
    code = allow(url)
    known.add("pasted code", code.partition("#")[0])
    body = {"error": "server_error", "error_description": f"cannot exchange {code.partition('#')[0]} now"}
    platform.fault("sign_in", "status", match={"path": "/v1/oauth/token"}, status=500, body=body)
    platform.ask("POST", f"/onboard/{run_id}/auth-callback", {"code": code}, status=202)
    platform.wait(run_id, "completed")
    assert known.add_vault().count("token") == 2
    return name, run_id


def by_token(platform: Platform, known: Secrets, method: str, kept: str) -> tuple[str, str]:
    """Hand in a refused token, then the good one, which is the sandbox's."""
    name, run_id = begin(platform, method)
    platform.wait(run_id, "waiting_auth")
    wrong = f"refused-{method}-{random.token_urlsafe(24)}"
    known.add(f"refused {method}", wrong)
    platform.ask("POST", f"/onboard/{run_id}/auth-callback", {"access_token": wrong}, status=202)
    asked_again(platform, run_id)
    values = json.loads((platform.stack.options.data / "stack.json").read_text(encoding="utf-8"))["secrets"]
    known.add(method, values[kept])
    platform.ask("POST", f"/onboard/{run_id}/auth-callback", {"access_token": values[kept]}, status=202)
    platform.wait(run_id, "completed")
    return name, run_id


def by_setup_token(platform: Platform, known: Secrets) -> tuple[str, str]:
    return by_token(platform, known, "setup_token", "sign-in-setup-token")


def by_api_key(platform: Platform, known: Secrets) -> tuple[str, str]:
    return by_token(platform, known, "api_key", "sign-in-api-key")


def by_device(platform: Platform, known: Secrets) -> tuple[str, str]:
    name, run_id = begin(platform, "device")
    user_code = platform.wait(run_id, "waiting_auth")["oauth_user_code"]
    assert "device_code" in known.add_vault()
    form = {"user_code": user_code, "decision": "allow"}
    httpx.post(
        f"{platform.stack.sandboxes['sign_in']}/device", data=form, trust_env=False, timeout=60
    ).raise_for_status()
    platform.wait(run_id, "completed")
    return name, run_id


def knock_in_vain(platform: Platform, known: Secrets) -> None:
    """Try doors with what does not open them; none may keep it."""
    url = platform.stack.url
    for name in ("wrong token", "wrong password", "wrong field", "wrong address"):
        known.add(name, f"m6_{random.token_hex(4)}_{random.token_urlsafe(32)}")
    values = known.values
    with httpx.Client(base_url=url, trust_env=False, timeout=60) as stranger:
        headers = {"Authorization": f"Bearer {values['wrong token']}"}
        assert stranger.get("/api/onboard", headers=headers).status_code == httpx.codes.UNAUTHORIZED
        stranger.get("/sign-in")
        form = {"username": "demo", "password": values["wrong password"], "csrfmiddlewaretoken": ""}
        form["csrfmiddlewaretoken"] = stranger.cookies["csrftoken"]
        assert "sessionid" not in stranger.post("/sign-in", data=form, headers={"Referer": url}).cookies
        stranger.get(f"/webhooks/github/{values['wrong address']}")
    refused = platform.http.post("/onboard", json={"repository": "octo-org/x", "token": values["wrong field"]})
    assert refused.status_code == httpx.codes.BAD_REQUEST
    assert values["wrong field"] not in refused.text


def test_every_kind_of_secret_is_known(lived: Lived) -> None:
    kinds = {name.split(":")[1] for name in lived.secrets.values if ":" in name}
    assert kinds == {"secret", "token", "key", "verifier", "device_code"}
    assert len(lived.secrets.values) > 25
    assert all(lived.platform.run(run_id)["status"] == "completed" for run_id in lived.runs.values())


def test_the_database_holds_none(lived: Lived) -> None:
    dump = secret_search.database(lived.platform)
    assert all(run_id.encode() in dump for run_id in lived.runs.values())
    assert lived.secrets.found_in(dump) == []


def test_the_broker_holds_none(lived: Lived) -> None:
    dump = secret_search.broker(lived.platform)
    assert dump
    assert lived.secrets.found_in(dump) == []


def test_no_file_holds_one_logs_and_journals_of_the_servers_among_them(lived: Lived) -> None:
    found = dict(secret_search.files(lived.platform))
    tops = {name.split("/")[0] for name in found}
    assert {"logs", "postgres", "valkey"} <= tops
    marks = [run_id.encode() for run_id in lived.runs.values()]
    for top in ("logs", "postgres", "valkey"):
        assert any(mark in content for name, content in found.items() if name.startswith(top) for mark in marks), top
    assert {name: held for name, content in found.items() if (held := lived.secrets.found_in(content))} == {}


def test_no_command_line_holds_one(lived: Lived) -> None:
    lines = secret_search.commands(lived.platform)
    assert b"uvicorn" in lines
    assert lived.secrets.found_in(lines) == []


def test_no_answer_of_the_api_holds_one(lived: Lived) -> None:
    found = dict(secret_search.answers(lived.platform, lived.runs))
    assert {path: held for path, content in found.items() if (held := lived.secrets.found_in(content))} == {}


def test_no_page_holds_one(lived: Lived) -> None:
    with Browser(lived.platform).signed_in() as browser:
        found = dict(secret_search.pages(browser, lived.runs))
    assert sum(path.endswith("/change/") for path in found) > len(lived.runs)
    assert {path: held for path, content in found.items() if (held := lived.secrets.found_in(content))} == {}


def test_no_vendor_was_told_what_is_not_its_own(lived: Lived) -> None:
    found = dict(secret_search.vendors(lived.platform))
    assert {vendor: held for vendor, content in found.items() if (held := lived.secrets.found_in(content))} == {}
