"""Webhook deliveries: which hook gets which event, signed and sent as GitHub does it, once, in the background.

A delivery is stored with the change that caused it and sent after the commit, so none is lost by a restart. GitHub
never tries again by itself; `redeliver` is what its "redeliver" button does.
"""

import asyncio
import contextlib
import hashlib
import hmac
import json
import time
import uuid
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import httpx

from deploy.sandbox.github import shapes
from deploy.sandbox.github.records import Account, Delivery, Hook, Repository
from deploy.sandbox.github.world import World, timestamp

Json = dict[str, Any]
TIMEOUT_SECONDS = 10.0
KEPT = timedelta(days=3)
ORGANIZATION_ONLY = frozenset({"projects_v2", "projects_v2_item", "organization", "member", "membership"})
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
        if (hook.target, hook.target_id) in _targets(event, repository, owner):
            store(world, hook, event, body, repository)
    if owner is not None:
        _emit_to_apps(world, event, body, owner, repository)


def _targets(event: str, repository: Repository | None, owner: Account | None) -> set[tuple[str, int]]:
    targets = set()
    if repository is not None and event not in ORGANIZATION_ONLY:
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
    repository = world.by_id(hook.target_id) if hook.target == "repository" else None
    owner = world.known(repository.owner) if repository else world.store.get(Account, hook.target_id)
    if repository is not None:
        body["repository"] = shapes.event_repository(world, repository)
    elif owner is not None:
        body["organization"] = shapes.short_organization(world, owner)
    body["sender"] = shapes.user(world, sender)
    return store(world, hook, "ping", body, repository)


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
            created_at=now,
            delivered_at=now,
        )
    )


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


def request_of(hook: Hook, delivery: Delivery) -> tuple[dict[str, str], bytes]:
    """Return the headers and the body with which a delivery is sent, signatures included."""
    form = hook.content_type != "json"
    body = urlencode({"payload": delivery.payload}).encode() if form else delivery.payload.encode()
    headers = {
        "Accept": "*/*",
        "Content-Type": "application/x-www-form-urlencoded" if form else "application/json",
        "User-Agent": "GitHub-Hookshot/5a3c1f7",
        "X-GitHub-Delivery": delivery.guid,
        "X-GitHub-Event": delivery.event,
        "X-GitHub-Hook-ID": str(hook.id),
        "X-GitHub-Hook-Installation-Target-ID": str(hook.target_id),
        "X-GitHub-Hook-Installation-Target-Type": hook.target,
    }
    if hook.secret:
        for name, algorithm in (("X-Hub-Signature", "sha1"), ("X-Hub-Signature-256", "sha256")):
            digest = hmac.new(hook.secret.encode(), body, getattr(hashlib, algorithm)).hexdigest()
            headers[name] = f"{algorithm}={digest}"
    return headers, body


def place_of(world: World, hook: Hook) -> str:
    """Return the name of the repository or organization that a hook belongs to."""
    if hook.target == "repository":
        return world.by_id(hook.target_id).full_name
    account = world.store.get(Account, hook.target_id)
    return account.login if account else ""


def pending(world: World) -> list[tuple[Hook, Delivery]]:
    """Return what is stored and not sent yet, oldest first."""
    world.to_send = False
    waiting = world.store.all(Delivery, lambda each: not each.done)
    return [(hook, each) for each in waiting if (hook := world.store.get(Hook, each.hook_id)) is not None]


def record(
    world: World, hook: Hook, delivery: Delivery, answer: httpx.Response | httpx.HTTPError, seconds: float
) -> None:
    """Write down what became of a delivery, in its own record and in its hook's. After a reset there are none."""
    if world.store.get(Delivery, delivery.id) is not delivery:
        return
    delivery.done, delivery.delivered_at, delivery.url = True, timestamp(), hook.url
    delivery.duration = round(seconds, 2)
    if isinstance(answer, httpx.Response):
        delivery.status_code = answer.status_code
        delivery.status = "OK" if answer.is_success else f"Invalid HTTP Response: {answer.status_code}"
        delivery.response_headers = dict(answer.headers)
        delivery.response_body = answer.text[:100_000]
        hook.last_status = "active" if answer.is_success else "misconfigured"
        hook.last_code = answer.status_code
    else:
        timed_out = isinstance(answer, httpx.TimeoutException)
        delivery.status_code = 504 if timed_out else 502
        delivery.status = "timed out" if timed_out else "failed to connect to host"
        hook.last_status, hook.last_code = ("timeout", 504) if timed_out else ("connection_error", 502)
    hook.last_message = delivery.status
    delivery.request_headers = request_of(hook, delivery)[0]
    world.store.save(delivery)
    if world.store.get(Hook, hook.id) is not None:
        world.store.save(hook)


Work = Callable[[Callable[[], Any]], Awaitable[Any]]


class Sender:
    """Sends what is pending, a few at a time. `work` runs a function alone on the world and commits."""

    def __init__(self, world: World, work: Work) -> None:
        self._world, self._work = world, work
        self._more = asyncio.Event()
        self._under_way: set[int] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    def nudge(self) -> None:
        """Say that there may be something to send."""
        self._more.set()

    async def run(self) -> None:
        """Send until cancelled."""
        limits = httpx.Limits(max_connections=16)
        async with httpx.AsyncClient(timeout=TIMEOUT_SECONDS, limits=limits, trust_env=False) as client:
            try:
                while True:
                    for hook, delivery in await self._work(lambda: pending(self._world)):
                        if delivery.id not in self._under_way:
                            self._under_way.add(delivery.id)
                            task = asyncio.create_task(self._send(client, hook, delivery))
                            self._tasks.add(task)
                            task.add_done_callback(self._tasks.discard)
                    await self._more.wait()
                    self._more.clear()
            finally:
                for task in self._tasks:
                    task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _send(self, client: httpx.AsyncClient, hook: Hook, delivery: Delivery) -> None:
        headers, body = request_of(hook, delivery)
        answer: httpx.Response | httpx.HTTPError
        began = time.monotonic()
        try:
            if self._world.lost and await self._work(lambda: place_of(self._world, hook)) in self._world.lost:
                raise httpx.ConnectError("lost on the way")
            answer = await client.post(hook.url, content=body, headers=headers)
        except httpx.HTTPError as error:
            answer = error
        seconds = time.monotonic() - began
        await self._work(lambda: record(self._world, hook, delivery, answer, seconds))
        self._under_way.discard(delivery.id)
