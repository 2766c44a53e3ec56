"""The onboardings that wait for a person: for a sign-in, or for a choice of boards (settings.DECISION_SOURCES)."""

from collections.abc import Iterator
from datetime import datetime

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
        if row.login_since is not None:
            # Whoever signs in at another device hands in nothing; a token may be handed in all the same.
            field = "access_token" if row.login_method == LoginMethod.DEVICE else "code"
            act = _act("onboarding-api-auth-callback", row, field, {"type": "string"})
            yield _decision(row, Kind.SIGN_IN, "Sign in", act, since=row.login_since, until=row.login_until)
        if row.choice_since is not None:
            numbers = [int(number) for number, _ in queries.candidates(row.choice_asked or {})]
            act = _act("onboarding-api-choose", row, "candidate", {"enum": numbers})
            yield _decision(row, Kind.CHOICE, "Choose a board", act, since=row.choice_since, until=row.choice_until)


def _decision(
    row: PersonWanted, kind: Kind, subject: str, act: Act, *, since: datetime, until: datetime | None
) -> Decision:
    return Decision(
        id=f"{kind}:{row.run_id}",
        kind=kind,
        project=row.full_name,
        subject=subject,
        asked_by=row.requested_by,
        since=since,
        until=until,
        at_deadline=_STOPPED if row.status == Status.FAILED else _STOPS,
        who=Role.OPERATOR,
        act=act,
        page=reverse("onboarding-page", args=[row.run_id]),
    )


def _act(address: str, row: PersonWanted, field: str, schema: dict[str, object]) -> Act:
    body = {"type": "object", "required": [field], "properties": {field: schema}}
    return Act(method="POST", url=reverse(address, args=[row.run_id]), schema=body)
