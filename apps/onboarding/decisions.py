"""The onboardings that wait for a person: for a sign-in, or for a choice of boards (settings.DECISION_SOURCES)."""

from collections.abc import Iterator

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.urls import reverse

from apps.decisions.inbox import Act, Decision, Kind
from apps.onboarding import queries
from apps.onboarding.models import Onboarding
from apps.onboarding.states import FINISHED
from apps.projects.credentials.models import Login
from apps.projects.credentials.queries import waiting_logins
from meshsix.durable.models import StepRow
from meshsix.web.roles import Role

_STOPS = "The onboarding stops; it can be resumed."


def waiting(user: AbstractBaseUser | AnonymousUser) -> Iterator[Decision]:
    """Yield the sign-ins and choices that are open, of the onboardings that `user` may see."""
    rows = {row.pk: row for row in queries.onboardings(user).exclude(status__in=FINISHED)}
    for login in waiting_logins(rows):
        yield _sign_in(rows[login.run_id], login)
    for step in queries.open_choices(rows):
        yield _choice(rows[step.run_id], step)


def _sign_in(row: Onboarding, login: Login) -> Decision:
    return Decision(
        id=f"{Kind.SIGN_IN}:{row.pk}",
        kind=Kind.SIGN_IN,
        project=row.full_name,
        subject="Sign in",
        asked_by=row.requested_by,
        since=login.created_at,
        until=login.expires_at,
        at_deadline=_STOPS,
        who=Role.OPERATOR,
        inputs_sha256="",
        act=_act("onboarding-api-auth-callback", row, "code", {"type": "string"}),
        page=reverse("onboarding-page", args=[row.pk]),
    )


def _choice(row: Onboarding, step: StepRow) -> Decision:
    numbers = [int(number) for number, _ in queries.candidates([step])]
    return Decision(
        id=f"{Kind.CHOICE}:{row.pk}",
        kind=Kind.CHOICE,
        project=row.full_name,
        subject="Choose a board",
        asked_by=row.requested_by,
        since=step.wait_since or row.updated_at,
        until=step.wait_until,
        at_deadline=_STOPS,
        who=Role.OPERATOR,
        inputs_sha256="",
        act=_act("onboarding-api-choose", row, "candidate", {"enum": numbers}),
        page=reverse("onboarding-page", args=[row.pk]),
    )


def _act(address: str, row: Onboarding, field: str, schema: dict[str, object]) -> Act:
    body = {"type": "object", "required": [field], "properties": {field: schema}}
    return Act(method="POST", url=reverse(address, args=[row.pk]), schema=body)
