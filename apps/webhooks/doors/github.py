"""Whether a delivery comes in: hook, secret, signature, and only then its headers and JSON.

All that is asked of the database and of Vault is kept for a while, so that a delivery of a hook that sends often is
judged without waiting for anybody. Everything else of a request is the business of the two shells around this: the
Django view (views.py) and the door process (process.py).
"""

import structlog
from django.conf import settings
from django.db import Error, IntegrityError, InterfaceError, OperationalError, connection
from prometheus_client import Counter

from apps.webhooks import intake
from apps.webhooks.doors import calls, payloads, refusals
from apps.webhooks.doors.calls import Answer, Call
from apps.webhooks.doors.known_hooks import HOOKS, KnownHook, Place, place_named
from apps.webhooks.intake import Incoming, compressed
from apps.webhooks.keyring import KEYRING
from apps.webhooks.models import Door
from apps.webhooks.signatures import is_signed
from meshsix.integrations.errors import VendorError
from meshsix.kit import clock
from meshsix.wiring import clients

DELIVERIES = Counter(
    "meshsix_webhook_deliveries", "Deliveries at the door for GitHub, by what became of them.", ["result"]
)
OTHER_DOORS = ":"
"""Stands in the names of events that come by other doors, and in none of GitHub's."""
_NAME_LENGTH = 60
_GUID_LENGTH = 100

log = structlog.get_logger()


class MustWait(Exception):  # noqa: N818 - reads as a word of the domain
    """The database or Vault have to be asked, which this caller cannot wait for."""


def judged(call: Call, *, may_wait: bool) -> Incoming | Answer:
    """Return what is to be stored, or the answer that ends it here.

    Raises MustWait where `may_wait` is False and something is not kept.
    """
    place = place_named(call.hook_key, call.headers.get(calls.HOOK_NUMBER, ""))
    try:
        hook, signed = _signer(call, place, may_wait=may_wait)
    except (VendorError, Error) as error:
        log.warning("webhook cannot be judged", error=str(error))
        return calls.LATER
    if not signed:
        log.info("webhook refused", hook=hook.key if hook else None)
        if hook is not None:
            refusals.count(hook.key)
        return calls.UNAUTHORIZED
    return _incoming(call, hook)


def stored(batch: list[Incoming], *, nudge_by: intake.Nudge = intake.nudge) -> list[Answer]:
    """Store what came in; return what each caller is told. Never raises for a database that is away or was."""
    try:
        return _stored(batch, nudge_by)
    except (InterfaceError, OperationalError):
        connection.close()  # it may have been cut while nobody used it; to store twice is to store once
    try:
        return _stored(batch, nudge_by)
    except Error as error:
        log.warning("deliveries not stored", error=type(error).__name__, number=len(batch))
        connection.close()
        return [calls.LATER] * len(batch)


def _stored(batch: list[Incoming], nudge_by: intake.Nudge) -> list[Answer]:
    try:
        return [calls.ACCEPTED if new else calls.DUPLICATE for new in intake.store(batch, nudge_by=nudge_by)]
    except IntegrityError:
        HOOKS.forget()  # one of the hooks is gone: the others must not suffer for it
        return (
            [calls.UNAUTHORIZED]
            if len(batch) == 1
            else [answer for each in batch for answer in _stored([each], nudge_by)]
        )


def counted(answer: Answer) -> Answer:
    """Count an answer, and return it."""
    DELIVERIES.labels(result=answer.word.replace(" ", "_")).inc()
    return answer


def _signer(call: Call, place: Place, *, may_wait: bool) -> tuple[KnownHook | None, bool]:
    """Return the hook, and whether it signed. A signature that does not fit what is kept is held against a fresh look.

    So a secret that was rotated just now counts at once, and each refusal costs one look at the database, whether the
    hook is known or not.
    """
    now, signature = clock.now(), call.headers.get(calls.SIGNATURE, "")
    found = HOOKS.kept(place, now=now)
    if found is not None and is_signed(call.body, signature, _secrets(found.hook, place, may_wait=may_wait)):
        return found.hook, True
    if not may_wait:
        raise MustWait
    newer = HOOKS.look(place, now=now)
    if found is not None and newer.hook == found.hook:
        return newer.hook, False
    signed = is_signed(call.body, signature, _secrets(newer.hook, place, may_wait=True))
    if signed and newer.hook is None:
        HOOKS.keep(place, newer, now=now)
    return newer.hook, signed


def _secrets(hook: KnownHook | None, place: Place, *, may_wait: bool) -> tuple[bytes, ...]:
    """Return the secrets that may have signed: those of the hook; without a key also the platform-wide one."""
    if hook is None:
        is_ours = not place.key and settings.GITHUB_WEBHOOK_SECRET
        return (settings.GITHUB_WEBHOOK_SECRET.encode(),) if is_ours else ()
    now = clock.now()
    known = KEYRING.kept(hook.secret_path, version=hook.version, now=now)
    if known is not None:
        return known
    if not may_wait:
        raise MustWait
    return KEYRING.secrets(hook.secret_path, version=hook.version, read=clients().vault.read, now=now)


def _incoming(call: Call, hook: KnownHook | None) -> Incoming | Answer:
    """Return the delivery; MALFORMED where it is no object of JSON or lacks its headers."""
    event, guid = call.headers.get(calls.EVENT, ""), call.headers.get(calls.GUID, "")
    if not _is_word(event, _NAME_LENGTH) or OTHER_DOORS in event or not _is_word(guid, _GUID_LENGTH):
        return calls.MALFORMED
    try:
        action = payloads.action(call.body, most=_NAME_LENGTH)
    except payloads.NoObject:
        return calls.MALFORMED
    return Incoming(
        door=Door.GITHUB,
        guid=guid,
        event=event,
        action=action,
        hook_key=hook.key if hook else None,
        project_id=hook.project_id if hook else None,
        headers=calls.kept_headers(call.headers, calls.KEPT_HEADERS),
        payload=compressed(call.body),
    )


def _is_word(text: str, most: int) -> bool:
    return 0 < len(text) <= most and text.isascii() and text.isprintable()
