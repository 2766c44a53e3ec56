"""The issue about which the architect is asked, and the names that are made of it. Pure."""

from dataclasses import dataclass
from typing import Self

from meshsix.kit import names

PATTERN = r"^[A-Za-z0-9_-]+/[A-Za-z0-9._-]+#[1-9][0-9]{0,9}$"
"""How an issue is written: `owner/name#number`."""


@dataclass(frozen=True, kw_only=True)
class Issue:
    """One issue of a repository. Names are compared without case, as GitHub does, so all are kept in lower case."""

    project: str
    number: int

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `owner/name#number`. Raises BadName."""
        project, _, number = text.partition("#")
        return cls.of(names.parse_repository(project), number)

    @classmethod
    def of(cls, repository: names.RepositoryName, number: int | str) -> Self:
        """Return the issue `number` of a repository. Raises BadName where that is no number from 1 up."""
        told = str(number)
        if not told.isascii() or not told.isdigit() or not 0 < int(told) < 2**31:
            raise names.BadName(f"{told[:20]!r} is not an issue's number.")
        return cls(project=names.project_key(repository), number=int(told))

    @property
    def text(self) -> str:
        """Return `owner/name#number`, the key of its memories."""
        return f"{self.project}#{self.number}"

    @property
    def actor_id(self) -> str:
        """Return `owner/name/number`, under which its log is kept."""
        return f"{self.project}/{self.number}"

    @property
    def aggregate_id(self) -> str:
        """Return the aggregate of its log's events."""
        return f"architect:{self.actor_id}"
