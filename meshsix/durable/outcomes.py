"""The ways in which a step ends other than by returning its output. A vendor's TryLater and Refused count too."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from meshsix.integrations.errors import Refused, TryLater

__all__ = ["Permanent", "Refused", "Skipped", "TryLater", "WaitFor"]


class Permanent(Exception):  # noqa: N818 - reads as a word of the domain
    """The run fails with a stable `code`; `hint` tells a person what to do, `detail` what was seen."""

    def __init__(self, code: str, *, hint: str, detail: str = "") -> None:
        super().__init__(f"{code}: {detail or hint}")
        self.code = code
        self.hint = hint
        self.detail = detail


class Skipped(Exception):  # noqa: N818 - reads as a word of the domain
    """The step has nothing to do in this run, for `reason`; what follows goes on. It has no output."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What a waiting step shows to people: no secret belongs here."""

    who: str = ""
    what: str = ""
    facts: dict[str, str] = field(default_factory=dict)


class WaitFor(Exception):  # noqa: N818 - reads as a word of the domain
    """The step waits for the answer called `name` until `until`; nothing is held meanwhile.

    The step runs again with the answer, or with an answer that is `timed_out`.
    """

    def __init__(self, name: str, *, until: datetime | timedelta, asked: Asked | None = None) -> None:
        super().__init__(name)
        self.name = name
        self.until = until
        self.asked = asked or Asked()
