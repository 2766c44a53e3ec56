"""What a sign-in keeps in Vault until it ends, and where a credential's secrets go. No rows, no events."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.utils.crypto import salted_hmac

from meshsix.integrations.claude import Pkce
from meshsix.integrations.errors import Conflict
from meshsix.integrations.vault import Absent, Vault
from meshsix.kit import names

_FINGERPRINT_DIGITS = 12


@dataclass(frozen=True, kw_only=True)
class Kept:
    """One sign-in's secrets: the question (verifier and state, or device code), then the answer, then the tokens.

    Each part takes the place of the one before: a spent verifier or code is not kept. `version` is Vault's, for the
    check-and-set of the next write; 0 where nothing was ever kept.
    """

    verifier: str = field(default="", repr=False)
    state: str = field(default="", repr=False)
    device_code: str = field(default="", repr=False)
    code: str = field(default="", repr=False)
    access_token: str = field(default="", repr=False)
    refresh_token: str = field(default="", repr=False)
    expires_at: str = ""
    scopes: str = ""
    account_uuid: str = ""
    email_address: str = ""
    organization_uuid: str = ""
    version: int = 0

    @property
    def pkce(self) -> Pkce:
        """Return what the exchange of the code needs."""
        return Pkce(verifier=self.verifier, state=self.state)

    @property
    def ends_at(self) -> datetime | None:
        """Return when the access token ends, None where it does not."""
        return datetime.fromisoformat(self.expires_at) if self.expires_at else None

    def as_data(self) -> dict[str, str]:
        """Return the parts that are there, as Vault keeps them."""
        pairs = {item.name: getattr(self, item.name) for item in fields(self) if item.name != "version"}
        return {name: value for name, value in pairs.items() if value}


def kept(vault: Vault, path: str) -> Kept:
    """Return what the sign-in keeps; empty, with the version that a write must name, where that is nothing."""
    try:
        found = vault.read(path)
    except Absent as absent:
        return Kept(version=absent.version)
    return replace(_from_data(found.data), version=found.version)


def _from_data(data: Mapping[str, str]) -> Kept:
    known = {item.name for item in fields(Kept)} - {"version"}
    parts: dict[str, Any] = {name: value for name, value in data.items() if name in known}
    return Kept(**parts)


def keep(vault: Vault, path: str, parts: Kept) -> Kept:
    """Write `parts` in place of the version that they were read from. Raises Conflict where that has changed."""
    return replace(parts, version=vault.write(path, parts.as_data(), cas=parts.version))


def store(vault: Vault, *, project_id: str, credential_id: UUID, parts: Kept) -> str:
    """Write both tokens under the credential's natural key, once, and return the path above them.

    A repeat after a crash finds the same values there. Raises Conflict where others are.
    """
    if parts.refresh_token:
        _write_once(vault, _path(project_id, credential_id, "refresh"), {"token": parts.refresh_token})
    access = _path(project_id, credential_id, "access")
    _write_once(vault, access, {"token": parts.access_token})
    return above(project_id, credential_id)


def above(project_id: str, credential_id: UUID) -> str:
    """Return the path under which both tokens of a credential lie."""
    return _path(project_id, credential_id, "access").rpartition("/")[0]


def _write_once(vault: Vault, path: str, data: dict[str, str]) -> None:
    try:
        found = vault.read(path)
    except Absent as absent:
        vault.write(path, data, cas=absent.version)
        return
    if dict(found.data) != data:
        raise Conflict(f"Something else lies at {path}.", vendor="vault")


def access_token(vault: Vault, vault_path: str) -> str:
    """Return the access token of a credential. Raises Absent."""
    return vault.read(f"{vault_path}/access").data["token"]


def discard(vault: Vault, vault_path: str) -> None:
    """Take a credential's secrets away for good."""
    vault.remove(f"{vault_path}/access")
    vault.remove(f"{vault_path}/refresh")


def _path(project_id: str, credential_id: UUID, part: str) -> str:
    return names.credential_path(project_id, str(credential_id), part)


def fingerprint(token: str) -> str:
    """Return 12 hex digits by which equal tokens are recognised; without the server's key they say nothing."""
    mac = salted_hmac("apps.projects.credentials.fingerprint", token, secret=settings.SECRET_KEY, algorithm="sha256")
    return mac.hexdigest()[:_FINGERPRINT_DIGITS]
