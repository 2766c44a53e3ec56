"""Storage, LiteLLM, the provider's sign-in and ntfy: what they do, and how what goes wrong is told."""

from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from decimal import Decimal
from functools import partial
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest

from deploy.local.ports import free_port
from meshsix.integrations.claude import (
    Claude,
    CredentialRefused,
    DevicePending,
    GrantRefused,
    Kind,
    Pkce,
    new_pkce,
)
from meshsix.integrations.errors import Conflict, Missing, Refused, TryLater, VendorError
from meshsix.integrations.litellm import LiteLLM, Team
from meshsix.integrations.ntfy import Notice, Ntfy, OpenLink, Priority
from meshsix.integrations.storage import Storage
from tests.sandboxes import Sandbox
from tests.service.credentials.people import allow_device, allowed_code, deny_device

TIMEOUT, PATIENT = timedelta(seconds=0.3), timedelta(seconds=30)
TEAM = Team(
    team_id="mesh-six-env-octo",
    alias="octo-org/bookmarks",
    models=("claude-sonnet",),
    max_budget=Decimal("50.00"),
    budget_duration="30d",
)


def failure(call: Callable[[], object]) -> VendorError:
    with pytest.raises(VendorError) as caught:
        call()
    return caught.value


def test_storage_keeps_lists_and_deletes_objects(storage: Storage) -> None:
    assert not storage.has_bucket()
    storage.create_bucket()
    storage.create_bucket()
    assert storage.has_bucket()
    storage.put("repos/octo-org/bookmarks/a", b"one")
    storage.put("repos/octo-org/bookmarks/b", b"two")
    storage.put("repos/octo-org/other/c", b"three")
    assert storage.get("repos/octo-org/bookmarks/b") == b"two"
    assert [item.key[-1] for item in storage.objects("repos/octo-org/bookmarks/")] == ["a", "b"]
    storage.delete("repos/octo-org/bookmarks/a")
    storage.delete("repos/octo-org/bookmarks/a")
    with pytest.raises(Missing):
        storage.get("repos/octo-org/bookmarks/a")


def test_storage_errors_say_who_must_act_and_nothing_is_asked_twice(storage: Storage, s3: Sandbox) -> None:
    storage.create_bucket()
    s3.forget_requests()
    for status, kind in ((503, TryLater), (500, TryLater), (429, TryLater), (403, Refused)):
        s3.fault("answer", status=status, times=1)
        found = failure(lambda: storage.put("key", b"value"))
        assert isinstance(found, kind), status
        assert not isinstance(found, Missing)
    assert len(s3.requests()) == 4
    dead = Storage(
        endpoint_url=f"http://127.0.0.1:{free_port()}",
        bucket="b",
        region="us-east-1",
        access_key="a",
        secret_key="b",
        timeout=TIMEOUT,
    )
    assert isinstance(failure(dead.has_bucket), TryLater)


def test_a_team_is_made_changed_and_read_back(litellm: LiteLLM) -> None:
    with pytest.raises(Missing):
        litellm.team(TEAM.team_id)
    litellm.create_team(TEAM)
    assert litellm.team(TEAM.team_id) == TEAM
    with pytest.raises(Conflict):
        litellm.create_team(TEAM)
    assert litellm.alive()
    assert "claude-sonnet" in litellm.models()
    litellm.delete_team(TEAM.team_id)
    with pytest.raises(Missing):
        litellm.team(TEAM.team_id)


def test_a_key_is_found_by_its_alias_and_recognised_by_its_value(litellm: LiteLLM) -> None:
    litellm.create_team(TEAM)
    value = litellm.generate_key(alias="one", team_id=TEAM.team_id, models=TEAM.models)
    (key,) = litellm.keys_named("one")
    assert key.is_key(value)
    assert not key.is_key("sk-another")
    with pytest.raises(Conflict):
        litellm.generate_key(alias="one", team_id=TEAM.team_id, models=TEAM.models)
    litellm.delete_key(key)
    assert litellm.keys_named("one") == ()


def test_a_refused_admin_key_says_which_setting_to_correct(litellm_sandbox: Sandbox) -> None:
    with closing(LiteLLM(url=litellm_sandbox.url, admin_key="sk-wrong", timeout=PATIENT)) as stranger:
        found = failure(lambda: stranger.team(TEAM.team_id))
    assert isinstance(found, Refused)
    assert found.code == "litellm:admin-key-refused"
    assert "LITELLM_ADMIN_KEY" in found.hint
    assert "sk-wrong" not in str(found)


@pytest.mark.parametrize(
    ("fault", "timeout", "counts"),
    [
        ({"kind": "status", "status": 502}, PATIENT, True),
        ({"kind": "answer", "status": 429, "headers": {"retry-after": "7"}}, PATIENT, False),
        ({"kind": "drop-before-effect"}, PATIENT, True),
        ({"kind": "timeout", "seconds": 1}, TIMEOUT, True),
    ],
)
def test_a_failing_proxy_is_tried_later_and_asked_once(
    litellm_sandbox: Sandbox, fault: dict[str, object], timeout: timedelta, *, counts: bool
) -> None:
    litellm_sandbox.fault(**{"times": 1, **fault})
    with closing(LiteLLM(url=litellm_sandbox.url, admin_key="planted-master-key", timeout=timeout)) as litellm:
        found = failure(lambda: litellm.team(TEAM.team_id))
    assert isinstance(found, TryLater)
    assert found.counts is counts
    if not counts:
        assert found.pause == timedelta(seconds=7)
    assert len(litellm_sandbox.requests()) == 1


def test_the_authorize_link_carries_an_s256_challenge_and_no_verifier(claude: Claude) -> None:
    pkce = Pkce(verifier="dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk", state="planted-state-1")
    query = parse_qs(urlsplit(claude.authorize_url(pkce)).query)
    assert query["code_challenge"] == ["E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"], "RFC 7636, appendix B"
    assert query["code_challenge_method"] == ["S256"]
    assert query["state"] == ["planted-state-1"]
    assert pkce.verifier not in claude.authorize_url(pkce)


def test_a_code_is_exchanged_once_with_its_own_verifier(claude: Claude) -> None:
    pkce = new_pkce()
    code, state = allowed_code(claude.authorize_url(pkce))
    assert state == pkce.state
    tokens = claude.exchange_code(code, pkce)
    assert tokens.refresh_token
    assert tokens.lasts == timedelta(hours=8)
    assert tokens.account.email_address == "octo@example.org"
    claude.prove(Kind.OAUTH, tokens.access_token)
    assert claude.profile(tokens.access_token).account_uuid == tokens.account.account_uuid
    with pytest.raises(GrantRefused) as used:
        claude.exchange_code(code, pkce)
    assert used.value.code == "claude:invalid_grant"
    other, _ = allowed_code(claude.authorize_url(pkce))
    with pytest.raises(GrantRefused):
        claude.exchange_code(other, new_pkce())


def test_a_refresh_token_gives_a_new_pair_and_dies(claude: Claude) -> None:
    pkce = new_pkce()
    first = claude.exchange_code(allowed_code(claude.authorize_url(pkce))[0], pkce)
    second = claude.refresh(first.refresh_token)
    assert second.access_token != first.access_token
    claude.prove(Kind.OAUTH, second.access_token)
    with pytest.raises(GrantRefused):
        claude.refresh(first.refresh_token)


def test_each_kind_of_credential_is_proven_by_one_call(claude: Claude, sign_in: Sandbox) -> None:
    claude.prove(Kind.SETUP_TOKEN, "planted-setup-token-0001")
    claude.prove(Kind.API_KEY, "planted-api-key-0001")
    assert sign_in.changes() == []
    assert len(sign_in.requests()) == 2
    for kind in Kind:
        with pytest.raises(CredentialRefused) as refused:
            claude.prove(kind, "planted-wrong-value")
        assert "planted-wrong-value" not in str(refused.value)
    sign_in.fault("status", status=529, times=1)
    with pytest.raises(TryLater):
        claude.prove(Kind.API_KEY, "planted-api-key-0001")


def test_the_device_flow_ends_as_the_person_decides(claude: Claude, sign_in: Sandbox) -> None:
    second = timedelta(seconds=1)
    grant = claude.start_device()
    with pytest.raises(DevicePending) as pending:
        claude.poll_device(grant.device_code, interval=second)
    assert pending.value.pause == second
    assert not pending.value.counts
    with pytest.raises(DevicePending) as too_soon:
        claude.poll_device(grant.device_code, interval=second)
    assert too_soon.value.pause == timedelta(seconds=6), "slow_down adds five seconds"
    allow_device(grant.url, grant.user_code)
    advance(sign_in, 20)
    assert claude.poll_device(grant.device_code, interval=second).refresh_token
    refused = claude.start_device()
    deny_device(refused.url, refused.user_code)
    with pytest.raises(GrantRefused) as denied:
        claude.poll_device(refused.device_code, interval=second)
    assert denied.value.code == "claude:access_denied"
    late = claude.start_device()
    advance(sign_in, late.lasts.total_seconds() + 1)
    with pytest.raises(GrantRefused) as expired:
        claude.poll_device(late.device_code, interval=second)
    assert expired.value.code == "claude:expired_token"


def advance(server: Sandbox, seconds: float) -> None:
    httpx.post(f"{server.url}/_sandbox/clock", json={"advance_seconds": seconds}, timeout=60).raise_for_status()


def test_a_notice_carries_its_address_buttons_and_priority(ntfy: Ntfy, ntfy_sandbox: Sandbox) -> None:
    notice = Notice(
        title="Sign-in needed",
        message="Open the address.",
        click="https://mesh.example.org/onboarding/1#sign-in-1",
        actions=(OpenLink(label="Sign in", url="https://sign-in.example.org/oauth"),),
        priority=Priority.HIGH,
        tags=("key",),
        key="sign-in-1",
    )
    assert not ntfy.holds(notice)
    ntfy.publish(notice)
    assert ntfy.holds(notice)
    with closing(Ntfy(url=ntfy_sandbox.url, topic="mesh-six", token="wrong", timeout=PATIENT)) as stranger:
        assert isinstance(failure(lambda: stranger.publish(notice)), Refused)


def test_no_error_names_a_topic_since_who_knows_it_reads_it(ntfy_sandbox: Sandbox) -> None:
    for url in (ntfy_sandbox.url, "http://127.0.0.1:9"):
        with closing(Ntfy(url=url, topic="topic-7f3a", token="wrong", timeout=PATIENT)) as stranger:
            for error in (failure(stranger.listens), failure(partial(stranger.sent, "a-key"))):
                assert "topic-7f3a" not in str(error)
