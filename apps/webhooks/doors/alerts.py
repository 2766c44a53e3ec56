"""Who may bring in alerts and notices: a bearer token, or a signature over the raw bytes. Pure.

Alertmanager and Argo CD send a token in `Authorization`; Grafana does, or signs:
https://grafana.com/docs/grafana/latest/alerting/configure-notifications/manage-contact-points/integrations/webhook-notifier/
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from apps.webhooks.models import Door

MOST_BYTES = 1024 * 1024
SIGNATURE = "x-grafana-alerting-signature"
SIGNED_AT = "x-grafana-alerting-timestamp"
SIGNED_FOR = timedelta(minutes=5)
"""How old or how far ahead a signed time may be."""
KEPT_HEADERS: Mapping[str, str] = {"content-type": "Content-Type", "user-agent": "User-Agent"}
EVENTS: Mapping[Door, str] = {
    Door.ALERTMANAGER: "alertmanager:alerts",
    Door.GRAFANA: "grafana:alerts",
    Door.ARGOCD: "argocd:notice",
}
_BEARER = "bearer "


@dataclass(frozen=True, kw_only=True)
class Proof:
    """What opens a door; what is empty opens nothing, and a door with neither stays shut."""

    token: str = field(default="", repr=False)
    secret: str = field(default="", repr=False)


def is_let_in(proof: Proof, headers: Mapping[str, str], body: bytes, *, now: datetime) -> bool:
    """Return whether the caller may bring this in. `headers` by lower-case name. Compares in constant time."""
    return _has_token(proof, headers) or _has_signed(proof, headers, body, now)


def _has_token(proof: Proof, headers: Mapping[str, str]) -> bool:
    given = headers.get("authorization", "")
    if not proof.token or given[: len(_BEARER)].lower() != _BEARER:
        return False
    return hmac.compare_digest(given[len(_BEARER) :].strip().encode(), proof.token.encode())


def _has_signed(proof: Proof, headers: Mapping[str, str], body: bytes, now: datetime) -> bool:
    given, at = headers.get(SIGNATURE, ""), headers.get(SIGNED_AT, "")
    if not proof.secret or not given or (at and not _is_fresh(at, now)):
        return False
    signed = f"{at}:".encode() + body if at else body
    wanted = hmac.digest(proof.secret.encode(), signed, hashlib.sha256).hex()
    return hmac.compare_digest(given.encode(), wanted.encode())


def _is_fresh(at: str, now: datetime) -> bool:
    is_number = at.isascii() and at.isdigit() and len(at) <= 12  # noqa: PLR2004 - seconds since 1970, for some time to come
    return is_number and abs(now.timestamp() - int(at)) <= SIGNED_FOR.total_seconds()


def guid(body: bytes, now: datetime) -> str:
    """Return what stands for the id that these senders do not give: the same body within an hour is sent again."""
    return f"{hashlib.sha256(body).hexdigest()}-{now:%Y%m%d%H}"
