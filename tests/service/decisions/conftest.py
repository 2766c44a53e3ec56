"""Waits of every kind: an approval, a sign-in and a choice of boards."""

from datetime import timedelta
from uuid import UUID

import pytest
from pytest_django import Settings

from apps.agents.registry.models import Task
from apps.onboarding import services
from apps.onboarding.models import Onboarding
from apps.onboarding.serializers import ask_from
from apps.projects.credentials import services as credentials
from apps.projects.credentials.models import Login, LoginMethod
from meshsix.durable import registry
from meshsix.durable.models import StepRow
from meshsix.durable.states import StepState
from meshsix.kit import clock
from meshsix.kit.actor import SYSTEM
from tests.service.registry.conftest import Office, deployment, office

__all__ = ["deployment", "office"]


class Waits:
    """Lets things wait for people."""

    def __init__(self, office: Office) -> None:
        self.office = office
        office.register("careful")

    def approval(self, **more: object) -> Task:
        """Return a task of anna's for which careful must be approved."""
        return self.office.submit("change", **more)

    def sign_in(self, name: str = "octo-org/bookmarks") -> Onboarding:
        """Return an onboarding that waits for a sign-in, as its step leaves it."""
        row, key = self.start(name), f"env-{name.replace('/', '-')}"
        credentials.ensure_project(key, display_name=name)
        Login.objects.create(
            project_id=key,
            run_id=row.pk,
            method=LoginMethod.API_KEY,
            expires_at=clock.now() + timedelta(hours=1),
            secret_path=f"mesh-six/logins/{key}/one",
        )
        return row

    def choice(self, name: str = "octo-org/links") -> Onboarding:
        """Return an onboarding that waits for a choice of boards, as its step leaves it."""
        row = self.start(name)
        StepRow.objects.filter(run_id=row.pk, name="create_project_board").update(
            state=StepState.WAITING,
            wait_name=f"choose-board:{row.pk}",
            wait_since=clock.now(),
            wait_until=clock.now() + timedelta(hours=1),
            wait_asked={"facts": {"7": "Links", "8": "Old links"}},
        )
        return row

    def over(self, run_id: UUID) -> None:
        """Let an onboarding be cancelled."""
        services.cancel(run_id, actor=SYSTEM)

    def start(self, name: str) -> Onboarding:
        """Return a new onboarding."""
        return services.start_onboarding(ask_from({"repository": name}), actor=SYSTEM)


@pytest.fixture
def waits(transactional_db: None, office: Office, settings: Settings) -> Waits:  # noqa: ARG001 - as a request sees it
    settings.DURABLE_WORKFLOWS = [*settings.DURABLE_WORKFLOWS, "apps.onboarding.workflow.ONBOARDING"]
    registry.forget()
    return Waits(office)
