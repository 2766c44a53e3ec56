"""Reads of credentials, sign-ins and tokens. Facts only."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from django.contrib.auth.models import User
from django.db.models import Q, QuerySet

from apps.projects.credentials.models import AccessToken, Credential, CredentialKind, Login
from apps.projects.credentials.states import OPEN, LoginState
from meshsix.kit import clock
from meshsix.web.roles import Role, may

EXPIRES_SOON = timedelta(hours=24)
SETUP_TOKEN_EXPIRES_SOON = timedelta(days=14)


class Standing(StrEnum):
    """How a project's credential stands."""

    OK = "ok"
    EXPIRING = "expiring"
    EXPIRED = "expired"
    NEEDS_LOGIN = "needs_login"
    UNPROVEN = "unproven"
    NONE = "none"


@dataclass(frozen=True, kw_only=True)
class Health:
    """A project's credential in facts; the token itself is nowhere among them."""

    project_id: str
    status: Standing
    kind: str
    fingerprint: str
    email_address: str
    has_valid_credential: bool
    expires_at: datetime | None
    expires_in_ms: int | None
    has_refresh_token: bool
    proven_at: datetime | None
    open_login_id: UUID | None


def active(project_id: str) -> Credential | None:
    """Return the project's active credential, or None."""
    return Credential.objects.filter(project_id=project_id, invalidated_at__isnull=True).first()


def is_usable(credential: Credential, now: datetime) -> bool:
    """Return whether an agent can sign in with it now."""
    return credential.expires_at is None or credential.expires_at > now


def usable(project_id: str) -> Credential | None:
    """Return the active credential if an agent can sign in with it now, else None."""
    found = active(project_id)
    return found if found is not None and is_usable(found, clock.now()) else None


def open_login(project_id: str) -> Login | None:
    """Return the project's open sign-in, or None."""
    return Login.objects.filter(project_id=project_id, state__in=OPEN).first()


def waiting_login(run_id: UUID) -> Login | None:
    """Return the sign-in of this run for which a person is awaited, or None."""
    return waiting_logins().filter(run_id=run_id).first()


def waiting_logins() -> QuerySet[Login]:
    """Return the sign-ins for which a person is awaited."""
    return Login.objects.filter(state=LoginState.WAITING)


def logins_of(run_id: UUID) -> QuerySet[Login]:
    """Return the run's sign-ins, the newest first."""
    return Login.objects.filter(run_id=run_id)


def health(project_id: str) -> Health:
    """Return how the project's credential stands now."""
    now, credential, login = clock.now(), active(project_id), open_login(project_id)
    ends = credential.expires_at if credential else None
    return Health(
        project_id=project_id,
        status=standing(credential, now),
        kind=credential.kind if credential else "",
        fingerprint=credential.fingerprint if credential else "",
        email_address=credential.email_address if credential else "",
        has_valid_credential=credential is not None and is_usable(credential, now),
        expires_at=ends,
        expires_in_ms=max(0, int((ends - now) / timedelta(milliseconds=1))) if ends else None,
        has_refresh_token=credential.has_refresh_token if credential else False,
        proven_at=credential.proven_at if credential else None,
        open_login_id=login.pk if login else None,
    )


def standing(credential: Credential | None, now: datetime) -> Standing:
    """Return how a credential stands at `now`."""
    if credential is None:
        return Standing.NONE
    if not is_usable(credential, now):
        return Standing.EXPIRED if credential.has_refresh_token else Standing.NEEDS_LOGIN
    if credential.proven_at is None:
        return Standing.UNPROVEN
    soon = SETUP_TOKEN_EXPIRES_SOON if credential.kind == CredentialKind.SETUP_TOKEN else EXPIRES_SOON
    ends = credential.expires_at
    if ends is not None and ends - now < soon and not credential.has_refresh_token:
        return Standing.EXPIRING
    return Standing.OK


def visible_tokens(user: User) -> QuerySet[AccessToken]:
    """Return the tokens that `user` may see and revoke: all for admins, else one's own."""
    rows = AccessToken.objects.select_related("owner").order_by("-created_at", "-id")
    return rows if may(user, Role.ADMIN) else rows.filter(Q(owner=user))
