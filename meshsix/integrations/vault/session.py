"""One signed-in session with Vault for all threads of a process: signs in when first needed, renews, signs in again.

A forked child signs in by itself: sockets and locks of its parent are of no use to it.
"""

import os
import threading
from datetime import datetime, timedelta

import hvac
import requests
import structlog
from hvac import exceptions

from meshsix.integrations.errors import Refused, TryLater
from meshsix.integrations.vault import failures, messages
from meshsix.integrations.vault.sign_in import SignIn, StaticToken
from meshsix.kit import clock

log = structlog.get_logger()

_RENEW_WHEN_LEFT = 1 / 3


class Session:
    """Hands out hvac clients with a valid token. One `requests` session a thread; one token a process."""

    def __init__(self, *, url: str, sign_in: SignIn, namespace: str, timeout: timedelta) -> None:
        self._url = url
        self._sign_in = sign_in
        self._namespace = namespace or None
        self._timeout = timeout.total_seconds()
        self._pid = os.getpid()
        self._lock = threading.Lock()
        self._local = threading.local()
        self._lease: messages.Lease | None = None
        self._since: datetime = clock.now()

    def client(self) -> hvac.Client:
        """Return this thread's client with a token that is valid as far as we know."""
        self._notice_fork()
        lease = self._valid_lease()
        client = self._thread_client()
        client.token = lease.token
        return client

    def anonymous(self) -> hvac.Client:
        """Return this thread's client without a token, for health."""
        self._notice_fork()
        client = self._thread_client()
        client.token = None
        return client

    def token_lost(self, token: str) -> bool:
        """Return whether `token`, which has just been refused, is dead and another one can be tried.

        Vault answers 403 both for a dead token and for a living one without the right; only a look-up tells. Raises
        Refused `vault:sign-in-refused` where the token is dead and nothing but an operator can give another.
        """
        client = self._thread_client()
        client.token = token
        try:
            client.auth.token.lookup_self()
        except exceptions.Forbidden as error:
            if isinstance(self._sign_in, StaticToken):
                raise failures.token_rejected() from error
            self._drop(token)
            return True
        return False

    def _valid_lease(self) -> messages.Lease:
        with self._lock:
            lease = self._lease
            if lease is None:
                return self._take(self._signed_in())
            if lease.lasts and self._left(lease) <= lease.lasts * _RENEW_WHEN_LEFT:
                return self._take(self._renewed(lease))
            return lease

    def _left(self, lease: messages.Lease) -> timedelta:
        return self._since + lease.lasts - clock.now()

    def _take(self, lease: messages.Lease) -> messages.Lease:
        self._lease = lease
        self._since = clock.now()
        return lease

    def _signed_in(self) -> messages.Lease:
        client = self._thread_client()
        client.token = None
        try:
            with failures.translated("the sign-in"):
                lease = self._sign_in.lease(client)
        except Refused as error:
            if error.code in {"vault:forbidden", "vault:bad-request"}:
                raise failures.token_rejected() from error
            raise
        log.info("signed in to vault", way=type(self._sign_in).__name__, seconds=lease.lasts.total_seconds())
        return lease

    def _renewed(self, lease: messages.Lease) -> messages.Lease:
        """Return the lease with a longer life, or another one where Vault will not lengthen this one."""
        if lease.renewable:
            client = self._thread_client()
            client.token = lease.token
            try:
                renewed = messages.lease(client.auth.token.renew_self())
            except exceptions.VaultError as error:
                log.warning("vault did not renew our token", error=type(error).__name__)
            except requests.RequestException as error:
                raise TryLater(f"Vault did not answer: {type(error).__name__}.", vendor=failures.VENDOR) from error
            else:
                if renewed.lasts > lease.lasts * _RENEW_WHEN_LEFT:
                    return renewed
        return self._signed_in()

    def _drop(self, token: str) -> None:
        with self._lock:
            if self._lease is not None and self._lease.token == token:
                self._lease = None

    def _thread_client(self) -> hvac.Client:
        client: hvac.Client | None = getattr(self._local, "client", None)
        if client is None:
            client = hvac.Client(url=self._url, token="", namespace=self._namespace, timeout=self._timeout)
            self._local.client = client
        return client

    def _notice_fork(self) -> None:
        if self._pid != os.getpid():
            self._pid = os.getpid()
            self._lock = threading.Lock()
            self._local = threading.local()
            self._lease = None
