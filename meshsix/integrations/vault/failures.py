"""Translates what goes wrong with Vault into our words. Nothing but Vault's own 404 ever means "absent"."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import requests
from hvac import exceptions

from meshsix.integrations.errors import Conflict, Missing, Refused, TryLater, VendorError
from meshsix.integrations.vault import messages

VENDOR = "vault"
_CATCH_UP = timedelta(seconds=2)  # a standby node that has not yet seen a write
_STATUS: dict[type[exceptions.VaultError], int] = {
    exceptions.InvalidRequest: 400,
    exceptions.Unauthorized: 401,
    exceptions.Forbidden: 403,
    exceptions.InvalidPath: 404,
    exceptions.PreconditionFailed: 412,
    exceptions.RateLimitExceeded: 429,
    exceptions.InternalServerError: 500,
    exceptions.VaultNotInitialized: 501,
    exceptions.BadGateway: 502,
    exceptions.VaultDown: 503,
}


class Absent(Missing):
    """Vault itself says that nothing is there. `version` is what a check-and-set that creates it must name."""

    def __init__(self, path: str, *, version: int = 0) -> None:
        super().__init__(
            f"Vault holds nothing at {path}.",
            code="vault:absent",
            vendor=VENDOR,
            status=404,
            hint=f"Store the secret at {path}, or run the step that makes it.",
        )
        self.version = version


@contextmanager
def translated(path: str) -> Iterator[None]:
    """Turn hvac's and requests' errors of the block into ours; `path` is the path that was asked for."""
    try:
        yield
    except exceptions.VaultError as error:
        raise _vendor_error(path, error) from error
    except requests.RequestException as error:
        raise TryLater(
            f"Vault did not answer for {path}: {type(error).__name__}.",
            vendor=VENDOR,
            hint="Check VAULT_ADDR, the network and Vault's own health.",
        ) from error


def _vendor_error(path: str, error: exceptions.VaultError) -> VendorError:
    status = _STATUS.get(type(error))
    match status:
        case 404:
            return _not_found(path, error)
        case 400 | 401 | 403:
            return _refusal(path, error)
        case 503:
            return TryLater(
                f"Vault is sealed or in maintenance; {path} was not read.",
                vendor=VENDOR,
                status=status,
                hint="Unseal Vault; nothing is lost meanwhile.",
            )
        case _:
            return TryLater(
                f"Vault failed for {path}: {_said(error)}.",
                pause=_CATCH_UP if isinstance(error, exceptions.PreconditionFailed) else None,
                counts=not isinstance(error, exceptions.RateLimitExceeded),
                vendor=VENDOR,
                status=status,
                hint="Read Vault's log; the platform tries again.",
            )


def _refusal(path: str, error: exceptions.VaultError) -> VendorError:
    if not isinstance(error, exceptions.InvalidRequest):
        return forbidden(path)
    if any("check-and-set" in text for text in error.errors or []):
        return Conflict(f"Somebody else wrote {path} first.", vendor=VENDOR, status=400)
    return Refused(
        f"Vault does not accept the request for {path}: {_said(error)}.",
        code="vault:bad-request",
        vendor=VENDOR,
        status=400,
        hint="Check that VAULT_MOUNT is a KV version 2 store and that the role's ids are right.",
    )


def _not_found(path: str, error: exceptions.VaultError) -> VendorError:
    if messages.says_absent(error.json):
        return Absent(path, version=messages.deleted_version(error.json))
    return Refused(
        f"404 for {path}, but not in Vault's words for an absent secret: {_said(error)}.",
        code="vault:wrong-place",
        vendor=VENDOR,
        status=404,
        hint="Check VAULT_ADDR, VAULT_NAMESPACE and VAULT_MOUNT: there is no such store at that address.",
    )


def forbidden(path: str) -> Refused:
    """Return the error for a good token that may not do what was asked."""
    return Refused(
        f"Vault says no: our token may not do this at {path}.",
        code="vault:forbidden",
        vendor=VENDOR,
        status=403,
        hint="Apply the policies of deploy/k8s/base/vault to the platform's role, then resume.",
    )


def token_rejected() -> Refused:
    """Return the error for a sign-in that Vault does not know."""
    return Refused(
        "Vault does not accept the platform's own sign-in.",
        code="vault:sign-in-refused",
        vendor=VENDOR,
        status=403,
        hint="Give the platform a valid VAULT_TOKEN, or VAULT_ROLE_ID and VAULT_SECRET_ID, or VAULT_KUBERNETES_ROLE.",
    )


def _said(error: exceptions.VaultError) -> str:
    """Return what Vault said, shortened. Vault's errors name paths and parameters, never values."""
    words = ", ".join(str(text) for text in error.errors or [])
    return (words or type(error).__name__)[:200]
