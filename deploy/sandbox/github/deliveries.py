"""Webhook deliveries: which hook gets which event. They are stored with the change that caused them; sender.py sends.

GitHub never tries again by itself; `redeliver` is what its "redeliver" button does.
"""

import json
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from deploy.sandbox.github import shapes
from deploy.sandbox.github.records import Account, Delivery, Hook, Repository
from deploy.sandbox.github.trouble import Kind
from deploy.sandbox.github.world import World, timestamp

Json = dict[str, Any]
KEPT = timedelta(days=3)
ORGANIZATION_ONLY = frozenset({"projects_v2", "projects_v2_item", "organization", "member", "membership"})
NOT_FOR_REPOSITORIES = frozenset({("repository", "deleted")})
"""Events with their action that reach no hook of the repository itself, which is gone by then."""
REPOSITORY_EVENTS = frozenset(
    """
    branch_protection_rule check_run check_suite code_scanning_alert commit_comment create delete dependabot_alert
    deploy_key deployment deployment_status discussion discussion_comment fork gollum issue_comment issues label member
    meta milestone package page_build ping public pull_request pull_request_review pull_request_review_comment
    pull_request_review_thread push registry_package release repository repository_import
    repository_vulnerability_alert secret_scanning_alert star status team_add watch workflow_job workflow_run
    """.split()  # noqa: SIM905 - forty lines of one word each would not read better
)
KNOWN_EVENTS = REPOSITORY_EVENTS | ORGANIZATION_ONLY


def emit(
    world: World,
    event: str,
    payload: Json,
    *,
    sender: str,
    repository: Repository | None = None,
    organization: Account | None = None,
) -> None:
    """Store a delivery of the event for each hook that wants it; they are sent after the commit."""
    owner = organization or (world.known(repository.owner) if repository else None)
    body = dict(payload)
    if repository is not None:
        body["repository"] = shapes.event_repository(world, repository)
    if owner is not None and owner.kind == "Organization":
        body["organization"] = shapes.short_organization(world, owner)
    body["sender"] = shapes.user(world, sender)
    for hook in world.store.all(Hook, lambda each: each.active and (event in each.events or "*" in each.events)):
        if (hook.target, hook.target_id) in _targets(event, body.get("action"), repository, owner):
            store(world, hook, event, body, repository)
    if owner is not None:
        _emit_to_apps(world, event, body, owner, repository)


def _targets(
    event: str, action: str | None, repository: Repository | None, owner: Account | None
) -> set[tuple[str, int]]:
    targets = set()
    for_repositories = event not in ORGANIZATION_ONLY and (event, action) not in NOT_FOR_REPOSITORIES
    if repository is not None and for_repositories:
        targets.add(("repository", repository.id))
    if owner is not None and owner.kind == "Organization":
        targets.add(("organization", owner.id))
    return targets


def _emit_to_apps(world: World, event: str, body: Json, owner: Account, repository: Repository | None) -> None:
    for app in world.config.apps:
        for installation in app.installations:
            if app.webhook and installation.owner.lower() == owner.login.lower() and event in app.events:
                shown = {"id": installation.id, "node_id": f"MDIzOkludGVncmF0aW9uSW5zdGFsbGF0aW9u{installation.id}"}
                hook = app_hook(world, app.id)
                store(world, hook, event, {**body, "installation": shown}, repository)


def app_hook(world: World, app_id: int) -> Hook:
    """Return the hook of a GitHub App, made of its configuration when it is first asked for."""
    app = next(each for each in world.config.apps if each.id == app_id)
    found = world.store.first(Hook, lambda each: (each.target, each.target_id) == ("integration", app_id))
    if found is not None:
        return found
    now = timestamp()
    return world.store.add(
        Hook(
            target="integration",
            target_id=app_id,
            url=app.webhook.url if app.webhook else "",
            secret=app.webhook.secret if app.webhook else None,
            content_type="json",
            events=list(app.events),
            created_at=now,
            updated_at=now,
        )
    )


def ping(world: World, hook: Hook, *, sender: str, place: str) -> Delivery:
    """Store a ping for a hook, whatever events it wants."""
    body: Json = {"zen": "Keep it logically awesome.", "hook_id": hook.id, "hook": shapes.hook(world, hook, place)}
    return _about_itself(world, hook, "ping", body, sender=sender)


def farewell(world: World, hook: Hook, *, sender: str) -> None:
    """Delete a hook. One that wants `meta` events hears of it: the last that is ever sent to it."""
    if not {"meta", "*"} & set(hook.events):
        world.store.remove(hook)
        return
    body: Json = {"action": "deleted", "hook_id": hook.id, "hook": shapes.gone_hook(hook)}
    _about_itself(world, hook, "meta", body, sender=sender)
    hook.active, hook.deleted = False, True
    world.store.save(hook)


def _about_itself(world: World, hook: Hook, event: str, body: Json, *, sender: str) -> Delivery:
    repository = world.by_id(hook.target_id) if hook.target == "repository" else None
    owner = world.known(repository.owner) if repository else world.store.get(Account, hook.target_id)
    if repository is not None:
        body["repository"] = shapes.event_repository(world, repository)
    elif owner is not None:
        body["organization"] = shapes.short_organization(world, owner)
    body["sender"] = shapes.user(world, sender)
    return store(world, hook, event, body, repository)


def store(world: World, hook: Hook, event: str, body: Json, repository: Repository | None) -> Delivery:
    """Store one delivery that is yet to be sent, and let go of those that GitHub keeps no longer."""
    now = timestamp()
    world.to_send = True
    oldest = (datetime.now(UTC) - KEPT).strftime("%Y-%m-%dT%H:%M:%SZ")
    for old in world.store.all(Delivery, lambda each: each.done and each.created_at < oldest):
        world.store.remove(old)
    return world.store.add(
        Delivery(
            hook_id=hook.id,
            guid=str(uuid.uuid4()),
            event=event,
            action=body.get("action"),
            payload=json.dumps(body),
            repository_id=repository.id if repository else None,
            held=world.trouble.has(Kind.HELD, place_of(world, hook)),
            created_at=now,
            delivered_at=now,
        )
    )


def release(world: World, ids: Sequence[int] | None, *, backwards: bool) -> list[Delivery]:
    """Let held deliveries go, one after the other: those of `ids` in that order, or all of them by age."""
    held = list(world.store.all(Delivery, lambda each: each.held))
    known = {each.id: each for each in held}
    chosen = held if ids is None else [known[number] for number in ids]
    if backwards:
        chosen.reverse()
    for turn, each in enumerate(chosen, 1):
        each.held, each.turn = False, turn
        world.store.save(each)
    world.to_send = True
    return chosen


def redeliver(world: World, old: Delivery) -> Delivery:
    """Store the same delivery again, under the same guid."""
    now = timestamp()
    world.to_send = True
    return world.store.add(
        Delivery(
            hook_id=old.hook_id,
            guid=old.guid,
            event=old.event,
            action=old.action,
            payload=old.payload,
            repository_id=old.repository_id,
            redelivery=True,
            created_at=now,
            delivered_at=now,
        )
    )


def place_of(world: World, hook: Hook) -> str:
    """Return the name of the repository, organization or app that a hook belongs to; empty where it is gone."""
    if hook.target == "repository":
        found = world.store.get(Repository, hook.target_id)
        return found.full_name if found else ""
    if hook.target == "integration":
        return next((app.slug for app in world.config.apps if app.id == hook.target_id), "")
    account = world.store.get(Account, hook.target_id)
    return account.login if account else ""
