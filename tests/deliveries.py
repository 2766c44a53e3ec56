"""Deliveries for tests: signed and sent through the door as GitHub does it, and handled as a worker does it."""

import json
import uuid
from typing import Any

from django.test import Client

from apps.projects.models import Hook, HookKind, Project
from apps.webhooks import handling, keyring
from apps.webhooks.doors import known_hooks
from apps.webhooks.models import Delivery
from apps.webhooks.signatures import sign
from meshsix import wiring

SECRET = "It's a Secret to Everybody"
Json = dict[str, Any]


def proven(project: Project) -> Hook:
    """Give the project's repository hook a secret in Vault, so that the door believes it."""
    hook = Hook.objects.get(project=project, kind=HookKind.REPOSITORY)
    return _with_secret(hook)


def organization_hook(owner: str = "octo-org", github_id: int = 71) -> Hook:
    """Return a new hook of an organization that the door believes."""
    made = Hook.objects.create(
        key=uuid.uuid4().hex, kind=HookKind.ORGANIZATION, owner=owner, github_id=github_id, secret_path="-"
    )
    return _with_secret(made)


def _with_secret(hook: Hook) -> Hook:
    hook.secret_path = f"mesh-six/webhooks/tests/{uuid.uuid4().hex}"
    hook.secret_version = wiring.clients().vault.write(hook.secret_path, {"secret": SECRET}, cas=0)
    hook.save()
    keyring.KEYRING.forget()
    known_hooks.HOOKS.forget()
    return hook


def send(hook: Hook, event: str, payload: Json, *, guid: str = "") -> tuple[int, str]:
    """Send a delivery through the door; return the answer's status and word."""
    body = json.dumps(payload).encode()
    headers = {
        "X-GitHub-Event": event,
        "X-GitHub-Delivery": guid or str(uuid.uuid4()),
        "X-Hub-Signature-256": sign(body, SECRET.encode()),
    }
    place = f"/webhooks/github/{hook.pk}"
    answer = Client().post(place, data=body, content_type="application/json", headers=headers)
    return answer.status_code, answer.json()["status"]


def handle_all() -> None:
    """Handle what is due, the oldest first."""
    for pk in Delivery.objects.order_by("received_at", "id").values_list("pk", flat=True):
        handling.handle(pk)


def heard(hook: Hook, event: str, payload: Json, *, guid: str = "") -> Delivery:
    """Send a delivery, let it be handled, and return its row."""
    name = guid or str(uuid.uuid4())
    assert send(hook, event, payload, guid=name)[0] in {200, 202}
    delivery = Delivery.objects.get(guid=name, hook=hook)
    handling.handle(delivery.pk)
    delivery.refresh_from_db()
    return delivery


def repository(full_name: str = "octo-org/bookmarks", number: int = 1296269, **more: object) -> Json:
    """Return the fields of a repository that the platform reads, as GitHub sends them."""
    owner, name = full_name.split("/")
    return {
        "id": number,
        "name": name,
        "full_name": full_name,
        "owner": {"login": owner},
        "default_branch": "main",
        "html_url": f"https://git.example.org/{full_name}",
        "updated_at": "2026-01-31T12:00:00Z",
        "pushed_at": "2026-01-31T12:00:00Z",
        **more,
    }


def issue(number: int = 7, **more: object) -> Json:
    """Return the fields of an issue that the platform reads, as GitHub sends them."""
    return {
        "number": number,
        "node_id": f"I_{number}",
        "title": "Add tagging support",
        "html_url": f"https://git.example.org/octo-org/bookmarks/issues/{number}",
        "user": {"login": "octocat", "type": "User"},
        "labels": [],
        "assignees": [],
        "state": "open",
        "updated_at": "2026-01-31T12:00:00Z",
        "closed_at": None,
        **more,
    }


def about(action: str, **more: object) -> Json:
    """Return a payload about the repository with this action."""
    return {"action": action, "repository": repository(), "sender": {"login": "octocat", "type": "User"}, **more}
