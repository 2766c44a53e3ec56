"""Sign-ins: opening one, giving it a new link, taking in what a person brings back, closing it.

Nothing lives while a person signs in: the row holds the facts, Vault the secrets, the engine the wait. Each change of
the row is one compare-and-set with its event, and wakes the step that waits; the step reads the row, so that an answer
that comes late or twice changes nothing.
"""

import hmac
import re
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import structlog
from django.conf import settings
from django.db import transaction

from apps.projects.credentials import queries, secrets
from apps.projects.credentials.models import CredentialProject, Login, LoginMethod
from apps.projects.credentials.secrets import Kept
from apps.projects.credentials.states import OPEN, LoginEvent, LoginState, NotPossible, after
from meshsix import wiring
from meshsix.durable import services as durable
from meshsix.integrations.claude import new_pkce
from meshsix.integrations.errors import Conflict, VendorError
from meshsix.kit import clock, names
from meshsix.kit.actor import SYSTEM, Actor
from meshsix.live.services import publish
from meshsix.wiring import Clients

log = structlog.get_logger()

SETUP_TOKEN_LIFE = timedelta(days=365)
OAUTH_LIFE = timedelta(hours=1)
_FROM_OUTSIDE = {LoginEvent.SUBMITTED, LoginEvent.DECLINED, LoginEvent.REPLACED}
_CODE = re.compile(r"[A-Za-z0-9._~+/=-]{8,2048}")
_TOKEN = re.compile(r"[\x21-\x7e]{16,8192}")


class BadCode(Exception):  # noqa: N818 - reads as a word of the domain
    """What was handed in cannot be right; the message tells the person what to do. Nothing was exchanged."""


@dataclass(frozen=True, kw_only=True)
class Question:
    """What a person is shown: a link, a link with a code to type, or nothing where a token is to be pasted."""

    kept: Kept
    url: str = ""
    user_code: str = ""
    link_life: timedelta | None = None
    poll: timedelta | None = None


def start_login(
    project_id: str, method: LoginMethod, *, run_id: UUID, actor: Actor, clients: Clients | None = None
) -> Login:
    """Open a sign-in for a run, in place of any other open one of the project; a repeat returns the run's open one.

    Its id follows from the run and the number of sign-ins before, so that a repeat after a crash uses the same path.
    """
    mine = queries.logins_of(run_id).filter(state__in=OPEN).first()
    if mine is not None:
        return mine
    clients = clients or wiring.clients()
    login_id = uuid.uuid5(run_id, f"login-{queries.logins_of(run_id).count()}")
    login = Login(
        id=login_id,
        project_id=project_id,
        run_id=run_id,
        method=method,
        expires_at=clock.now() + settings.SIGN_IN_WAIT,
        secret_path=names.login_path(project_id, str(login_id)),
        created_by=actor.name,
    )
    question = _asked(method, clients)
    before = secrets.kept(clients.vault, login.secret_path)
    secrets.keep(clients.vault, login.secret_path, _with_version(question.kept, before.version))
    return _opened(login, question, actor=actor)


def _asked(method: LoginMethod, clients: Clients) -> Question:
    """Return a fresh question. The device flow asks the provider for it."""
    match method:
        case LoginMethod.LOGIN:
            pkce = new_pkce()
            url = clients.claude.authorize_url(pkce)
            return Question(kept=Kept(verifier=pkce.verifier, state=pkce.state), url=url)
        case LoginMethod.DEVICE:
            grant = clients.claude.start_device()
            return Question(
                kept=Kept(device_code=grant.device_code),
                url=grant.url,
                user_code=grant.user_code,
                link_life=grant.lasts,
                poll=grant.interval,
            )
        case _:
            return Question(kept=Kept())


@transaction.atomic
def _opened(login: Login, question: Question, *, actor: Actor) -> Login:
    """Insert the row of a new sign-in, and end the project's other open one."""
    CredentialProject.objects.select_for_update().get(pk=login.project_id)
    for other in Login.objects.filter(project_id=login.project_id, state__in=OPEN):
        if other.run_id == login.run_id:
            return other
        move(other, LoginEvent.REPLACED, actor=actor, error_code="replaced")
    for name, value in _link(question, clock.now()).items():
        setattr(login, name, value)
    login.save(force_insert=True)
    tell(login, "login-started", actor=actor)
    return login


def _link(question: Question, now: datetime) -> dict[str, object]:
    return {
        "url": question.url,
        "user_code": question.user_code,
        "link_expires_at": now + question.link_life if question.link_life else None,
        "poll_seconds": int(question.poll.total_seconds()) if question.poll else None,
    }


def renew_link(login_id: UUID, *, actor: Actor, clients: Clients | None = None, error_code: str = "") -> Login:
    """Give a waiting sign-in a new link; the old one is dead. Raises BadCode where nobody is waited for any more."""
    login = _waiting(login_id)
    clients = clients or wiring.clients()
    question = _asked(LoginMethod(login.method), clients)
    with _held(login):
        before = secrets.kept(clients.vault, login.secret_path)
        secrets.keep(clients.vault, login.secret_path, _with_version(question.kept, before.version))
        values = {**_link(question, clock.now()), "round": login.round + 1, "error_code": error_code}
        Login.objects.filter(pk=login.pk).update(**values)
        renewed = Login.objects.get(pk=login.pk)
        tell(renewed, "login-link-renewed", actor=actor)
        _wake(login, "renewed", actor)
    return renewed


def submit_code(login_id: UUID, code: str, *, actor: Actor, clients: Clients | None = None) -> Login:
    """Take in the pasted `code#state` (or the whole address that the browser ended at).

    The code goes to Vault; the waiting step exchanges it. Raises BadCode with a sentence for the person; a foreign
    state gets a new link as well, since the one in the person's browser belongs to another sign-in.
    """
    login = _waiting(login_id)
    if login.method in {LoginMethod.SETUP_TOKEN, LoginMethod.API_KEY}:
        return submit_token(login_id, access_token=code, actor=actor, clients=clients)
    if login.method == LoginMethod.DEVICE:
        raise BadCode(f"Nothing is to be pasted here: open the address and type the code {login.user_code}.")
    clients = clients or wiring.clients()
    pasted, state = parse_paste(code)
    kept = secrets.kept(clients.vault, login.secret_path)
    if not kept.state or not hmac.compare_digest(kept.state.encode(), state.encode()):
        renew_link(login_id, actor=actor, clients=clients, error_code="foreign_state")
        raise BadCode("This code belongs to another sign-in. Open the new address shown here and paste its code.")
    return _submitted(login, _with_code(kept, pasted), actor=actor, clients=clients)


def parse_paste(text: str) -> tuple[str, str]:
    """Return code and state of `code#state` or of an address with both in its query. Raises BadCode."""
    value = text.strip()
    if value.startswith(("http://", "https://")):
        query = parse_qs(urlsplit(value).query)
        code, state = query.get("code", [""])[0], query.get("state", [""])[0]
    else:
        code, _, state = value.partition("#")
    if not _CODE.fullmatch(code) or not _CODE.fullmatch(state):
        raise BadCode("That is not the whole code. Copy all of it, the part after # as well, and paste it again.")
    return code, state


def submit_token(
    login_id: UUID,
    *,
    access_token: str,
    refresh_token: str = "",
    expires_at: datetime | None = None,
    actor: Actor,
    clients: Clients | None = None,
) -> Login:
    """Take in a token or key made elsewhere. Raises BadCode where it cannot be one, or has expired."""
    login = _waiting(login_id)
    access, refresh = access_token.strip(), refresh_token.strip()
    if not _TOKEN.fullmatch(access) or (refresh and not _TOKEN.fullmatch(refresh)):
        raise BadCode("That is not a whole token. Copy all of it, without spaces or line breaks, and paste it again.")
    now = clock.now()
    if expires_at is not None and expires_at <= now:
        raise BadCode("This token has expired already. Make a new one.")
    clients = clients or wiring.clients()
    ends = expires_at or _usual_end(LoginMethod(login.method), now)
    kept = Kept(
        access_token=access,
        refresh_token=refresh if login.method in {LoginMethod.LOGIN, LoginMethod.DEVICE} else "",
        expires_at=ends.isoformat() if ends else "",
        scopes="user:inference" if login.method != LoginMethod.API_KEY else "",
        version=secrets.kept(clients.vault, login.secret_path).version,
    )
    return _submitted(login, kept, actor=actor, clients=clients)


def _usual_end(method: LoginMethod, now: datetime) -> datetime | None:
    match method:
        case LoginMethod.API_KEY:
            return None
        case LoginMethod.SETUP_TOKEN:
            return now + SETUP_TOKEN_LIFE
        case _:
            return now + OAUTH_LIFE


def _submitted(login: Login, kept: Kept, *, actor: Actor, clients: Clients) -> Login:
    with _held(login):
        try:
            secrets.keep(clients.vault, login.secret_path, kept)
        except Conflict as error:
            raise BadCode("Somebody else has just handed in a code. Reload the page.") from error
        return mark_submitted(login, actor=actor)


@contextmanager
def _held(login: Login) -> Iterator[None]:
    """Hold the row while Vault is written and the row follows: who comes second writes neither. Raises BadCode.

    Only this row is locked during the call to Vault. Who dies in it leaves a row that still waits, and the next one
    writes over what lies there.
    """
    with transaction.atomic():
        row = Login.objects.select_for_update().filter(pk=login.pk, state=LoginState.WAITING, round=login.round)
        if row.first() is None:
            raise BadCode("Somebody else has just dealt with this sign-in. Reload the page.")
        yield


@transaction.atomic
def mark_submitted(login: Login, *, actor: Actor = SYSTEM) -> Login:
    """Record that the answer lies in Vault, and wake the step that waits for it. Raises BadCode if it is too late."""
    try:
        return move(login, LoginEvent.SUBMITTED, actor=actor)
    except NotPossible as error:
        raise BadCode("Somebody else has just dealt with this sign-in. Reload the page.") from error


def decline(login_id: UUID, *, actor: Actor, clients: Clients | None = None) -> Login:
    """Record that a person said no. Raises BadCode where nobody is waited for any more."""
    return close(_waiting(login_id), LoginEvent.DECLINED, error_code="declined", actor=actor, clients=clients)


def close(
    login: Login, event: LoginEvent, *, error_code: str, actor: Actor = SYSTEM, clients: Clients | None = None
) -> Login:
    """End a sign-in without a credential, and forget its secrets. One that has ended otherwise stays as it is."""
    try:
        with transaction.atomic():
            closed = move(login, event, actor=actor, error_code=error_code)
    except NotPossible:
        return Login.objects.get(pk=login.pk)
    forget(closed, clients or wiring.clients())
    return closed


def credential_id(login: Login) -> UUID:
    """Return the id of the credential that this round of the sign-in becomes: the same one after every crash."""
    return uuid.uuid5(login.pk, f"credential-{login.round}")


def forget(login: Login, clients: Clients) -> None:
    """Take what the sign-in kept out of Vault, and the tokens of a credential that it now never becomes.

    A failure is only logged: a spent secret is no reason to stop.
    """
    try:
        clients.vault.remove(login.secret_path)
        if login.state not in {*OPEN, LoginState.SUCCEEDED}:
            secrets.discard(clients.vault, secrets.above(login.project_id, credential_id(login)))
    except VendorError as error:
        log.warning("a sign-in's secrets stay in vault", login=str(login.pk), error=str(error))


def refuse(login: Login, error_code: str, *, clients: Clients) -> Login:
    """Give an answered sign-in a new link, because the provider refused what was handed in."""
    question = _asked(LoginMethod(login.method), clients)
    before = secrets.kept(clients.vault, login.secret_path)
    secrets.keep(clients.vault, login.secret_path, _with_version(question.kept, before.version))
    with transaction.atomic():
        values = {**_link(question, clock.now()), "round": login.round + 1, "refusals": login.refusals + 1}
        moved = move(login, LoginEvent.REFUSED, actor=SYSTEM, error_code=error_code, values=values)
        tell(moved, "login-link-renewed", actor=SYSTEM)
    return moved


def next_round(login: Login, *, poll: timedelta) -> Login:
    """Count one more wait of a device sign-in, which asks the provider again after `poll`."""
    row = Login.objects.filter(pk=login.pk, state=LoginState.WAITING, round=login.round)
    row.update(round=login.round + 1, poll_seconds=int(poll.total_seconds()))
    return Login.objects.get(pk=login.pk)


def notified(login: Login) -> None:
    """Record that people were told of this sign-in."""
    Login.objects.filter(pk=login.pk, notified_at__isnull=True).update(notified_at=clock.now())


@transaction.atomic
def cancel_of(run_id: UUID, *, actor: Actor, clients: Clients | None = None) -> None:
    """End the open sign-in of a run that is being cancelled; no-op where it has none.

    Nobody is woken. Runs in the caller's transaction, before the run is locked; its secrets go once that is committed.
    """
    for login in queries.logins_of(run_id).filter(state__in=OPEN).select_for_update():
        closed = move(login, LoginEvent.CANCELLED, actor=actor, error_code="cancelled")
        transaction.on_commit(partial(_forget_later, closed, clients), robust=True)


def _forget_later(login: Login, clients: Clients | None) -> None:
    forget(login, clients or wiring.clients())


def _waiting(login_id: UUID) -> Login:
    login = Login.objects.filter(pk=login_id).first()
    if login is None or login.state != LoginState.WAITING or login.expires_at <= clock.now():
        raise BadCode("This sign-in is over. Look at the run's page: it shows what it waits for now.")
    return login


def move(
    login: Login,
    event: LoginEvent,
    *,
    actor: Actor,
    error_code: str = "",
    values: dict[str, object] | None = None,
) -> Login:
    """Change the state by compare-and-set, tell of it and wake the waiting step. Raises NotPossible."""
    state = after(LoginState(login.state), event)
    row = Login.objects.filter(pk=login.pk, state=login.state, round=login.round)
    if not row.update(state=state, error_code=error_code, **(values or {})):
        raise NotPossible(LoginState(Login.objects.values_list("state", flat=True).get(pk=login.pk)), event)
    moved = Login.objects.get(pk=login.pk)
    if state not in OPEN and state is not LoginState.SUCCEEDED:
        tell(moved, "login-failed", actor=actor)
    if event in _FROM_OUTSIDE:
        _wake(login, event, actor)
    return moved


def _wake(login: Login, why: str, actor: Actor) -> None:
    name = login.wait_name
    durable.answer(name=name, answer_id=f"{name}:{why}", payload={"login_id": str(login.pk)}, actor=actor)


def tell(login: Login, event_type: str, *, actor: Actor) -> None:
    """Append an event about a sign-in to its project's stream."""
    facts = {
        "project_id": login.project_id,
        "login_id": str(login.pk),
        "method": login.method,
        "carrier": "pkce" if login.method == LoginMethod.LOGIN else "",
        "error_code": login.error_code,
    }
    publish(event_type=event_type, aggregate_id=f"credentials:{login.project_id}", payload=facts, actor=actor)


def _with_version(kept: Kept, version: int) -> Kept:
    return Kept(**kept.as_data(), version=version)


def _with_code(kept: Kept, code: str) -> Kept:
    return Kept(**{**kept.as_data(), "code": code}, version=kept.version)
