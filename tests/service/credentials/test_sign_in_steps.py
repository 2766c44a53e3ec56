"""Signing in by a link: from the first address to the active credential."""

from datetime import timedelta

import pytest

from apps.onboarding.words import (
    AuthMethod,
    SignedIn,
)
from apps.projects.credentials import queries, services
from apps.projects.credentials.models import Credential, Login
from apps.projects.credentials.queries import Standing
from apps.projects.credentials.services import BadCode
from apps.projects.credentials.states import LoginState
from meshsix.durable.models import Answer as AnswerRow
from meshsix.durable.outcomes import Skipped
from meshsix.integrations.vault import Absent, Vault
from meshsix.kit import clock
from meshsix.wiring import Clients
from tests.sandboxes import Sandbox
from tests.service.credentials.people import pasted
from tests.service.credentials.runs import OCTO, Run, kept_of, signed_in

pytestmark = pytest.mark.django_db


def test_a_pasted_code_becomes_the_projects_credential(run: Run, vault: Vault, ntfy_sandbox: Sandbox) -> None:
    wait = run.waits()
    assert wait.name == f"sign-in:{run.login.pk}"
    assert wait.asked.who == "operator"
    assert wait.asked.facts["url"].startswith("http")
    run.submit(pasted(run.login.url))
    run.is_answered(wait)
    assert run.initiate() == SignedIn(login_id=str(run.login.pk), method=AuthMethod.LOGIN)
    stored = run.store()
    credential = Credential.objects.get(pk=stored.credential_id)
    assert stored.proven
    assert credential.has_refresh_token
    assert credential.email_address == "octo@example.org"
    assert credential.project.claude_email == "octo@example.org"
    assert run.login.state == LoginState.SUCCEEDED
    assert set(vault.names(f"mesh-six/credentials/{run.project_id}/{credential.pk}")) == {"access", "refresh"}
    with pytest.raises(Absent):
        vault.read(run.login.secret_path)
    assert queries.health(run.project_id).status == Standing.OK
    assert ntfy_sandbox.changes() == ["POST /"]


def test_a_second_run_of_a_signed_in_project_only_reads(run: Run, sign_in: Sandbox, ntfy_sandbox: Sandbox) -> None:
    first = signed_in(run)
    sign_in.forget_requests()
    ntfy_sandbox.forget_requests()
    second = Run(run.clients, project_id=run.project_id)
    with pytest.raises(Skipped) as skipped:
        second.initiate()
    assert first.fingerprint in skipped.value.reason
    assert second.store() == first
    assert sign_in.changes() == ntfy_sandbox.changes() == []
    assert Login.objects.filter(project_id=run.project_id).count() == 1


def test_a_request_without_sign_in_skips_both_steps(clients: Clients) -> None:
    run = Run(clients, skip_auth=True)
    for step in (run.initiate, run.store):
        with pytest.raises(Skipped):
            step()


def test_nothing_is_asked_twice_when_the_step_runs_again(run: Run, ntfy_sandbox: Sandbox) -> None:
    first, second = run.waits(), run.waits()
    assert first.name == second.name
    assert first.asked.facts == second.asked.facts
    assert ntfy_sandbox.changes() == ["POST /"]
    Login.objects.filter(pk=run.login.pk).update(notified_at=None)
    run.waits()
    assert ntfy_sandbox.changes() == ["POST /"], "a crash between notice and record makes no second notice"


def test_a_notice_that_fails_stops_nothing(run: Run, ntfy_sandbox: Sandbox) -> None:
    ntfy_sandbox.fault("status", status=500, times=2)
    run.waits()
    assert run.login.notified_at is None


@pytest.mark.parametrize("text", ["", "short", "no-state-in-this-code", "code with spaces#and-state", "#only-a-state"])
def test_a_paste_that_cannot_be_right_is_told_at_once_and_keeps_the_link(run: Run, text: str) -> None:
    run.waits()
    before = run.login
    with pytest.raises(BadCode):
        run.submit(text)
    assert (run.login.state, run.login.url) == (LoginState.WAITING, before.url)
    assert not AnswerRow.objects.filter(name=before.wait_name).exists()


def test_the_address_of_the_last_page_can_be_pasted_too(run: Run) -> None:
    wait = run.waits()
    code, _, state = pasted(run.login.url).partition("#")
    run.submit(f"https://sign-in.example.org/oauth/code/callback?code={code}&state={state}")
    run.is_answered(wait)
    run.initiate()
    assert run.store().proven


def test_a_foreign_state_gets_a_sentence_and_a_new_link(run: Run) -> None:
    wait = run.waits()
    before = run.login.url
    foreign = Run(run.clients)
    foreign.waits()
    with pytest.raises(BadCode, match="another sign-in"):
        run.submit(pasted(foreign.login.url))
    assert run.login.state == LoginState.WAITING
    assert run.login.url != before
    run.is_answered(wait)
    again = run.waits()
    assert again.name != wait.name
    assert again.asked.facts["url"] == run.login.url
    assert "another sign-in" in again.asked.what
    with pytest.raises(BadCode):
        run.submit(pasted(before))


def test_a_used_code_asks_again_with_a_new_link_and_the_wait_goes_on(run: Run) -> None:
    wait = run.waits()
    text = pasted(run.login.url)
    kept = kept_of(run)
    run.clients.claude.exchange_code(text.partition("#")[0], kept.pkce)
    run.submit(text)
    run.is_answered(wait)
    run.initiate()
    again = run.waits("store")
    assert "wrong, too old or used" in again.asked.what
    assert run.login.state == LoginState.WAITING
    run.submit(pasted(again.asked.facts["url"]))
    run.is_answered(again)
    assert run.store().proven


def test_an_operator_gets_a_new_link_and_the_old_one_is_dead(run: Run, clients: Clients) -> None:
    wait = run.waits()
    before = run.login.url
    services.renew_link(run.login.pk, actor=OCTO, clients=clients)
    run.is_answered(wait)
    again = run.waits()
    assert again.asked.facts["url"] == run.login.url != before
    run.submit(pasted(run.login.url))
    run.is_answered(again)
    run.initiate()
    assert run.store().proven


def test_a_new_sign_in_takes_the_place_of_the_credential_before(run: Run, clients: Clients) -> None:
    first = signed_in(run)
    Credential.objects.filter(pk=first.credential_id).update(expires_at=clock.now() - timedelta(hours=1))
    assert queries.health(run.project_id).has_valid_credential is False
    second = Run(clients, project_id=run.project_id)
    assert signed_in(second).credential_id != first.credential_id
    old = Credential.objects.get(pk=first.credential_id)
    assert old.invalidated_reason == "replaced"
