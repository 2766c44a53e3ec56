"""One onboarding's two steps of the sign-in, called as the engine calls them."""

import uuid
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

import httpx
import pytest

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
from apps.projects.credentials import services
from apps.projects.credentials.models import Login
from apps.projects.credentials.secrets import Kept, kept
from meshsix.durable.definition import Answer, StepFacts
from meshsix.durable.models import Answer as AnswerRow
from meshsix.durable.outcomes import Permanent, WaitFor
from meshsix.kit import clock
from meshsix.kit.actor import Actor, ActorKind, Door
from meshsix.wiring import Clients
from tests.sandboxes import Sandbox
from tests.service.credentials.people import pasted

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


def signed_in(run: Run) -> CredentialStored:
    wait = run.waits()
    run.submit(pasted(run.login.url))
    run.is_answered(wait)
    run.initiate()
    return run.store()


def kept_of(run: Run) -> Kept:
    return kept(run.clients.vault, run.login.secret_path)


def advance(server: Sandbox, seconds: float) -> None:
    httpx.post(f"{server.url}/_sandbox/clock", json={"advance_seconds": seconds}, timeout=60).raise_for_status()
