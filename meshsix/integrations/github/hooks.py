"""Webhooks of repositories and organizations.

https://docs.github.com/en/rest/repos/webhooks and https://docs.github.com/en/rest/orgs/webhooks
"""

from collections.abc import Iterable
from typing import Any

from meshsix.integrations.github.messages import Webhook
from meshsix.integrations.github.transport import Transport
from meshsix.kit.names import RepositoryName

Place = RepositoryName | str
"""Where a hook lives: in a repository, or in the organization of this login."""


class Hooks:
    """Words about webhooks. GitHub pings a new active hook by itself, but not a changed one."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def of(self, place: Place) -> tuple[Webhook, ...]:
        """Return all hooks of a repository or an organization."""
        owner, path = _where(place)
        return tuple(Webhook.parse(item) for item in self._transport.pages(owner, path))

    def create(self, place: Place, *, url: str, secret: str, events: Iterable[str]) -> Webhook:
        """Create an active hook that sends JSON. Raises Conflict where a hook with this address exists."""
        owner, path = _where(place)
        body = {"name": "web", "active": True, "events": sorted(events), "config": _config(url, secret)}
        return Webhook.parse(self._transport.rest(owner, "POST", path, body=body, creates=True).json_object)

    def update(self, place: Place, hook_id: int, *, url: str, secret: str, events: Iterable[str]) -> Webhook:
        """Bring the hook to what `create` makes, with this secret."""
        owner, path = _where(place)
        body = {"active": True, "events": sorted(events), "config": _config(url, secret)}
        answer = self._transport.rest(owner, "PATCH", f"{path}/{hook_id}", body=body, creates=True)
        return Webhook.parse(answer.json_object)

    def ping(self, place: Place, hook_id: int) -> None:
        """Ask GitHub to send a `ping` to the hook."""
        owner, path = _where(place)
        self._transport.rest(owner, "POST", f"{path}/{hook_id}/pings", creates=True)


def _where(place: Place) -> tuple[str, str]:
    if isinstance(place, str):
        return place, f"/orgs/{place}/hooks"
    return place.owner, f"/repos/{place.full_name}/hooks"


def _config(url: str, secret: str) -> dict[str, Any]:
    return {"url": url, "content_type": "json", "secret": secret, "insecure_ssl": "0"}
