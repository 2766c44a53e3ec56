"""Signing in by a pasted token or key, and by a device."""

import uuid
from contextlib import closing

import pytest

from apps.onboarding.words import (
    AuthMethod,
)
from apps.projects.credentials import keeping, logins, services
from apps.projects.credentials.models import Credential, LoginMethod
from apps.projects.credentials.services import BadCode
from meshsix.durable.outcomes import WaitFor
from meshsix.integrations.vault import Absent
from meshsix.kit import names
from meshsix.wiring import Clients
from tests.sandboxes import Sandbox
from tests.service.credentials.people import allow_device, deny_device
from tests.service.credentials.runs import OCTO, Run, advance
from tests.service.credentials.vendors import claude_at

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    ("method", "token", "kind"),
    [
        (AuthMethod.SETUP_TOKEN, "planted-setup-token-0001", "setup_token"),
        (AuthMethod.API_KEY, "planted-api-key-0001", "api_key"),
    ],
)
def test_a_pasted_token_is_proven_and_kept(clients: Clients, method: AuthMethod, token: str, kind: str) -> None:
    run = Run(clients, method=method)
    wait = run.waits()
    with pytest.raises(BadCode):
        run.submit("two words")
    run.submit("planted-wrong-token-value")
    run.is_answered(wait)
    run.initiate()
    again = run.waits("store")
    assert "does not accept" in again.asked.what
    assert Credential.objects.filter(project_id=run.project_id).count() == 0
    services.submit_token(run.login.pk, access_token=token, actor=OCTO, clients=clients)
    run.is_answered(again)
    stored = run.store()
    assert (stored.kind, stored.proven) == (kind, True)
    assert bool(stored.expires_at) is (kind == "setup_token")
    wrong = names.login_path(run.project_id, str(run.login.pk))
    with pytest.raises(Absent):
        clients.vault.read(wrong)


@pytest.fixture
def device(clients: Clients) -> Run:
    return Run(clients, method=AuthMethod.DEVICE)


def polled(run: Run, sign_in: Sandbox, wait: WaitFor, *, step: str = "initiate") -> WaitFor:
    advance(sign_in, 30)
    run.is_answered(wait, timed_out=True)
    return run.waits(step)


def test_a_device_sign_in_shows_its_code_and_completes_by_itself(device: Run, sign_in: Sandbox) -> None:
    wait = device.waits()
    assert wait.asked.facts["user_code"] == device.login.user_code
    with pytest.raises(BadCode, match=device.login.user_code):
        device.submit("12345678#12345678")
    again = polled(device, sign_in, wait)
    assert again.name != wait.name, "each wait has a name of its own"
    assert again.asked.facts == wait.asked.facts
    allow_device(device.login.url, device.login.user_code)
    advance(sign_in, 30)
    device.is_answered(again, timed_out=True)
    device.initiate()
    assert device.store().kind == "oauth"


def test_a_device_sign_in_that_is_denied_or_too_late_says_so(device: Run, sign_in: Sandbox) -> None:
    wait = device.waits()
    late = device.login.user_code
    advance(sign_in, 1000)
    again = polled(device, sign_in, wait)
    assert device.login.user_code != late
    assert "not typed in time" in again.asked.what
    deny_device(device.login.url, device.login.user_code)
    advance(sign_in, 30)
    device.is_answered(again, timed_out=True)
    assert device.fails() == "onboard:sign-in:declined"


def test_slow_down_makes_the_next_look_later(device: Run, sign_in: Sandbox) -> None:
    wait = device.waits()
    first = polled(device, sign_in, wait)
    device.is_answered(first, timed_out=True)
    device.waits()
    assert device.login.poll_seconds == 6


def test_a_way_that_is_not_configured_says_which_settings_are_missing(clients: Clients, sign_in: Sandbox) -> None:
    with closing(claude_at(sign_in, client_id="")) as nowhere:
        clients.__dict__["claude"] = nowhere
        for method in (AuthMethod.LOGIN, AuthMethod.DEVICE):
            assert Run(clients, method=method).fails() == "onboard:sign-in:not-configured"


def test_the_same_token_again_changes_nothing(clients: Clients) -> None:
    first = Run(clients, method=AuthMethod.API_KEY)
    wait = first.waits()
    first.submit("planted-api-key-0001")
    first.is_answered(wait)
    first.initiate()
    stored = first.store()
    login = logins.start_login(first.project_id, LoginMethod.API_KEY, run_id=uuid.uuid4(), actor=OCTO, clients=clients)
    services.submit_code(login.pk, "planted-api-key-0001", actor=OCTO, clients=clients)
    login.refresh_from_db()
    patience = keeping.Patience(waits_for_proof=True)
    assert str(keeping.settle(login, clients=clients, patience=patience).pk) == stored.credential_id
    assert Credential.objects.filter(project_id=first.project_id).count() == 1
