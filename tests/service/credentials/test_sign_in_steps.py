"""Signing in, from the first link to the active credential: every ending, every crash, every wrong answer."""

import uuid
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import httpx
import pytest
from django.db import connection

from apps.onboarding.steps import sign_in as steps
from apps.onboarding.words import (
    Ask,
    AuthMethod,
    CredentialStored,
    CredentialWanted,
    ModelBudget,
    Registered,
    SignedIn,
    SignInWanted,
)
from apps.projects.credentials import keeping, logins, queries, services
from apps.projects.credentials.models import Credential, Login
from apps.projects.credentials.queries import Standing
from apps.projects.credentials.services import BadCode
from apps.projects.credentials.states import LoginState
from meshsix.durable.definition import Answer, StepFacts
from meshsix.durable.models import Answer as AnswerRow
from meshsix.durable.outcomes import Permanent, Skipped, WaitFor
from meshsix.integrations.errors import TryLater
from meshsix.integrations.vault import Absent, Vault
from meshsix.kit import clock, names
from meshsix.kit.actor import Actor, ActorKind, Door
from meshsix.live.models import Event
from meshsix.wiring import Clients
from tests.sandboxes import Sandbox
from tests.service.credentials.conftest import claude_at
from tests.service.credentials.people import allow_device, deny_device, pasted

pytestmark = pytest.mark.django_db
OCTO = Actor(kind=ActorKind.USER, name="octo", door=Door.API)


@dataclass
class Run:
    """One onboarding's two steps, called as the engine calls them."""

    clients: Clients
    method: AuthMethod = AuthMethod.LOGIN
    skip_auth: bool = False
    run_id: UUID = field(default_factory=uuid.uuid4)
    project_id: str = field(default_factory=lambda: f"env-{uuid.uuid4().hex[:8]}")
    answer: Answer | None = None
    signed_in: SignedIn | None = None
    attempt: int = 1

    def __post_init__(self) -> None:
        services.ensure_project(self.project_id, display_name="Bookmarks")

    @property
    def ask(self) -> Ask:
        budget = ModelBudget(team_alias="octo", default_model="claude-sonnet", max_budget=Decimal(1))
        return Ask(
            repo_owner="octo-org",
            repo_name="bookmarks",
            display_name="Bookmarks",
            auth_method=self.method,
            skip_auth=self.skip_auth,
            litellm=budget,
        )

    @property
    def registered(self) -> Registered:
        return Registered(project_id="p", env_name="e", credential_project_id=self.project_id, created=True)

    @property
    def facts(self) -> StepFacts:
        now = clock.now()
        return StepFacts(
            run_id=self.run_id,
            step="s",
            attempt=self.attempt,
            first_started_at=now,
            deadline=now + timedelta(minutes=1),
        )

    def initiate(self) -> SignedIn:
        wanted = SignInWanted(ask=self.ask, register_in_database=self.registered, answer=self.answer, this=self.facts)
        self.signed_in = steps.initiate_claude_oauth(wanted, self.clients)
        self.answer = None
        return self.signed_in

    def store(self) -> CredentialStored:
        wanted = CredentialWanted(
            ask=self.ask,
            register_in_database=self.registered,
            initiate_claude_oauth=self.signed_in,
            answer=self.answer,
            this=self.facts,
        )
        return steps.store_claude_credentials(wanted, self.clients)

    def waits(self, step: str = "initiate") -> WaitFor:
        with pytest.raises(WaitFor) as wait:
            getattr(self, step)()
        return wait.value

    def fails(self, step: str = "initiate") -> str:
        with pytest.raises(Permanent) as failed:
            getattr(self, step)()
        assert failed.value.hint
        return failed.value.code

    def is_answered(self, wait: WaitFor, *, timed_out: bool = False) -> None:
        """Hand the step the answer that the engine would."""
        if not timed_out:
            assert AnswerRow.objects.filter(name=wait.name).exists(), "somebody must have woken the step"
        self.answer = Answer(id="a", name=wait.name, payload={}, timed_out=timed_out)

    @property
    def login(self) -> Login:
        found = Login.objects.filter(run_id=self.run_id).first()
        assert found
        return found

    def submit(self, text: str) -> Login:
        return services.submit_code(self.login.pk, text, actor=OCTO, clients=self.clients)


@pytest.fixture
def run(clients: Clients) -> Run:
    return Run(clients)


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


def signed_in(run: Run) -> CredentialStored:
    wait = run.waits()
    run.submit(pasted(run.login.url))
    run.is_answered(wait)
    run.initiate()
    return run.store()


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
    kept = services_kept(run)
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


def services_kept(run: Run) -> logins.Kept:
    return logins.secrets.kept(run.clients.vault, run.login.secret_path)


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


def test_the_code_is_accepted_three_days_later_where_the_wait_allows(run: Run, settings: pytest.FixtureRequest) -> None:
    settings.SIGN_IN_WAIT = timedelta(days=7)
    wait = run.waits()
    with clock.moved(timedelta(days=3)):
        run.submit(pasted(run.login.url))
        run.is_answered(wait)
        run.initiate()
        assert run.store().proven


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


def advance(server: Sandbox, seconds: float) -> None:
    httpx.post(f"{server.url}/_sandbox/clock", json={"advance_seconds": seconds}).raise_for_status()


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


def test_a_cancelled_run_forgets_its_sign_in(run: Run, clients: Clients, vault: Vault) -> None:
    run.waits()
    services.cancel_of(run.run_id, actor=OCTO, clients=clients)
    services.cancel_of(run.run_id, actor=OCTO, clients=clients)
    assert run.login.state == LoginState.CANCELLED
    with pytest.raises(Absent):
        vault.read(run.login.secret_path)


def test_the_same_token_again_changes_nothing(clients: Clients) -> None:
    first = Run(clients, method=AuthMethod.API_KEY)
    wait = first.waits()
    first.submit("planted-api-key-0001")
    first.is_answered(wait)
    first.initiate()
    stored = first.store()
    login = logins.start_login(
        first.project_id, logins.LoginMethod.API_KEY, run_id=uuid.uuid4(), actor=OCTO, clients=clients
    )
    services.submit_code(login.pk, "planted-api-key-0001", actor=OCTO, clients=clients)
    login.refresh_from_db()
    patience = keeping.Patience(waits_for_proof=True)
    assert str(keeping.settle(login, clients=clients, patience=patience).pk) == stored.credential_id
    assert Credential.objects.filter(project_id=first.project_id).count() == 1


def test_a_new_sign_in_takes_the_place_of_the_credential_before(run: Run, clients: Clients) -> None:
    first = signed_in(run)
    Credential.objects.filter(pk=first.credential_id).update(expires_at=clock.now() - timedelta(hours=1))
    assert queries.health(run.project_id).has_valid_credential is False
    second = Run(clients, project_id=run.project_id)
    assert signed_in(second).credential_id != first.credential_id
    old = Credential.objects.get(pk=first.credential_id)
    assert old.invalidated_reason == "replaced"


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
    kept = services_kept(run)
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
