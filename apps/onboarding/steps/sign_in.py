"""Steps that sign the coding agent in: one asks a person and waits, the other exchanges, stores and proves.

What was handed in lies in Vault; the sign-in's row says how far it is. A step that runs again, for whatever reason,
reads the row and goes on from there.
"""

from datetime import timedelta
from uuid import UUID

import structlog
from django.conf import settings

from apps.onboarding.catalog import PROBLEMS, problem
from apps.onboarding.words import AuthMethod, CredentialStored, CredentialWanted, SignedIn, SignInWanted
from apps.projects.credentials import keeping, logins, queries
from apps.projects.credentials.keeping import HandedInVain, Patience
from apps.projects.credentials.models import Credential, Login, LoginMethod
from apps.projects.credentials.states import LoginEvent, LoginState, NotPossible
from meshsix.durable.definition import Answer
from meshsix.durable.outcomes import Asked, Skipped, WaitFor
from meshsix.integrations.claude import CredentialRefused, DevicePending
from meshsix.integrations.errors import VendorError
from meshsix.integrations.ntfy import Notice, OpenLink, Priority
from meshsix.integrations.vault import Absent
from meshsix.kit import clock
from meshsix.kit.actor import SYSTEM
from meshsix.wiring import Clients

log = structlog.get_logger()

MOST_REFUSALS = 5
_PROOF_ATTEMPTS = 3
_ENDED: dict[LoginState, str] = {
    LoginState.DECLINED: "onboard:sign-in:declined",
    LoginState.EXPIRED: "onboard:sign-in:expired",
    LoginState.REPLACED: "onboard:sign-in:replaced",
    LoginState.CANCELLED: "onboard:sign-in:declined",
    LoginState.FAILED: "onboard:sign-in:code-refused",
}
_TO_DO: dict[LoginMethod, str] = {
    LoginMethod.LOGIN: "Open the address, allow, and paste the code that it shows here.",
    LoginMethod.SETUP_TOKEN: "Run `claude setup-token` on your machine and paste the token that it prints here.",
    LoginMethod.API_KEY: "Make an API key at the provider and paste it here.",
    LoginMethod.DEVICE: "Open the address on any device and type the code.",
}
_ACCESS_DENIED = "access_denied"


def initiate_claude_oauth(wanted: SignInWanted, clients: Clients) -> SignedIn:
    """Start the chosen sign-in and wait for a person, unless the project is signed in already.

    Raises Permanent `onboard:sign-in:declined`, `:expired`, `:replaced`, `:not-configured` or `:code-refused`.
    """
    if wanted.ask.skip_auth:
        raise Skipped("The request asked for no sign-in.")
    project_id = wanted.register_in_database.credential_project_id
    known = queries.usable(project_id)
    if known is not None:
        raise Skipped(f"The project is signed in already ({known.kind}, fingerprint {known.fingerprint}).")
    login = _answered(wanted, _login_asked_about(wanted.answer), clients)
    return SignedIn(login_id=str(login.pk), method=AuthMethod(login.method))


def store_claude_credentials(wanted: CredentialWanted, clients: Clients) -> CredentialStored:
    """Exchange what the person handed in, store and prove it. What the provider refuses asks the person again.

    Raises Permanent `onboard:sign-in:code-refused` after too many refusals, and like `initiate_claude_oauth`.
    """
    if wanted.ask.skip_auth:
        raise Skipped("The request asked for no sign-in.")
    if wanted.initiate_claude_oauth is None and wanted.answer is None:
        known = _known_good(wanted, clients)
        if known is not None:
            return _stored(known)
    login = _answered(wanted, _login_asked_about(wanted.answer) or _answered_before(wanted), clients)
    patience = Patience(waits_for_proof=wanted.this.attempt < _PROOF_ATTEMPTS)
    try:
        return _stored(keeping.settle(login, clients=clients, patience=patience))
    except HandedInVain as error:
        raise _asked_again(login, error, clients) from error
    except NotPossible as error:
        if error.state not in _ENDED:
            raise
        raise problem(_ENDED[error.state]) from error


def _login_asked_about(answer: Answer | None) -> Login | None:
    """Return the sign-in whose wait has ended. Its row, not the answer, says what became of it."""
    if answer is None:
        return None
    return Login.objects.filter(pk=UUID(answer.name.split(":")[1])).first()


def _answered_before(wanted: CredentialWanted) -> Login | None:
    """Return the sign-in that the step before saw answered, unless what it gave is no longer in use."""
    if wanted.initiate_claude_oauth is None:
        return None
    login = Login.objects.select_related("credential").filter(pk=wanted.initiate_claude_oauth.login_id).first()
    if login is None or login.state == LoginState.EXCHANGING:
        return login
    credential = login.credential if login.state == LoginState.SUCCEEDED else None
    return login if credential is not None and credential.invalidated_at is None else None


def _answered(wanted: SignInWanted | CredentialWanted, login: Login | None, clients: Clients) -> Login:
    """Return a sign-in whose answer lies in Vault, or wait for one. Raises WaitFor or Permanent."""
    login = login or _started(wanted, clients)
    if login.state in {LoginState.EXCHANGING, LoginState.SUCCEEDED}:
        return login
    if login.state == LoginState.WAITING and login.expires_at <= clock.now():
        login = logins.close(login, LoginEvent.RAN_OUT, error_code="expired", clients=clients)
    if login.state != LoginState.WAITING:
        logins.forget(login, clients)  # who ended it may have died before that, or was another run that took its place
        raise problem(_ENDED[LoginState(login.state)])
    _notify(login, wanted.ask.repository.full_name, clients)
    if login.method == LoginMethod.DEVICE:
        return _device_answered(login, has_waited=wanted.answer is not None, clients=clients)
    raise _wait(login)


def _started(wanted: SignInWanted | CredentialWanted, clients: Clients) -> Login:
    method = LoginMethod(wanted.ask.auth_method.value)
    configured = {
        LoginMethod.LOGIN: clients.claude.can_sign_in_by_link,
        LoginMethod.DEVICE: clients.claude.can_sign_in_by_device,
    }
    if not configured.get(method, True):
        raise problem("onboard:sign-in:not-configured")
    project_id = wanted.register_in_database.credential_project_id
    return logins.start_login(project_id, method, run_id=wanted.this.run_id, actor=SYSTEM, clients=clients)


def _device_answered(login: Login, *, has_waited: bool, clients: Clients) -> Login:
    """Ask the provider whether the person has finished, once for each wait. Raises WaitFor or Permanent."""
    if not has_waited:
        raise _wait(login)
    try:
        return keeping.poll_device(login, clients=clients)
    except DevicePending as pending:
        raise _wait(logins.next_round(login, poll=pending.pause or timedelta())) from pending
    except HandedInVain as error:
        if error.code == _ACCESS_DENIED:
            logins.close(login, LoginEvent.DECLINED, error_code=error.code, clients=clients)
            raise problem("onboard:sign-in:declined") from error
        renewed = logins.renew_link(login.pk, actor=SYSTEM, clients=clients, error_code=error.code)
        raise _wait(renewed) from error


def _wait(login: Login) -> WaitFor:
    """Return the wait for a person; a device sign-in is woken to ask the provider."""
    until = login.expires_at
    if login.poll_seconds is not None:
        until = min(until, clock.now() + timedelta(seconds=login.poll_seconds))
    facts = {
        "url": login.url,
        "user_code": login.user_code,
        "login_id": str(login.pk),
        "method": login.method,
        "expires_at": login.expires_at.isoformat(),
        "error": login.error_code,
    }
    what = " ".join(part for part in (_said(login.error_code), _TO_DO[LoginMethod(login.method)]) if part)
    return WaitFor(login.wait_name, until=until, asked=Asked(who="operator", what=what, facts=facts))


def _said(error_code: str) -> str:
    """Return what a person is told of the last try that went wrong; empty without one."""
    words = PROBLEMS.get(f"onboard:sign-in:{error_code.replace('_', '-')}") if error_code else None
    return words.means if words else ("The provider refused what was handed in." if error_code else "")


def _asked_again(login: Login, error: HandedInVain, clients: Clients) -> Exception:
    """Return the wait with a new link, or the end where the provider refused too often or refuses the platform."""
    if login.refusals + 1 >= MOST_REFUSALS or error.code in {"invalid_client", "unauthorized_client"}:
        logins.close(login, LoginEvent.GAVE_UP, error_code=error.code, clients=clients)
        code = "client-refused" if "client" in error.code else "code-refused"
        return problem(f"onboard:sign-in:{code}", f"The provider said: {error.code}.")
    return _wait(logins.refuse(login, error.code, clients=clients))


def _known_good(wanted: CredentialWanted, clients: Clients) -> Credential | None:
    """Return the credential that the project had before this run, proven by one cheap call; None where it is gone."""
    known = queries.usable(wanted.register_in_database.credential_project_id)
    if known is None:
        return None
    try:
        return keeping.prove_again(known, clients=clients)
    except (CredentialRefused, Absent):
        keeping.invalidate(known, "refused")
        return None


def _stored(credential: Credential) -> CredentialStored:
    return CredentialStored(
        credential_id=str(credential.pk),
        kind=credential.kind,
        fingerprint=credential.fingerprint,
        expires_at=credential.expires_at.isoformat() if credential.expires_at else "",
        proven=credential.proven_at is not None,
    )


def _notify(login: Login, full_name: str, clients: Clients) -> None:
    """Tell people once that somebody must sign in. A notice that fails is tried again with the next look, no sooner."""
    if clients.ntfy is None or login.notified_at is not None:
        return
    page = f"{settings.PUBLIC_URL}/onboarding/{login.run_id}"
    links = (OpenLink(label="Sign in", url=login.url),) if login.url else ()
    notice = Notice(
        title=f"Sign-in needed for {full_name}",
        message=_TO_DO[LoginMethod(login.method)],
        click=f"{page}#sign-in-{login.pk}",
        actions=(*links, OpenLink(label="Show the run", url=page)),
        priority=Priority.HIGH,
        tags=("key",),
        key=f"sign-in-{login.pk}",
    )
    try:
        if not clients.ntfy.holds(notice):
            clients.ntfy.publish(notice)
    except VendorError as error:
        log.warning("nobody was told of a sign-in", login=str(login.pk), error=str(error))
        return
    logins.notified(login)
