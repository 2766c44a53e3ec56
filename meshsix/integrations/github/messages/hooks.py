"""Webhooks and their deliveries."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

Json = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class LastResponse:
    """How the receiver answered a hook's latest delivery. `code` is None where there was no answer yet.

    `status` is GitHub's word: unused, active, misconfigured, timeout, connection_error.
    """

    code: int | None
    status: str
    message: str

    @classmethod
    def parse(cls, data: Json) -> Self:
        """Read the `last_response` of a repository's webhook."""
        return cls(code=data.get("code"), status=data.get("status") or "", message=data.get("message") or "")


@dataclass(frozen=True, kw_only=True)
class Webhook:
    """A webhook. GitHub never shows its secret, and `last_response` of a repository's hooks only (else None)."""

    id: int
    url: str
    content_type: str
    insecure: bool
    events: frozenset[str]
    active: bool
    last_response: LastResponse | None = None

    @classmethod
    def parse(cls, data: Json) -> Self:
        """Read a repository's or an organization's webhook."""
        config = data["config"]
        return cls(
            id=data["id"],
            url=config.get("url", ""),
            content_type=config.get("content_type", "form"),
            insecure=str(config.get("insecure_ssl", "0")) == "1",
            events=frozenset(data["events"]),
            active=data["active"],
            last_response=LastResponse.parse(data["last_response"]) if data.get("last_response") else None,
        )


@dataclass(frozen=True, kw_only=True)
class HookDelivery:
    """One sending of one event to one hook, as GitHub's log has it. A redelivery has a new `id` and the old `guid`.

    `action` is empty for events without one; `status_code` is 0 where no answer came.
    """

    id: int
    guid: str
    event: str
    action: str
    delivered_at: datetime
    status_code: int
    redelivery: bool

    @classmethod
    def parse(cls, data: Json) -> Self:
        """Read one entry of GET .../hooks/{hook_id}/deliveries."""
        return cls(
            id=data["id"],
            guid=data["guid"],
            event=data["event"],
            action=data.get("action") or "",
            delivered_at=datetime.fromisoformat(data["delivered_at"]),
            status_code=data["status_code"],
            redelivery=data["redelivery"],
        )
