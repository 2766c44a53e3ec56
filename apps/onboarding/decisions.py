"""The onboardings that wait for a person: for a sign-in, or for a choice of boards (settings.DECISION_SOURCES)."""

from collections.abc import Iterator
from uuid import UUID

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.urls import reverse

from apps.decisions.inbox import Act, Decision, Kind
from apps.onboarding import queries
from apps.onboarding.queries import PersonWanted
from apps.onboarding.states import Status
from apps.projects.credentials.models import LoginMethod
from meshsix.kit import clock
from meshsix.web.roles import Role

_STOPS = "The onboarding stops; it can be resumed."
_STOPPED = "The onboarding has stopped already; resume it once this is done."


def waiting(user: AbstractBaseUser | AnonymousUser) -> Iterator[Decision]:
    """Yield the sign-ins and choices that are open, of the onboardings that `user` may see."""
    for row in queries.persons_wanted(queries.onboardings(user), clock.now()):
        yield from _sign_in(row)
        yield from _choice(row)


def _sign_in(row: PersonWanted) -> Iterator[Decision]:
    if row.login_since is None:
        return
    # Whoever signs in at another device hands in nothing; a token may be handed in all the same.
    field = "access_token" if row.login_method == LoginMethod.DEVICE else "code"
    yield Decision(
        id=f"{Kind.SIGN_IN}:{row.run_id}",
        kind=Kind.SIGN_IN,
        project=row.full_name,
        subject="Sign in",
        asked_by=row.requested_by,
        since=row.login_since,
        until=row.login_until,
        at_deadline=_STOPPED if row.status == Status.FAILED else _STOPS,
        who=Role.OPERATOR,
        act=_act("onboarding-api-auth-callback", row.run_id, field, {"type": "string"}),
        page=reverse("onboarding-page", args=[row.run_id]),
    )


def _choice(row: PersonWanted) -> Iterator[Decision]:
    if row.choice_since is None:
        return
    numbers = [int(number) for number, _ in queries.candidates(row.choice_asked or {})]
    yield Decision(
        id=f"{Kind.CHOICE}:{row.run_id}",
        kind=Kind.CHOICE,
        project=row.full_name,
        subject="Choose a board",
        asked_by=row.requested_by,
        since=row.choice_since,
        until=row.choice_until,
        at_deadline=_STOPPED if row.status == Status.FAILED else _STOPS,
        who=Role.OPERATOR,
        act=_act("onboarding-api-choose", row.run_id, "candidate", {"enum": numbers}),
        page=reverse("onboarding-page", args=[row.run_id]),
    )


def _act(address: str, run_id: UUID, field: str, schema: dict[str, object]) -> Act:
    body = {"type": "object", "required": [field], "properties": {field: schema}}
    return Act(method="POST", url=reverse(address, args=[run_id]), schema=body)
