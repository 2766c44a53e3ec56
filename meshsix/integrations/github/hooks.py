"""Webhooks of repositories and organizations, the one of a GitHub App, and their deliveries.

https://docs.github.com/en/rest/repos/webhooks, https://docs.github.com/en/rest/orgs/webhooks and
https://docs.github.com/en/rest/apps/webhooks
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from itertools import takewhile
from typing import Any

from meshsix.integrations.github.messages import HookDelivery, Webhook
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

    def one(self, place: Place, hook_id: int) -> Webhook:
        """Return one hook. Raises Missing where it was deleted."""
        owner, path = _where(place)
        return Webhook.parse(self._transport.rest(owner, "GET", f"{path}/{hook_id}").json_object)

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

    def set_secret(self, place: Place, hook_id: int, secret: str) -> None:
        """Let GitHub sign what it sends to the hook with this secret from now on; all else stays as it is."""
        owner, path = _where(place)
        self._transport.rest(owner, "PATCH", f"{path}/{hook_id}/config", body={"secret": secret}, creates=True)

    def ping(self, place: Place, hook_id: int) -> None:
        """Ask GitHub to send a `ping` to the hook."""
        owner, path = _where(place)
        self._transport.rest(owner, "POST", f"{path}/{hook_id}/pings", creates=True)

    def deliveries(self, place: Place, hook_id: int, *, since: datetime) -> Iterator[HookDelivery]:
        """Give what GitHub sent to the hook since then, newest first, as far as it remembers (3 days).

        One call for each 100; who stops early saves the rest. Raises Missing where the hook was deleted.
        """
        owner, path = _where(place)
        return _since(self._transport.pages(owner, f"{path}/{hook_id}/deliveries"), since)

    def redeliver(self, place: Place, hook_id: int, delivery_id: int) -> None:
        """Ask GitHub to send this delivery again, under its guid. Raises Missing where GitHub forgot it."""
        owner, path = _where(place)
        self._transport.rest(owner, "POST", f"{path}/{hook_id}/deliveries/{delivery_id}/attempts", creates=True)


class AppHook:
    """The same words about the one hook of a GitHub App. Each raises Refused `github:no-app` where we are none."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def url(self) -> str:
        """Return where the app's events are sent to; empty where its webhook is off."""
        return str(self._transport.app_rest("GET", "/app/hook/config").json_object.get("url") or "")

    def set_secret(self, secret: str) -> None:
        """Let GitHub sign what it sends to the app with this secret from now on."""
        self._transport.app_rest("PATCH", "/app/hook/config", body={"secret": secret}, creates=True)

    def deliveries(self, *, since: datetime) -> Iterator[HookDelivery]:
        """Give what GitHub sent to the app since then, newest first, as far as it remembers (3 days)."""
        return _since(self._transport.app_pages("/app/hook/deliveries"), since)

    def redeliver(self, delivery_id: int) -> None:
        """Ask GitHub to send this delivery again, under its guid. Raises Missing where GitHub forgot it."""
        self._transport.app_rest("POST", f"/app/hook/deliveries/{delivery_id}/attempts", creates=True)


def _since(entries: Iterable[Mapping[str, Any]], since: datetime) -> Iterator[HookDelivery]:
    return takewhile(lambda delivery: delivery.delivered_at >= since, map(HookDelivery.parse, entries))


def _where(place: Place) -> tuple[str, str]:
    if isinstance(place, str):
        return place, f"/orgs/{place}/hooks"
    return place.owner, f"/repos/{place.full_name}/hooks"


def _config(url: str, secret: str) -> dict[str, Any]:
    return {"url": url, "content_type": "json", "secret": secret, "insecure_ssl": "0"}
