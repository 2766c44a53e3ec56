"""Vault as the platform sees it: secrets under paths in one KV version 2 store, written with check-and-set."""

from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta
from typing import TypeVar

import hvac
import requests
from hvac import exceptions

from meshsix.integrations.errors import TryLater
from meshsix.integrations.vault import failures, messages
from meshsix.integrations.vault.session import Session
from meshsix.integrations.vault.sign_in import SignIn

Result = TypeVar("Result")


class Vault:
    """One store of Vault or OpenBao. Safe to share between threads and to inherit by fork.

    Every method raises `TryLater` where Vault is sealed, silent or failing, and `Refused` where it says no.
    """

    def __init__(self, *, url: str, mount: str, sign_in: SignIn, namespace: str = "", timeout: timedelta) -> None:
        self._mount = mount
        self._session = Session(url=url, sign_in=sign_in, namespace=namespace, timeout=timeout)

    def read(self, path: str) -> messages.Secret:
        """Return the newest version. Raises `failures.Absent` only where Vault itself says that nothing is there."""
        answer = self._ask(
            path,
            lambda client: client.secrets.kv.v2.read_secret_version(
                path, mount_point=self._mount, raise_on_deleted_version=True
            ),
        )
        found = messages.secret(path, answer)
        if found is None:
            raise failures.Absent(path)
        return found

    def write(self, path: str, data: Mapping[str, str], *, cas: int) -> int:
        """Write `data` if the newest version is `cas` (0: nothing was ever there) and return the new version.

        Raises Conflict where somebody else wrote first: read again, then decide again.
        """
        answer = self._ask(
            path,
            lambda client: client.secrets.kv.v2.create_or_update_secret(
                path, secret=dict(data), cas=cas, mount_point=self._mount
            ),
        )
        return messages.version(answer.get("data"))

    def delete(self, path: str) -> None:
        """Mark the newest version as deleted; it can be brought back by an operator. No-op where nothing is there."""
        self._ask(
            path, lambda client: client.secrets.kv.v2.delete_latest_version_of_secret(path, mount_point=self._mount)
        )

    def destroy(self, path: str, versions: Iterable[int]) -> None:
        """Take away the content of `versions` for good; the path remembers that they were there."""
        numbers = list(versions)
        self._ask(
            path,
            lambda client: client.secrets.kv.v2.destroy_secret_versions(path, numbers, mount_point=self._mount),
        )

    def remove(self, path: str) -> None:
        """Take away the path with all its versions for good. No-op where nothing is there."""
        self._ask(
            path, lambda client: client.secrets.kv.v2.delete_metadata_and_all_versions(path, mount_point=self._mount)
        )

    def names(self, path: str) -> tuple[str, ...]:
        """Return the names directly below `path`; those that end in a slash have others below them."""
        try:
            answer = self._ask(path, lambda client: client.secrets.kv.v2.list_secrets(path, mount_point=self._mount))
        except failures.Absent:
            return ()
        keys = answer.get("data", {}).get("keys", [])
        return tuple(str(key) for key in keys)

    def health(self) -> messages.Health:
        """Return what Vault says about itself, sealed or not. Raises TryLater only where nothing answers."""
        with failures.translated("sys/health"):
            answer = self._session.anonymous().sys.read_health_status(method="GET")
        body = answer if isinstance(answer, Mapping) else _json(answer)
        return messages.health(body)

    def token_facts(self) -> messages.TokenFacts:
        """Return how long our token lives and which policies it has: for doctor."""
        return messages.token_facts(self._ask("our token", lambda client: client.auth.token.lookup_self()))

    def renew(self) -> timedelta:
        """Lengthen our token's life and return how long it lasts: for doctor. Raises Refused where Vault will not."""
        answer = self._ask("the renewal of our token", lambda client: client.auth.token.renew_self())
        return messages.lease(answer).lasts

    def capabilities(self, paths: Iterable[str], *, part: str = "data") -> dict[str, frozenset[str]]:
        """Return what our token may do with the secret at each path (`read`, `create`, `update`, ...): for doctor.

        `part` is `data` for versions, `metadata` for the path itself: taking it away needs `delete` there.
        """
        wanted = {f"{self._mount}/{part}/{path}": path for path in paths}
        answer = self._ask("our rights", lambda client: client.sys.get_capabilities(paths=list(wanted)))
        return {name: frozenset(answer.get(full, ())) for full, name in wanted.items()}

    def _ask(self, path: str, call: Callable[[hvac.Client], Result]) -> Result:
        """Call once; where our token turns out to be dead, sign in again and call once more."""
        with failures.translated(path):
            client = self._session.client()
            token = client.token
            try:
                return call(client)
            except exceptions.Forbidden:
                if not self._session.token_lost(token):
                    raise
            return call(self._session.client())


def _json(answer: requests.Response) -> Mapping[str, object]:
    try:
        body = answer.json()
    except ValueError as error:
        raise TryLater(
            f"What answers at VAULT_ADDR is not Vault (status {answer.status_code}).",
            vendor=failures.VENDOR,
            status=answer.status_code,
        ) from error
    return body if isinstance(body, Mapping) else {}
