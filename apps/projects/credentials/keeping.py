"""From an answered sign-in to an active credential: exchange, store, prove, activate.

Each part looks first for what an earlier try has left, so that a crash anywhere repeats nothing at the provider but the
exchange whose answer was never written down: that one is refused, named so, and asks for a new code.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from django.db import transaction

from apps.projects.credentials import logins, queries, secrets
from apps.projects.credentials.models import (
    Credential,
    CredentialKind,
    CredentialProject,
    CredentialSource,
    Login,
    LoginMethod,
)
from apps.projects.credentials.secrets import Kept
from apps.projects.credentials.states import OPEN, LoginEvent, LoginState, NotPossible
from meshsix.integrations.claude import Account, CredentialRefused, GrantRefused, Kind, Tokens
from meshsix.integrations.errors import TryLater, VendorError
from meshsix.kit import clock
from meshsix.kit.actor import SYSTEM
from meshsix.live.services import publish
from meshsix.wiring import Clients

log = structlog.get_logger()

KINDS: dict[LoginMethod, CredentialKind] = {
    LoginMethod.LOGIN: CredentialKind.OAUTH,
    LoginMethod.DEVICE: CredentialKind.OAUTH,
    LoginMethod.SETUP_TOKEN: CredentialKind.SETUP_TOKEN,
    LoginMethod.API_KEY: CredentialKind.API_KEY,
}
USUAL_SCOPES = "user:inference"
_PROFILE_SCOPE = "user:profile"


class HandedInVain(Exception):  # noqa: N818 - reads as a word of the domain
    """The provider refuses what was handed in; `code` is a stable word for why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, kw_only=True)
class Patience:
    """Whether a provider that is away is waited for, or the credential is kept unproven."""

    waits_for_proof: bool


def settle(login: Login, *, clients: Clients, patience: Patience) -> Credential:
    """Make the project's active credential of an answered sign-in and return it.

    Raises HandedInVain where the provider refuses what was handed in; what was active before stays so then. Raises
    TryLater where it, or Vault, is away, and NotPossible where the sign-in was replaced or cancelled meanwhile: then
    nothing of it stays in Vault.
    """
    if login.state == LoginState.SUCCEEDED and login.credential is not None:
        logins.forget(login, clients)
        return login.credential
    kept = _with_tokens(login, secrets.kept(clients.vault, login.secret_path), clients)
    same = queries.usable(login.project_id)
    try:
        if same is not None and same.fingerprint == secrets.fingerprint(kept.access_token):
            credential = _succeeded(login, same)
        else:
            credential = _activated(login, kept, clients, patience)
    except NotPossible as error:
        if error.state not in OPEN:
            logins.forget(Login.objects.get(pk=login.pk), clients)
        raise
    logins.forget(login, clients)
    return credential


def poll_device(login: Login, *, clients: Clients) -> Login:
    """Ask the provider once whether the person has finished. Raises DevicePending, HandedInVain or TryLater.

    With the tokens in Vault the sign-in counts as answered.
    """
    kept = secrets.kept(clients.vault, login.secret_path)
    if not kept.access_token:
        if not kept.device_code:
            raise HandedInVain("lost")
        interval = timedelta(seconds=login.poll_seconds or 0)
        try:
            tokens = clients.claude.poll_device(kept.device_code, interval=interval)
        except GrantRefused as error:
            raise HandedInVain(error.code.rpartition(":")[2]) from error
        secrets.keep(clients.vault, login.secret_path, _tokens_kept(tokens, kept.version))
    return logins.mark_submitted(login)


def _with_tokens(login: Login, kept: Kept, clients: Clients) -> Kept:
    """Return the sign-in's tokens, exchanged for its code if that has not happened yet."""
    if kept.access_token:
        return kept
    if not (kept.code and kept.verifier):
        raise HandedInVain("lost")
    try:
        tokens = clients.claude.exchange_code(kept.code, kept.pkce)
    except GrantRefused as error:
        log.info("the provider refused a code", login=str(login.pk), code=error.code)
        raise HandedInVain(error.code.rpartition(":")[2]) from error
    return secrets.keep(clients.vault, login.secret_path, _tokens_kept(tokens, kept.version))


def _tokens_kept(tokens: Tokens, version: int) -> Kept:
    return Kept(
        access_token=tokens.access_token,
        refresh_token=tokens.refresh_token,
        expires_at=(clock.now() + tokens.lasts).isoformat(),
        scopes=" ".join(tokens.scopes) or USUAL_SCOPES,
        account_uuid=tokens.account.account_uuid,
        email_address=tokens.account.email_address,
        organization_uuid=tokens.account.organization_uuid,
        version=version,
    )


def _activated(login: Login, kept: Kept, clients: Clients, patience: Patience) -> Credential:
    credential_id = logins.credential_id(login)
    path = secrets.store(clients.vault, project_id=login.project_id, credential_id=credential_id, parts=kept)
    kind = KINDS[LoginMethod(login.method)]
    try:
        proven_at = _proven(kind, kept, clients, patience)
    except CredentialRefused as error:
        secrets.discard(clients.vault, path)
        raise HandedInVain("credential_refused") from error
    return _active(login, credential_id, path, _with_account(kept, clients), proven_at)


def _proven(kind: CredentialKind, kept: Kept, clients: Clients, patience: Patience) -> datetime | None:
    """Return when the credential was proven; None where the provider is away and is not waited for."""
    try:
        clients.claude.prove(Kind(kind.value), kept.access_token)
    except TryLater:
        if patience.waits_for_proof:
            raise
        return None
    return clock.now()


def _with_account(kept: Kept, clients: Clients) -> Kept:
    """Add whose credential it is, where the exchange did not say and the scopes allow to ask. A courtesy only."""
    if kept.account_uuid or _PROFILE_SCOPE not in kept.scopes.split():
        return kept
    try:
        account: Account = clients.claude.profile(kept.access_token)
    except VendorError as error:
        log.info("the provider did not tell whose credential it is", error=str(error))
        return kept
    return replace(
        kept,
        account_uuid=account.account_uuid,
        email_address=account.email_address,
        organization_uuid=account.organization_uuid,
    )


@transaction.atomic
def _active(login: Login, credential_id: UUID, path: str, kept: Kept, proven_at: datetime | None) -> Credential:
    """Put the new credential in the place of the active one, in one transaction with its event."""
    project = CredentialProject.objects.select_for_update().get(pk=login.project_id)
    now = clock.now()
    before = Credential.objects.filter(project=project, invalidated_at__isnull=True)
    for old in before:
        tell(old, "credential-invalidated", reason="replaced")
    before.update(invalidated_at=now, invalidated_reason="replaced")
    credential = Credential.objects.create(
        id=credential_id,
        project=project,
        kind=KINDS[LoginMethod(login.method)],
        source=CredentialSource.LOGIN,
        pushed_by=login.created_by,
        vault_path=path,
        has_refresh_token=bool(kept.refresh_token),
        expires_at=kept.ends_at,
        account_uuid=kept.account_uuid,
        email_address=kept.email_address,
        organization_uuid=kept.organization_uuid,
        scopes=kept.scopes.split(),
        fingerprint=secrets.fingerprint(kept.access_token),
        proven_at=proven_at,
        created_at=now,
    )
    _account_known(project, kept)
    tell(credential, "credential-refreshed")
    return _succeeded(login, credential)


def _account_known(project: CredentialProject, kept: Kept) -> None:
    if kept.account_uuid:
        project.claude_account_uuid = kept.account_uuid
        project.claude_org_uuid = kept.organization_uuid
        project.claude_email = kept.email_address
        project.save(update_fields=["claude_account_uuid", "claude_org_uuid", "claude_email"])


@transaction.atomic
def _succeeded(login: Login, credential: Credential) -> Credential:
    done = logins.move(login, LoginEvent.STORED, actor=SYSTEM, values={"credential": credential})
    logins.tell(done, "login-succeeded", actor=SYSTEM)
    return credential


def prove_again(credential: Credential, *, clients: Clients) -> Credential:
    """Prove a stored credential by one cheap call. Raises CredentialRefused, or TryLater where the provider is away."""
    token = secrets.access_token(clients.vault, credential.vault_path)
    clients.claude.prove(Kind(credential.kind), token)
    if credential.proven_at is None:
        Credential.objects.filter(pk=credential.pk).update(proven_at=clock.now())
        credential.refresh_from_db()
    return credential


@transaction.atomic
def invalidate(credential: Credential, reason: str) -> None:
    """Take a credential out of use; a repeat changes nothing."""
    row = Credential.objects.filter(pk=credential.pk, invalidated_at__isnull=True)
    if row.update(invalidated_at=clock.now(), invalidated_reason=reason):
        tell(credential, "credential-invalidated", reason=reason)


def tell(credential: Credential, event_type: str, **facts: str) -> None:
    """Append an event about a credential to its project's stream."""
    publish(
        event_type=event_type,
        aggregate_id=f"credentials:{credential.project_id}",
        payload={
            "project_id": credential.project_id,
            "credential_id": str(credential.pk),
            "kind": credential.kind,
            "source": credential.source,
            "expires_at": credential.expires_at.isoformat() if credential.expires_at else "",
            **facts,
        },
        actor=SYSTEM,
    )
