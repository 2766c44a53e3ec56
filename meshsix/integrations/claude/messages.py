"""What the sign-in endpoints say, as frozen types; secrets never show in a repr. Pure: no clock, no I/O.

Sources: RFC 6749 (section 5), RFC 7636 (PKCE), RFC 8628 (device flow).
"""

import base64
import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

DEFAULT_POLL = timedelta(seconds=5)
DEFAULT_DEVICE_LIFE = timedelta(minutes=15)
DEFAULT_LIFE = timedelta(hours=1)


class Kind(StrEnum):
    """What kind of credential a coding agent signs in with."""

    OAUTH = "oauth"
    SETUP_TOKEN = "setup_token"  # noqa: S105 - the name of a kind
    API_KEY = "api_key"


@dataclass(frozen=True, kw_only=True)
class Pkce:
    """What binds an authorize link to the exchange of its code."""

    verifier: str = field(repr=False)
    state: str

    @property
    def challenge(self) -> str:
        """Return the S256 challenge of the verifier (RFC 7636, section 4.2)."""
        digest = hashlib.sha256(self.verifier.encode()).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


@dataclass(frozen=True, kw_only=True)
class Account:
    """Whose credential it is; parts that the provider does not tell are empty."""

    account_uuid: str = ""
    email_address: str = ""
    organization_uuid: str = ""


@dataclass(frozen=True, kw_only=True)
class Tokens:
    """What an exchange gave. `lasts` is how long the access token lives from now."""

    access_token: str = field(repr=False)
    refresh_token: str = field(default="", repr=False)
    lasts: timedelta
    scopes: tuple[str, ...]
    account: Account = field(default_factory=Account)


@dataclass(frozen=True, kw_only=True)
class DeviceGrant:
    """An open device sign-in: the person types `user_code` at `url` while we ask every `interval`."""

    device_code: str = field(repr=False)
    user_code: str
    url: str
    lasts: timedelta
    interval: timedelta


def new_pkce() -> Pkce:
    """Return a fresh verifier (43 characters of the unreserved set) and state."""
    return Pkce(verifier=secrets.token_urlsafe(32), state=secrets.token_urlsafe(32))


def tokens(answer: object) -> Tokens | None:
    """Parse a token endpoint's answer. None where it holds no access token."""
    body = _mapping(answer)
    access = body.get("access_token")
    if not isinstance(access, str) or not access:
        return None
    account = _mapping(body.get("account"))
    organization = _mapping(body.get("organization"))
    return Tokens(
        access_token=access,
        refresh_token=_text(body.get("refresh_token")),
        lasts=_seconds(body.get("expires_in"), DEFAULT_LIFE),
        scopes=tuple(_text(body.get("scope")).split()),
        account=Account(
            account_uuid=_text(account.get("uuid")),
            email_address=_text(account.get("email_address")),
            organization_uuid=_text(organization.get("uuid")),
        ),
    )


def device_grant(answer: object) -> DeviceGrant | None:
    """Parse a device authorization endpoint's answer. None where a required part is missing."""
    body = _mapping(answer)
    code, user_code = _text(body.get("device_code")), _text(body.get("user_code"))
    url = _text(body.get("verification_uri_complete")) or _text(body.get("verification_uri"))
    if not (code and user_code and url.startswith(("https://", "http://"))):  # people are shown it as a link
        return None
    return DeviceGrant(
        device_code=code,
        user_code=user_code,
        url=url,
        lasts=_seconds(body.get("expires_in"), DEFAULT_DEVICE_LIFE),
        interval=_seconds(body.get("interval"), DEFAULT_POLL),
    )


def profile(answer: object) -> Account:
    """Parse the profile of a signed-in account."""
    account = _mapping(_mapping(answer).get("account"))
    organization = _mapping(_mapping(answer).get("organization"))
    return Account(
        account_uuid=_text(account.get("uuid")),
        email_address=_text(account.get("email")) or _text(account.get("email_address")),
        organization_uuid=_text(organization.get("uuid")),
    )


def oauth_error(answer: object) -> str:
    """Return the error's name (`invalid_grant`, `slow_down`, ...); empty where the body names none."""
    error = _mapping(answer).get("error")
    return _text(_mapping(error).get("type")) if isinstance(error, Mapping) else _text(error)


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _seconds(value: object, default: timedelta) -> timedelta:
    return timedelta(seconds=value) if isinstance(value, int | float) and value > 0 else default
