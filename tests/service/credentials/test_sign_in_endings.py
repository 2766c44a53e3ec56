"""How a sign-in ends: refused, declined, too late, replaced, and after every crash."""

from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta

import pytest
from django.db import connection
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings

from apps.onboarding.steps import sign_in as steps
from apps.projects.credentials import keeping, queries, services
from apps.projects.credentials.models import Credential, Login
from apps.projects.credentials.queries import Standing
from apps.projects.credentials.services import BadCode
from apps.projects.credentials.states import LoginState, NotPossible
from meshsix.durable.outcomes import Skipped
from meshsix.integrations.errors import TryLater
from meshsix.integrations.vault import Absent, Vault
from meshsix.kit import clock
from meshsix.live.models import Event
from meshsix.wiring import Clients
from tests.sandboxes import Sandbox
from tests.service.credentials.people import pasted
from tests.service.credentials.runs import OCTO, Run, kept_of, signed_in
from tests.service.credentials.vendors import claude_at

pytestmark = pytest.mark.django_db


def test_too_many_refused_codes_end_it_with_a_hint_and_a_resume_starts_anew(run: Run, sign_in: Sandbox) -> None:
    wait = run.waits()
    sign_in.fault("answer", status=400, body={"error": "invalid_grant"}, times=5, match={"path": "/v1/oauth/token"})
    run.submit(pasted(run.login.url))
    run.is_answered(wait)
    run.initiate()
    for _ in range(steps.MOST_REFUSALS - 1):
        wait = run.waits("store")
        run.submit(pasted(wait.asked.facts["url"]))
        run.is_answered(wait)
    assert run.fails("store") == "onboard:sign-in:code-refused"
    assert run.login.state == LoginState.FAILED
    run.answer = None
    resumed = run.waits("store")
    run.submit(pasted(resumed.asked.facts["url"]))
    run.is_answered(resumed)
    assert run.store().proven


def test_a_provider_that_does_not_know_us_ends_it_at_once(run: Run, sign_in: Sandbox) -> None:
    with closing(claude_at(sign_in, client_id="client-of-tests")) as known:
        run.clients.__dict__["claude"] = known
        wait = run.waits()
        text = pasted(run.login.url)
    run.submit(text)
    run.is_answered(wait)
    run.initiate()
    with closing(claude_at(sign_in, client_id="unknown-client")) as unknown:
        run.clients.__dict__["claude"] = unknown
        assert run.fails("store") == "onboard:sign-in:client-refused"


def test_a_provider_that_is_away_is_waited_for_with_the_code_safe_in_vault(run: Run, sign_in: Sandbox) -> None:
    wait = run.waits()
    run.submit(pasted(run.login.url))
    run.is_answered(wait)
    run.initiate()
    sign_in.fault("drop-before-effect", times=2, match={"path": "/v1/oauth/token"})
    for _ in range(2):
        with pytest.raises(TryLater):
            run.store()
    assert run.store().proven


def test_an_answer_that_was_lost_on_the_wire_asks_for_a_new_code(run: Run, sign_in: Sandbox) -> None:
    wait = run.waits()
    run.submit(pasted(run.login.url))
    run.is_answered(wait)
    run.initiate()
    sign_in.fault("drop-after-effect", times=1, match={"path": "/v1/oauth/token"})
    with pytest.raises(TryLater):
        run.store()
    again = run.waits("store")
    run.submit(pasted(again.asked.facts["url"]))
    run.is_answered(again)
    assert run.store().proven


def test_a_crash_after_the_exchange_exchanges_nothing_twice(run: Run, sign_in: Sandbox) -> None:
    wait = run.waits()
    run.submit(pasted(run.login.url))
    run.is_answered(wait)
    run.initiate()
    sign_in.fault("drop-before-effect", times=1, match={"path": "/v1/models"})
    with pytest.raises(TryLater):
        run.store()
    exchanges = [entry for entry in sign_in.changes() if entry.endswith("/token")]
    first = run.store()
    assert [entry for entry in sign_in.changes() if entry.endswith("/token")] == exchanges
    assert run.store() == first, "a step that runs again after its record finds the same credential"
    assert Credential.objects.filter(project_id=run.project_id).count() == 1


def test_without_the_provider_the_credential_is_kept_unproven_and_proven_later(run: Run, sign_in: Sandbox) -> None:
    wait = run.waits()
    run.submit(pasted(run.login.url))
    run.is_answered(wait)
    run.initiate()
    sign_in.fault("status", status=529, match={"path": "/v1/models"}, times=None)
    run.attempt = 3
    assert not run.store().proven
    assert queries.health(run.project_id).status == Standing.UNPROVEN
    sign_in.no_faults()
    again = Run(run.clients, project_id=run.project_id)
    assert again.store().proven


def test_declined_expired_and_replaced_end_with_their_own_codes(run: Run, clients: Clients, vault: Vault) -> None:
    wait = run.waits()
    services.decline(run.login.pk, actor=OCTO, clients=clients)
    run.is_answered(wait)
    assert run.fails() == "onboard:sign-in:declined"
    with pytest.raises(Absent):
        vault.read(run.login.secret_path)
    run.answer = None
    wait = run.waits()
    with clock.moved(timedelta(hours=24)):
        with pytest.raises(BadCode, match="over"):
            run.submit("12345678#12345678")
        run.is_answered(wait, timed_out=True)
        assert run.fails() == "onboard:sign-in:expired"
        run.answer = None
        wait = run.waits()
        assert run.login.state == LoginState.WAITING
    other = Run(clients, project_id=run.project_id)
    other.waits()
    run.is_answered(wait)
    assert run.fails() == "onboard:sign-in:replaced"
    with pytest.raises(Absent):
        vault.read(run.login.secret_path)


def test_the_code_is_accepted_three_days_later_where_the_wait_allows(run: Run, settings: Settings) -> None:
    settings.SIGN_IN_WAIT = timedelta(days=7)
    wait = run.waits()
    with clock.moved(timedelta(days=3)):
        run.submit(pasted(run.login.url))
        run.is_answered(wait)
        run.initiate()
        assert run.store().proven


def test_a_cancelled_run_forgets_its_sign_in_once_that_is_committed(
    run: Run, clients: Clients, vault: Vault, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    run.waits()
    with django_capture_on_commit_callbacks(execute=True):
        services.cancel_of(run.run_id, actor=OCTO, clients=clients)
        services.cancel_of(run.run_id, actor=OCTO, clients=clients)
        vault.read(run.login.secret_path)  # still there: nothing is taken away before the commit
    assert run.login.state == LoginState.CANCELLED
    with pytest.raises(Absent):
        vault.read(run.login.secret_path)


def exchanged(run: Run, sign_in: Sandbox) -> Login:
    """Come as far as tokens in Vault that are not proven yet."""
    wait = run.waits()
    run.submit(pasted(run.login.url))
    run.is_answered(wait)
    run.initiate()
    sign_in.fault("drop-before-effect", times=1, match={"path": "/v1/models"})
    with pytest.raises(TryLater):
        run.store()
    assert run.clients.vault.names(f"mesh-six/credentials/{run.project_id}")
    return run.login


def test_a_run_that_is_cancelled_after_the_exchange_leaves_no_tokens(
    run: Run, sign_in: Sandbox, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    exchanged(run, sign_in)
    with django_capture_on_commit_callbacks(execute=True):
        services.cancel_of(run.run_id, actor=OCTO, clients=run.clients)
    assert run.clients.vault.names(f"mesh-six/credentials/{run.project_id}") == ()


def test_a_step_that_comes_too_late_takes_its_tokens_away(run: Run, sign_in: Sandbox) -> None:
    login = exchanged(run, sign_in)
    services.cancel_of(run.run_id, actor=OCTO, clients=run.clients)  # who cancelled died before Vault was told
    with pytest.raises(NotPossible):
        keeping.settle(login, clients=run.clients, patience=keeping.Patience(waits_for_proof=True))
    assert run.clients.vault.names(f"mesh-six/credentials/{run.project_id}") == ()


def test_a_credential_that_the_provider_no_longer_takes_asks_for_a_new_sign_in(run: Run, sign_in: Sandbox) -> None:
    signed_in(run)
    sign_in.reset()
    second = Run(run.clients, project_id=run.project_id)
    with pytest.raises(Skipped):
        second.initiate()
    wait = second.waits("store")
    second.submit(pasted(second.login.url))
    second.is_answered(wait)
    assert second.store().proven


def test_planted_secrets_are_found_in_vault_and_nowhere_else(run: Run, vault: Vault) -> None:
    wait = run.waits()
    kept = kept_of(run)
    text = pasted(run.login.url)
    run.submit(text)
    run.is_answered(wait)
    run.initiate()
    stored = run.store()
    path = f"mesh-six/credentials/{run.project_id}/{stored.credential_id}"
    secrets = [kept.verifier, text.partition("#")[0]]
    secrets += [vault.read(f"{path}/{part}").data["token"] for part in ("access", "refresh")]
    dump = "\n".join(everything_in_the_database())
    assert run.project_id in dump
    for secret in secrets:
        assert secret not in dump
    types = set(Event.objects.filter(aggregate_id=f"credentials:{run.project_id}").values_list("event_type", flat=True))
    assert types == {"login-started", "login-succeeded", "credential-refreshed"}


def everything_in_the_database() -> Iterator[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'")
        tables = [row[0] for row in cursor.fetchall()]
        for table in tables:
            cursor.execute(f'SELECT t::text FROM "{table}" AS t')  # noqa: S608 - names of our own tables
            yield from (row[0] for row in cursor.fetchall())
