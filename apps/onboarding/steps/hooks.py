"""The webhooks: one of the repository and, for an organization, one that tells moves on boards. Proved by a ping.

The row with the hook's opaque key is stored before the hook is made, and the key stands in the hook's address: after a
crash in between the hook is found by its address. A repository's hook never tells moves on boards; a user's boards tell
them to nobody: https://docs.github.com/en/webhooks/webhook-events-and-payloads#projects_v2_item
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.conf import settings

from apps.onboarding.catalog import problem
from apps.onboarding.steps.access import BOARD_EVENT
from apps.onboarding.words import BoardEvents, HooksReady, HooksWanted
from apps.projects import queries
from apps.projects import services as projects
from apps.projects.models import Hook
from meshsix.durable.outcomes import Asked, WaitFor
from meshsix.integrations.errors import Conflict, Missing, Refused
from meshsix.integrations.github.hooks import Hooks, Place
from meshsix.integrations.github.messages import CredentialKind, Webhook
from meshsix.integrations.vault.failures import Absent
from meshsix.kit import clock, names
from meshsix.wiring import Clients

REPOSITORY_EVENTS = (
    "check_suite",
    "issue_comment",
    "issues",
    "label",
    "meta",
    "pull_request",
    "pull_request_review",
    "push",
    "repository",
    "workflow_run",
)
ORGANIZATION_EVENTS = ("meta", BOARD_EVENT, "repository")
"""That a repository was deleted is told to hooks of organizations alone."""
EVERY_EVENT = "*"
PINGS = 4
"""How many pings are asked for while we wait: GitHub sends each once, and it is lost where our web process is down."""


@dataclass(frozen=True, kw_only=True)
class WantedHook:
    """A hook as it should be. `version` is the one of its secret in Vault."""

    place: Place
    row: Hook
    secret: str = field(repr=False)
    version: int
    events: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class MadeHook:
    """A hook as it is at GitHub now. `pinged` where GitHub has just sent a ping by itself."""

    place: Place
    key: str
    github_id: int
    changed: bool
    pinged: bool


def register_webhook(wanted: HooksWanted, clients: Clients) -> HooksReady:
    """Make or take over the webhooks and wait until a ping of each arrived through our own endpoint.

    Raises Permanent `onboard:hook:no-ping` where none came in time, and where we may make no (more) hooks.
    """
    made = [_repository_hook(wanted, clients)]
    by_app = _told_by_app(wanted, clients)
    if wanted.validate_repo.owner_is_organization and not by_app:
        made.append(_organization_hook(wanted, clients))
    for number, hook in enumerate(made, start=1):
        _prove(hook, wanted, clients, until=wanted.this.first_started_at + number * settings.HOOK_PING_WAIT)
    return HooksReady(
        repository_hook_id=made[0].github_id,
        organization_hook_id=made[1].github_id if len(made) > 1 else None,
        board_events=BoardEvents.WEBHOOK if wanted.validate_repo.owner_is_organization else BoardEvents.POLL,
        settings_url=f"{wanted.validate_repo.html_url}/settings/hooks",
        changed=wanted.answer is not None or any(hook.changed for hook in made),
    )


def doors() -> str:
    """Return the address under which GitHub reaches our doors: that of a door process where one has its own."""
    return settings.WEBHOOK_URL or settings.PUBLIC_URL


def address(key: str = "") -> str:
    """Return where GitHub delivers to: our door with the hook's opaque key, without one where the GitHub App does."""
    return f"{doors()}{_path(key)}"


def _path(key: str) -> str:
    return f"/webhooks/github/{key}".rstrip("/")


def _told_by_app(wanted: HooksWanted, clients: Clients) -> bool:
    """Return whether the GitHub App's own webhook tells moves on boards."""
    access = wanted.validate_repo
    if access.credential_kind != CredentialKind.APP:
        return False
    return BOARD_EVENT in clients.github.identity(access.owner).events


def _repository_hook(wanted: HooksWanted, clients: Clients) -> MadeHook:
    path = wanted.register_webhook_secret.path
    project_id = UUID(wanted.register_in_database.project_id)
    row = projects.repository_hook(project_id, secret_path=path, events=list(REPOSITORY_EVENTS))
    kept = clients.vault.read(path)
    return converge(
        WantedHook(
            place=wanted.validate_repo.repository,
            row=row,
            secret=kept.data["secret"],
            version=kept.version,
            events=REPOSITORY_EVENTS,
        ),
        clients.github.hooks,
    )


def _organization_hook(wanted: HooksWanted, clients: Clients) -> MadeHook:
    owner = wanted.validate_repo.owner
    path = names.organization_webhook_path(owner)
    row = projects.organization_hook(owner, secret_path=path, events=list(ORGANIZATION_EVENTS))
    secret, version = _organization_secret(owner, path, clients)
    return converge(
        WantedHook(place=owner, row=row, secret=secret, version=version, events=ORGANIZATION_EVENTS),
        clients.github.hooks,
    )


def _organization_secret(owner: str, path: str, clients: Clients) -> tuple[str, int]:
    """Return the secret of the organization's hook and its version; made on first use, by check-and-set."""
    try:
        kept = clients.vault.read(path)
    except Absent as absent:
        value = secrets.token_hex(32)
        return value, clients.vault.write(path, {"secret": value, "owner": owner}, cas=absent.version)
    return kept.data["secret"], kept.version


def converge(wanted: WantedHook, hooks: Hooks) -> MadeHook:
    """Find the hook by its address, else by its number; make it if absent, change it where it differs.

    Raises Permanent of onboarding's where we may make no (more) hooks, and VendorError.
    """
    row = wanted.row
    try:
        present = _present(wanted.row, hooks.of(wanted.place))
        if present is not None and _fits(present, wanted):
            return MadeHook(place=wanted.place, key=row.key, github_id=present.id, changed=False, pinged=False)
        projects.hook_doubted(row.key)
        written = _create(wanted, hooks) if present is None else _update(wanted, present, hooks)
    except Refused as error:
        raise _refused(error) from error
    projects.hook_found(row.key, github_id=written.id, events=sorted(written.events), secret_version=wanted.version)
    return MadeHook(place=wanted.place, key=row.key, github_id=written.id, changed=True, pinged=present is None)


def _present(row: Hook, there: Sequence[Webhook]) -> Webhook | None:
    """Return the row's hook; one whose address somebody changed is still known by its number."""
    by_address = next((hook for hook in there if hook.url.endswith(_path(row.key))), None)
    return by_address or next((hook for hook in there if hook.id == row.github_id), None)


def _fits(present: Webhook, wanted: WantedHook) -> bool:
    """Return whether GitHub's hook is as we want it; events that people added are fine."""
    return (
        present.url == address(wanted.row.key)
        and present.active
        and not present.insecure
        and present.content_type == "json"
        and (set(wanted.events) <= present.events or EVERY_EVENT in present.events)
        and wanted.row.github_id == present.id
        and wanted.row.secret_version == wanted.version
    )


def _create(wanted: WantedHook, hooks: Hooks) -> Webhook:
    return hooks.create(wanted.place, url=address(wanted.row.key), secret=wanted.secret, events=wanted.events)


def _update(wanted: WantedHook, present: Webhook, hooks: Hooks) -> Webhook:
    events = present.events if EVERY_EVENT in present.events else {*wanted.events, *present.events}
    try:
        return hooks.update(wanted.place, present.id, url=address(wanted.row.key), secret=wanted.secret, events=events)
    except Missing as error:
        raise Conflict(f"Hook {present.id} was deleted just now.", vendor=error.vendor, status=error.status) from error


def _refused(error: Refused) -> Exception:
    """Return the refusal in onboarding's words where it has some, else as it is."""
    if error.code in {"github:forbidden", "github:missing"}:
        return problem("onboard:hook:no-right", str(error))
    if error.code == "github:invalid" and "cannot have more than" in str(error):
        return problem("onboard:hook:limit", str(error))
    return error


def _prove(hook: MadeHook, wanted: HooksWanted, clients: Clients, *, until: datetime) -> None:
    """Wait until a ping of the hook arrived; asks for another where the one before may be lost."""
    if queries.hook_is_verified(hook.key):
        return
    name, now = f"hook-ping:{hook.key}", clock.now()
    asked_before = wanted.answer is not None and wanted.answer.name == name and wanted.answer.timed_out
    if asked_before and now >= until:
        raise problem("onboard:hook:no-ping", f"No ping at {doors()} within {settings.HOOK_PING_WAIT}.")
    if not hook.pinged:
        clients.github.hooks.ping(hook.place, hook.github_id)
    asked = Asked(who="GitHub", what="Waits for the webhook's ping.", facts={"address": doors()})
    look_again = min(until, now + settings.HOOK_PING_WAIT / PINGS) if now < until else now + settings.HOOK_PING_WAIT
    raise WaitFor(name, until=look_again, asked=asked)
