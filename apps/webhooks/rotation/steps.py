"""The steps of a rotation. Each looks first, so that one that was killed after its effect changes nothing more.

Vault has the new secret and the one before it, the doors know that there is something new to read, and only then GitHub
is told. A rotation is unfinished as long as Vault is ahead of what the hook's row says GitHub was given: whoever finds
one finishes it, since GitHub may still sign with the secret before.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from apps.projects import services as projects
from apps.projects.models import Hook
from apps.webhooks.catalog import PROBLEMS
from apps.webhooks.keyring import GRACE, PREVIOUS, PREVIOUS_UNTIL, SECRET
from apps.webhooks.places import place_of
from apps.webhooks.rotation.events import projects_of, tell
from meshsix.durable.outcomes import Permanent
from meshsix.integrations.errors import Missing
from meshsix.integrations.vault.failures import Absent
from meshsix.kit import clock
from meshsix.wiring import Clients

_BYTES = 32


@dataclass(frozen=True, kw_only=True)
class Ask:
    """Whose secret is to be rotated."""

    hook_key: str


@dataclass(frozen=True, kw_only=True)
class Written:
    """The version in Vault that holds the new secret and the one before. Never the secrets themselves."""

    version: int


@dataclass(frozen=True, kw_only=True)
class OfWritten:
    """What the later steps need."""

    ask: Ask
    write_secret: Written


def write_secret(ask: Ask, clients: Clients) -> Written:
    """Write a new secret beside the present one, by check-and-set; an unfinished rotation's is taken over.

    Raises Permanent `webhooks:rotation:no-hook` and `:no-secret`; Conflict where somebody wrote meanwhile.
    """
    hook, now = _hook(ask), clock.now()
    try:
        kept = clients.vault.read(hook.secret_path)
    except Absent as error:
        raise _problem("webhooks:rotation:no-secret", hook.secret_path) from error
    wanted = _wanted(kept.data, now=now, unfinished=kept.version != hook.secret_version)
    if wanted == kept.data:
        return Written(version=kept.version)
    return Written(version=clients.vault.write(hook.secret_path, wanted, cas=kept.version))


def _wanted(data: Mapping[str, str], *, now: datetime, unfinished: bool) -> dict[str, str]:
    """Return what Vault shall hold. The day of grace begins anew where much of it went by in an unfinished rotation."""
    until = (now + GRACE).isoformat()
    if not unfinished:
        return {**data, SECRET: secrets.token_hex(_BYTES), PREVIOUS: data[SECRET], PREVIOUS_UNTIL: until}
    if PREVIOUS_UNTIL in data and datetime.fromisoformat(data[PREVIOUS_UNTIL]) < now + GRACE / 2:
        return {**data, PREVIOUS_UNTIL: until}
    return dict(data)


def announce_secret(wanted: OfWritten, _: Clients) -> None:
    """Let the doors read Vault anew before they refuse a signature: from now on GitHub may use the new secret."""
    Hook.objects.filter(pk=wanted.ask.hook_key).update(secret_announced=wanted.write_secret.version)


def give_secret_to_github(wanted: OfWritten, clients: Clients) -> None:
    """Let GitHub sign with the new secret. To give the same one again changes nothing.

    Raises Permanent `webhooks:rotation:no-hook` where GitHub has no such hook.
    """
    hook = _hook(wanted.ask)
    secret = clients.vault.read(hook.secret_path).data[SECRET]
    try:
        clients.github.hooks.set_secret(place_of(hook), hook.github_id or 0, secret)
    except Missing as error:
        raise _problem("webhooks:rotation:no-hook", str(error)) from error


def record_rotation(wanted: OfWritten, _: Clients) -> None:
    """Record which version GitHub was given, and tell of it."""
    version = wanted.write_secret.version
    mine = projects_of(Hook.objects.get(pk=wanted.ask.hook_key))
    with transaction.atomic():
        told = projects.lock(mine)
        hook = Hook.objects.select_for_update(no_key=True).get(pk=wanted.ask.hook_key)
        hook.secret_version, hook.secret_announced, hook.secret_given_at = version, None, clock.now()
        hook.save(update_fields=["secret_version", "secret_announced", "secret_given_at"])
        tell(hook, version, told)


def ask_for_ping(wanted: OfWritten, clients: Clients) -> None:
    """Let GitHub send a ping, which shows that it signs with the new secret. One more changes nothing.

    Raises Permanent `webhooks:rotation:no-hook` where GitHub has no such hook.
    """
    hook = _hook(wanted.ask)
    try:
        clients.github.hooks.ping(place_of(hook), hook.github_id or 0)
    except Missing as error:
        raise _problem("webhooks:rotation:no-hook", str(error)) from error


def _hook(ask: Ask) -> Hook:
    hook = Hook.objects.select_related("project").filter(pk=ask.hook_key, github_id__isnull=False).first()
    if hook is None:
        raise _problem("webhooks:rotation:no-hook", f"There is no hook {ask.hook_key} that GitHub knows.")
    return hook


def _problem(code: str, detail: str) -> Permanent:
    return Permanent(code, hint=PROBLEMS[code].hint, detail=detail)
