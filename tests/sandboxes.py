"""Sandbox vendors in this process, for tests that speak to some of them alone."""

import pkgutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from deploy.local.ports import free_port
from deploy.sandbox.__main__ import SANDBOXES
from deploy.sandbox.base import running
from deploy.sandbox.place import Place, with_addresses

_TIMEOUT_SECONDS = 60


@dataclass(frozen=True)
class Sandbox:
    """One vendor: its address, its log and its faults."""

    url: str

    def fault(self, kind: object = "status", **facts: object) -> None:
        """Ask for a fault; see deploy/sandbox/faults.py."""
        httpx.post(
            f"{self.url}/_sandbox/faults", json={"kind": kind, **facts}, timeout=_TIMEOUT_SECONDS
        ).raise_for_status()

    def no_faults(self) -> None:
        """Take all faults away."""
        httpx.delete(f"{self.url}/_sandbox/faults", timeout=_TIMEOUT_SECONDS).raise_for_status()

    def reset(self) -> None:
        """Forget requests, faults and state."""
        httpx.post(f"{self.url}/_sandbox/reset", timeout=_TIMEOUT_SECONDS).raise_for_status()

    def requests(self) -> list[dict[str, Any]]:
        """Return the log."""
        found: list[dict[str, Any]] = httpx.get(f"{self.url}/_sandbox/requests", timeout=_TIMEOUT_SECONDS).json()[
            "requests"
        ]
        return found

    def changes(self) -> list[str]:
        """Return the requests that changed something, as `METHOD path`."""
        return [f"{entry['method']} {entry['path']}" for entry in self.requests() if entry["changes"]]

    def forget_requests(self) -> None:
        """Empty the log."""
        httpx.delete(f"{self.url}/_sandbox/requests", timeout=_TIMEOUT_SECONDS).raise_for_status()


@contextmanager
def sandbox(name: str, data: Path, config: Mapping[str, Any]) -> Iterator[Sandbox]:
    """Serve the vendor `name` for the length of the block. `${name}` in its configuration is its own address."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    data.mkdir(parents=True, exist_ok=True)
    place = Place(name=name, config=with_addresses(config, {name: url}), data=data, addresses={name: url})
    with running(pkgutil.resolve_name(SANDBOXES[name])(place), port=port):
        yield Sandbox(url)
