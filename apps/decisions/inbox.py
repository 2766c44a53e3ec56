"""What waits for a person, of all kinds: each app tells of its own waits (settings.DECISION_SOURCES).

The act is the endpoint of its own kind; nothing is decided here.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, cast

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.utils.module_loading import import_string

from meshsix.web.roles import Role, may


class Kind(StrEnum):
    """What a person is asked for."""

    APPROVAL = "approval"
    SIGN_IN = "sign-in"
    CHOICE = "choice"


WORDS: dict[Kind, str] = {Kind.APPROVAL: "Approval", Kind.SIGN_IN: "Sign-in", Kind.CHOICE: "Choice"}


@dataclass(frozen=True, kw_only=True)
class Act:
    """The request that ends the wait; `schema` is that of its JSON body."""

    method: str
    url: str
    schema: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Decision:
    """A wait that a person can end, for those who may see its project (`owner/name`, empty without one).

    `who` may end it, by `act` or on the page, but for the person `not_by` (empty: nobody is left out). `at_deadline`
    says what happens at `until` if nobody does.
    """

    id: str
    kind: Kind
    project: str
    subject: str
    asked_by: str
    since: datetime
    until: datetime | None
    at_deadline: str
    who: Role
    not_by: str = ""
    inputs_sha256: str = ""
    act: Act
    page: str

    @property
    def words(self) -> str:
        """Return its kind for people."""
        return WORDS[self.kind]


Source = Callable[[AbstractBaseUser | AnonymousUser], Iterable[Decision]]


def waiting(user: AbstractBaseUser | AnonymousUser) -> tuple[Decision, ...]:
    """Return the open waits that `user` may see, the oldest first. Who may see one need not be who may end it."""
    sources = [cast("Source", import_string(path)) for path in settings.DECISION_SOURCES]
    return tuple(sorted((each for source in sources for each in source(user)), key=place))


def place(decision: Decision) -> tuple[datetime, str]:
    """Return where a wait stands among others."""
    return decision.since, decision.id


def may_end(user: AbstractBaseUser | AnonymousUser, decision: Decision) -> bool:
    """Return whether `user` may end the wait by its act."""
    return may(user, decision.who) and decision.not_by != user.get_username()
