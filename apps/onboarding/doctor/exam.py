"""One examination: what is examined, with which clients, and the facts that several checks stand on, fetched once."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Generic, TypeVar

from apps.onboarding.words import AuthMethod
from meshsix.integrations.errors import VendorError
from meshsix.integrations.github.messages import Identity, Repository
from meshsix.kit.names import RepositoryName
from meshsix.wiring import Clients

Fact = TypeVar("Fact")


class Unknown(Exception):  # noqa: N818 - reads as a word of the domain
    """What a check stands on could not be found out; the message says why not."""


class NoRepository(Unknown):
    """No repository was named, so there is nothing to look at."""

    def __init__(self) -> None:
        super().__init__("No repository was named: write OWNER/REPO to have this looked at.")


class Once(Generic[Fact]):
    """A look that is taken once, by whichever check comes first; the others wait for it."""

    def __init__(self, name: str, look: Callable[[], Fact]) -> None:
        self._name = name
        self._look = look
        self._lock = threading.Lock()
        self._seen: Fact | None = None
        self._error: VendorError | None = None

    def seen(self) -> Fact:
        """Return what was seen. Raises the vendor's error: for the check whose matter this is."""
        with self._lock:
            if self._error is not None:
                raise self._error
            if self._seen is None:
                try:
                    self._seen = self._look()
                except VendorError as error:
                    self._error = error
                    raise
            return self._seen

    def given(self) -> Fact:
        """Return what was seen. Raises Unknown where it was not: for checks that only stand on it."""
        try:
            return self.seen()
        except VendorError as error:
            raise Unknown(f"Cannot be seen before {self._name} is in order: {error}") from error


@dataclass(frozen=True, kw_only=True)
class Exam:
    """What one examination is about."""

    named: RepositoryName | None
    clients: Clients
    auth_method: AuthMethod
    probe: str
    """The name of what is written and removed again to prove that it may be."""

    @property
    def name(self) -> RepositoryName:
        """Return the repository's name. Raises NoRepository."""
        if self.named is None:
            raise NoRepository
        return self.named

    @cached_property
    def identity(self) -> Once[Identity]:
        """Who we are at GitHub when we act for the repository's owner."""
        owner = self.named.owner if self.named else ""
        return Once("github-credential", lambda: self.clients.github.identity(owner))

    @cached_property
    def repository(self) -> Once[Repository]:
        """The repository as GitHub shows it to us."""
        return Once("github-repository", lambda: self.clients.github.repository(self.name))
