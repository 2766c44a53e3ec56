"""What doctor found, as plain values. No I/O."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum


class State(StrEnum):
    """How a thing was found; the later, the worse."""

    SKIPPED = "skipped"
    """Not looked at; the fact says why, and what that means."""
    OK = "ok"
    WARNING = "warning"
    """It works, but not as it should."""
    FAILED = "failed"
    """An onboarding would fail here."""


_ORDER = tuple(State)


class Area(StrEnum):
    """What a check is about."""

    PLATFORM = "platform"
    GITHUB = "github"
    VAULT = "vault"
    CLUSTER = "cluster"
    MODELS = "models"
    STORAGE = "storage"
    NOTICES = "notices"
    SIGN_IN = "sign-in"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One thing that was looked at. `fix` is a command, a setting, a policy line or a link; empty where all is well."""

    check: str
    name: str
    area: Area
    state: State
    fact: str
    fix: str = ""


@dataclass(frozen=True, kw_only=True)
class Report:
    """All findings, in the order of the checks. `repository` is empty where doctor looked at the platform alone."""

    repository: str
    examined_at: datetime
    took: timedelta
    findings: tuple[Finding, ...]

    @property
    def state(self) -> State:
        """Return the worst state of all."""
        return worst(finding.state for finding in self.findings)

    def count(self, state: State) -> int:
        """Return how many findings have this state."""
        return sum(finding.state is state for finding in self.findings)

    def to_do(self) -> tuple[Finding, ...]:
        """Return what somebody should put in order, the worst first."""
        bad = [finding for finding in self.findings if finding.state in {State.FAILED, State.WARNING}]
        return tuple(sorted(bad, key=lambda finding: _ORDER.index(finding.state), reverse=True))

    def in_order(self) -> tuple[Finding, ...]:
        """Return the rest: what is well, and what was not looked at."""
        return tuple(finding for finding in self.findings if finding.state in {State.OK, State.SKIPPED})

    @property
    def summary(self) -> str:
        """Return the report in one sentence."""
        counts = ", ".join(f"{self.count(state)} {state}" for state in reversed(_ORDER) if self.count(state))
        return f"{self.repository or 'The platform'}: {counts}, in {self.took.total_seconds():.1f} s."


def worst(states: Iterable[State]) -> State:
    """Return the worst of these; skipped where there is none."""
    return max(states, key=_ORDER.index, default=State.SKIPPED)
