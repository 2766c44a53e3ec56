"""What Vault says, as frozen types. Pure: no clock, no I/O.

Shapes: https://developer.hashicorp.com/vault/api-docs/secret/kv/kv-v2 (OpenBao speaks the same).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta


@dataclass(frozen=True, kw_only=True)
class Secret:
    """One version of a secret. `data` never shows in a repr, so that it cannot slip into a log."""

    path: str
    version: int
    data: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Lease:
    """A token that Vault gave. `lasts` is zero for a token that never ends."""

    token: str = field(repr=False)
    lasts: timedelta
    renewable: bool


@dataclass(frozen=True, kw_only=True)
class Health:
    """What `sys/health` says. Without `sealed` and `initialized` nothing can be read or written."""

    initialized: bool
    sealed: bool
    standby: bool
    version: str

    @property
    def ready(self) -> bool:
        """Return whether secrets can be read and written."""
        return self.initialized and not self.sealed


@dataclass(frozen=True, kw_only=True)
class TokenFacts:
    """Our own token as Vault sees it; facts for people, never the token."""

    display_name: str
    policies: tuple[str, ...]
    lasts: timedelta
    renewable: bool


def secret(path: str, answer: Mapping[str, object]) -> Secret | None:
    """Parse a KV v2 read. None where the newest version was deleted or destroyed."""
    body = _mapping(answer.get("data"))
    data = body.get("data")
    if not isinstance(data, Mapping):
        return None
    return Secret(path=path, version=version(body.get("metadata")), data={str(k): str(v) for k, v in data.items()})


def version(metadata: object) -> int:
    """Return the version number that stands in a KV v2 metadata block, 0 where there is none."""
    number = _mapping(metadata).get("version")
    return number if isinstance(number, int) else 0


def lease(answer: Mapping[str, object]) -> Lease:
    """Parse the answer of a login."""
    auth = _mapping(answer.get("auth"))
    return Lease(
        token=str(auth["client_token"]),
        lasts=_seconds(auth.get("lease_duration")),
        renewable=bool(auth.get("renewable")),
    )


def health(answer: Mapping[str, object]) -> Health:
    """Parse `sys/health`; every status code of it carries the same body."""
    return Health(
        initialized=bool(answer.get("initialized")),
        sealed=bool(answer.get("sealed", True)),
        standby=bool(answer.get("standby")),
        version=str(answer.get("version", "")),
    )


def token_facts(answer: Mapping[str, object]) -> TokenFacts:
    """Parse `auth/token/lookup-self`."""
    data = _mapping(answer.get("data"))
    policies = data.get("policies")
    return TokenFacts(
        display_name=str(data.get("display_name", "")),
        policies=tuple(str(item) for item in policies) if isinstance(policies, list) else (),
        lasts=_seconds(data.get("ttl")),
        renewable=bool(data.get("renewable")),
    )


def says_absent(answer: object) -> bool:
    """Return whether a 404 is Vault's own word for "nothing there".

    An absent KV v2 path is answered with an empty list of errors, a deleted version with its metadata. A mount or
    namespace that does not exist, and whatever stands between us and Vault, answer 404 too, but with other words.
    """
    body = _mapping(answer)
    return body.get("errors") == [] or "metadata" in _mapping(body.get("data"))


def deleted_version(answer: object) -> int:
    """Return the version that a check-and-set must name where the 404 tells of a deleted secret, else 0."""
    return version(_mapping(_mapping(answer).get("data")).get("metadata"))


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}


def _seconds(value: object) -> timedelta:
    return timedelta(seconds=value) if isinstance(value, int | float) else timedelta()
