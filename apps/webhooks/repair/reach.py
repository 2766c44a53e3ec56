"""One hook at GitHub, in the few words that the watch needs: whether a repository's, an organization's or the app's."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from apps.onboarding.steps.hooks import address
from apps.projects.models import Hook
from apps.webhooks.places import place_of
from apps.webhooks.repair.models import HookWatch
from meshsix.integrations.github.hooks import AppHook, Hooks
from meshsix.integrations.github.messages import HookDelivery
from meshsix.wiring import Clients


@dataclass(frozen=True, kw_only=True)
class Shown:
    """A hook as GitHub shows it: whether it is switched on, where it sends to, and in which form."""

    active: bool
    url: str
    content_type: str = "json"


class Reach(Protocol):
    """One hook at GitHub. Its words raise VendorError; Missing where we may not see it, or it is gone meanwhile."""

    address: str

    def shown(self) -> Shown | None:
        """Return the hook, None where GitHub has it no more."""

    def deliveries(self, since: datetime) -> Iterator[HookDelivery]:
        """Give what it sent since then, the newest first."""

    def redeliver(self, delivery_id: int) -> None:
        """Ask for this delivery again."""


class OfHook:
    """The hook of a repository or an organization."""

    def __init__(self, hooks: Hooks, hook: Hook) -> None:
        self._hooks, self._place, self._id = hooks, place_of(hook), hook.github_id or 0
        self.address = address(hook.key)

    def shown(self) -> Shown | None:
        """Return the hook; it is looked for in the list, since a Missing of it alone could be a right that we lack."""
        found = next((each for each in self._hooks.of(self._place) if each.id == self._id), None)
        if found is None:
            return None
        return Shown(active=found.active, url=found.url, content_type=found.content_type)

    def deliveries(self, since: datetime) -> Iterator[HookDelivery]:
        """Give what it sent since then, the newest first."""
        return self._hooks.deliveries(self._place, self._id, since=since)

    def redeliver(self, delivery_id: int) -> None:
        """Ask for this delivery again."""
        self._hooks.redeliver(self._place, self._id, delivery_id)


class OfApp:
    """The hook of the GitHub App, which is on as long as it has an address."""

    def __init__(self, hook: AppHook) -> None:
        self._hook = hook
        self.address = address()

    def shown(self) -> Shown | None:
        """Return the hook."""
        url = self._hook.url()
        return Shown(active=bool(url), url=url or self.address)

    def deliveries(self, since: datetime) -> Iterator[HookDelivery]:
        """Give what it sent since then, the newest first."""
        return self._hook.deliveries(since=since)

    def redeliver(self, delivery_id: int) -> None:
        """Ask for this delivery again."""
        self._hook.redeliver(delivery_id)


def reach(watch: HookWatch, clients: Clients) -> Reach:
    """Return the watched hook at GitHub."""
    if watch.hook is None:
        return OfApp(clients.github.app_hook)
    return OfHook(clients.github.hooks, watch.hook)
