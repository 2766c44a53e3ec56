"""The MCP server as the official client library sees it, over stdio and over HTTP."""

import asyncio
import os
import subprocess
import sys
from dataclasses import dataclass

import httpx2
import pytest
from django.conf import settings
from django.core.cache import cache
from mcp import Client
from mcp.client.stdio import StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from mcp_types import CallToolResult

from apps.onboarding.models import Onboarding
from apps.projects.credentials import services as credentials
from apps.projects.credentials.models import AccessToken, Scope
from apps.webhooks.intake import compressed
from apps.webhooks.models import Delivery
from meshsix.kit.actor import SYSTEM
from meshsix.web import limits
from tests import boards
from tests.tree import BASE
from tests.web_process import WebProcess, person

pytestmark = pytest.mark.django_db(transaction=True)

SEEN = {"get-onboarding-status", "list-deliveries"}
ALL = {*SEEN, "onboard-project", "submit-oauth-code", "replay-delivery"}


@pytest.fixture(autouse=True)
def _nobody_called_before() -> None:
    """Forget what the limits have counted."""
    cache.clear()


def token(role: str, scope: Scope) -> str:
    return str(credentials.issue_token(owner=person(role, role), scopes=[scope], actor=SYSTEM).plaintext)


@dataclass(frozen=True, kw_only=True)
class Talk:
    """What a client was shown and told."""

    tools: set[str]
    answers: list[CallToolResult]


Call = tuple[str, dict[str, object]]


async def _talk(client: Client, calls: tuple[Call, ...]) -> Talk:
    async with client:
        tools = {tool.name for tool in (await client.list_tools()).tools}
        return Talk(tools=tools, answers=[await client.call_tool(name, given) for name, given in calls])


def over_http(web: WebProcess, plaintext: str, *calls: Call) -> Talk:
    async def talk() -> Talk:
        async with httpx2.AsyncClient(headers={"Authorization": f"Bearer {plaintext}"}, timeout=60) as http:
            return await _talk(Client(streamable_http_client(f"{web.http}/mcp", http_client=http)), calls)

    return asyncio.run(talk())


def over_stdio(username: str, *calls: Call) -> Talk:
    words = ["manage.py", "mcp", "--as", username]
    server = StdioServerParameters(command=sys.executable, args=words, env=own_environment(), cwd=str(BASE))
    return asyncio.run(_talk(Client(server), calls))


def own_environment() -> dict[str, str]:
    """Return an environment that leads to the database of this test."""
    url = "postgresql://{USER}:{PASSWORD}@{HOST}:{PORT}/{NAME}".format(**settings.DATABASES["default"])
    return {**os.environ, "DATABASE_URL": url, "DJANGO_SETTINGS_MODULE": "meshsix.settings"}


def said(answer: CallToolResult) -> str:
    """Return the words of a tool error."""
    assert answer.is_error
    return str(getattr(answer.content[0], "text", ""))


def test_an_operator_starts_and_follows_an_onboarding_over_http(web: WebProcess) -> None:
    start: Call = ("onboard-project", {"repository": "octo-org/bookmarks"})
    status: Call = ("get-onboarding-status", {"onboarding": "octo-org/bookmarks"})
    submit: Call = ("submit-oauth-code", {"onboarding": "octo-org/bookmarks", "code": "a#b"})
    seen = over_http(web, token("operator", Scope.OPERATE), start, start, status, submit)
    assert seen.tools == ALL
    row = Onboarding.objects.get()
    for answer in seen.answers[:3]:
        assert answer.structured_content is not None
        assert answer.structured_content["id"] == str(row.pk)
        assert len(answer.structured_content["steps"]) == 15
    assert "does not wait for a sign-in" in said(seen.answers[3])


@pytest.mark.parametrize(("role", "scope"), [("viewer", Scope.READ), ("operator", Scope.READ)])
def test_role_and_scope_decide_which_tools_are_listed_and_may_be_called(
    web: WebProcess, role: str, scope: Scope
) -> None:
    seen = over_http(web, token(role, scope), ("onboard-project", {"repository": "octo-org/bookmarks"}))
    assert seen.tools == SEEN
    assert "needs the role operator" in said(seen.answers[0])
    assert not Onboarding.objects.exists()


def test_deliveries_are_listed_and_replayed_over_http(web: WebProcess) -> None:
    hidden = boards.project("octo-org/else", group="insiders")
    facts = {"event": "star", "payload": compressed(b"{}"), "state": "ignored"}
    for guid, project in (("g-1", boards.project()), ("h-1", hidden)):
        Delivery.objects.create(guid=guid, project=project, reason="stars decide nothing here", **facts)
    listing: Call = ("list-deliveries", {"state": "ignored", "limit": 5})
    replays: tuple[Call, ...] = tuple(("replay-delivery", {"guid": guid}) for guid in ("g-1", "g-1", "h-1"))
    viewer = over_http(web, token("viewer", Scope.READ), listing, *replays[:1])
    (seen,) = listed(viewer.answers[0])
    assert (seen["guid"], seen["reason"]) == ("g-1", "stars decide nothing here")
    assert "needs the role operator" in said(viewer.answers[1])
    done, again, not_there = over_http(web, token("operator", Scope.OPERATE), *replays).answers
    assert done.structured_content is not None
    assert (done.structured_content["guid"], done.structured_content["state"]) == ("g-1", "received")
    assert "still to be handled" in said(again)
    assert "no delivery 'h-1'" in said(not_there)
    assert dict(Delivery.objects.values_list("guid", "state")) == {"g-1": "received", "h-1": "ignored"}


def listed(answer: CallToolResult) -> list[dict[str, object]]:
    """Return the deliveries of a listing."""
    assert answer.structured_content is not None
    found: list[dict[str, object]] = answer.structured_content["deliveries"]
    return found


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Bearer nonsense"}])
def test_http_without_a_good_token_is_401(web: WebProcess, headers: dict[str, str]) -> None:
    assert httpx2.post(f"{web.http}/mcp", json={}, headers=headers, timeout=60).status_code == 401


def test_bad_tokens_are_counted_by_address_and_requests_are_named(web: WebProcess) -> None:
    headers = {"Authorization": "Bearer nonsense", "X-Request-ID": "abcdefgh-1"}
    answers = [
        httpx2.post(f"{web.http}/mcp", json={}, headers=headers, timeout=60) for _ in range(42)
    ]  # a new minute may begin
    assert {answer.status_code for answer in answers} == {401, 429}
    assert [answer.status_code for answer in answers[:20]] == [401] * 20
    assert {answer.headers["X-Request-ID"] for answer in answers} == {"abcdefgh-1"}
    limited = next(answer for answer in answers if answer.status_code == 429)
    assert limited.json()["code"] == "rate_limited"
    cache.clear()


def test_calls_of_a_token_are_limited_as_those_of_the_api(web: WebProcess) -> None:
    plaintext = token("operator", Scope.OPERATE)
    row = AccessToken.objects.get()
    for _ in range(limits.limit_of("trigger")):
        limits.take("trigger", f"token:{row.pk}")
    start: Call = ("onboard-project", {"repository": "octo-org/bookmarks"})
    assert "rate_limited" in said(over_http(web, plaintext, start).answers[0])
    assert not Onboarding.objects.exists()


def test_a_wrong_host_is_refused(web: WebProcess) -> None:
    headers = {"Authorization": f"Bearer {token('viewer', Scope.READ)}", "Host": "evil.example.org"}
    body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
    answer = httpx2.post(
        f"{web.http}/mcp", json=body, headers={**headers, "Accept": "application/json, text/event-stream"}, timeout=60
    )
    assert answer.status_code in {400, 403, 421}


def test_bad_input_is_a_tool_error_that_names_the_field() -> None:
    person("operator", "operator")
    bad: Call = ("onboard-project", {"repository": "no-slash"})
    missing: Call = ("get-onboarding-status", {"onboarding": "octo-org/nothing"})
    seen = over_stdio("operator", bad, missing)
    assert seen.tools == ALL
    assert "repository: " in said(seen.answers[0])
    assert "no onboarding" in said(seen.answers[1])


def test_stdio_for_nobody_ends_with_a_sentence_and_protocol_alone_on_stdout() -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", "mcp", "--as", "nobody"],
        capture_output=True,
        env=own_environment(),
        cwd=BASE,
        check=False,
        text=True,
        timeout=60,
    )
    assert done.returncode == 2
    assert done.stdout == ""
    assert "no active account 'nobody'" in done.stderr
