"""Brings a hook back to what it should be, on a person's word: anew, switched on, readdressed, its secret rotated."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from django.db import transaction

from apps.onboarding.steps.hooks import ORGANIZATION_EVENTS, REPOSITORY_EVENTS, WantedHook, converge
from apps.projects.models import Hook, HookKind
from apps.webhooks.places import place_of
from apps.webhooks.repair import claims, events, places, redelivery, rights
from apps.webhooks.repair.models import HookWatch
from apps.webhooks.rotation import services as rotation
from meshsix.durable.outcomes import Permanent
from meshsix.integrations.errors import TryLater, VendorError
from meshsix.kit import clock
from meshsix.kit.actor import Actor
from meshsix.wiring import Clients

_PING_TAKES = timedelta(seconds=3)
_USUAL_PAUSE = timedelta(seconds=30)


class Done(StrEnum):
    """What was done to a hook."""

    MADE_ANEW = "made_anew"
    ROTATING = "rotating"
    """Its secret is being rotated by a run, which ends with a ping."""
    CHANGED = "changed"
    NOTHING = "nothing"


@dataclass(frozen=True, kw_only=True)
class Mended:
    """What was done to a hook, and how many deliveries are asked for."""

    done: Done
    missing: int


class CannotRepair(Exception):  # noqa: N818 - reads as a word of the domain
    """GitHub or Vault does not do it. `pause` says when it may work, None: never; `code` is of the catalogue."""

    def __init__(self, message: str, *, hint: str = "", pause: timedelta | None = None) -> None:
        super().__init__(message)
        self.code = "hook:repair:refused" if pause is None else "hook:repair:later"
        self.hint, self.pause = hint, pause


class NeedsAdmin(Exception):  # noqa: N818 - reads as a word of the domain
    """The repair would give the webhook a new secret, which is for admins."""

    code = "hook:act:for-admins"


def mend(watch: HookWatch, clients: Clients, *, actor: Actor, may_rotate: bool = False) -> Mended:
    """Repair the hook, prove it by a ping, and ask anew for all that it sent in vain.

    Each part looks before it writes: a repeat changes nothing. Raises CannotRepair, and NeedsAdmin without
    `may_rotate` where only a new secret helps.
    """
    if watch.hook is None:
        hint = "Set the webhook's address and secret on the app's own page at GitHub."
        raise CannotRepair("The app's webhook can be repaired at GitHub alone.", hint=hint)
    rotates = rights.rotates(watch)
    if rotates and not may_rotate:
        raise NeedsAdmin("This repair gives the webhook a new secret, which needs the role admin.")
    try:
        done = _repaired(watch.hook, clients, actor, rotates=rotates)
        if done is not Done.ROTATING:
            clients.github.hooks.ping(place_of(watch.hook), watch.hook.github_id or 0)
    except TryLater as error:
        raise CannotRepair(str(error), hint=error.hint, pause=error.pause or _USUAL_PAUSE) from error
    except VendorError as error:
        raise CannotRepair(str(error), hint=error.hint) from error
    except Permanent as error:
        raise CannotRepair(str(error), hint=error.hint) from error
    return Mended(done=done, missing=_begin_anew(watch, done, actor))


def _repaired(hook: Hook, clients: Clients, actor: Actor, *, rotates: bool) -> Done:
    """Make GitHub's hook what it should be; return what was done."""
    before = hook.github_id
    changed = converge(_wanted(hook, clients), clients.github.hooks).changed
    hook.refresh_from_db()
    if hook.github_id != before:
        return Done.MADE_ANEW
    if rotates:
        with suppress(rotation.UnderWay):
            rotation.rotate(hook, actor=actor)
        return Done.ROTATING
    return Done.CHANGED if changed else Done.NOTHING


def _wanted(hook: Hook, clients: Clients) -> WantedHook:
    kept = clients.vault.read(hook.secret_path)
    return WantedHook(
        place=place_of(hook),
        row=hook,
        secret=kept.data["secret"],
        version=kept.version,
        events=REPOSITORY_EVENTS if hook.kind == HookKind.REPOSITORY else ORGANIZATION_EVENTS,
    )


@transaction.atomic
def _begin_anew(watch: HookWatch, done: Done, actor: Actor) -> int:
    """Let the next look come soon, when the ping is there, and ask for everything again."""
    now = clock.now()
    redelivery.lock(watch)
    missing = redelivery.reopen(watch, now, actor=actor)
    HookWatch.objects.filter(pk=watch.pk).update(due_at=now + _PING_TAKES, error="")
    facts = {"hook": places.name_of(watch), "done": done, "missing": missing}
    events.tell(watch, "hook-repaired", facts, actor=actor)
    return missing


@transaction.atomic
def redeliver_missing(watch: HookWatch, *, actor: Actor) -> int:
    """Ask for everything again that the hook sent in vain, tries begin anew, and compare now; return how many.

    GitHub is asked by the next look, which is due at once.
    """
    now = clock.now()
    redelivery.lock(watch)
    missing = redelivery.reopen(watch, now, actor=actor)
    claims.hurry([watch.pk], now)
    facts = {"hook": places.name_of(watch), "missing": missing}
    events.tell(watch, "redelivery-asked-for", facts, actor=actor)
    return missing
