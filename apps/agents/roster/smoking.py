"""Runs smoke tests and says how each ended. What they do stands with the agents; how they ask in asking.py."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import httpx
from django.conf import settings

from apps.agents.registry import definitions
from apps.agents.registry.smoke import Failed, NotConfigured, Smoke
from apps.agents.roster.asking import Caller
from apps.agents.roster.milestones import MILESTONES


class Ending(StrEnum):
    """How a smoke test ended."""

    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"
    """The deployment lacks an agent, a vendor or a target for it."""


@dataclass(frozen=True, kw_only=True)
class Trial:
    """A smoke test of an agent; `asked_by_name` where a skip counts as not passed."""

    agent_id: str
    smoke: Smoke | None
    asked_by_name: bool = False


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How it ended. `seconds` is what it took, `basis` what its last answer rested on."""

    agent_id: str
    title: str
    ending: Ending
    seconds: float = 0.0
    detail: str = ""
    basis: Mapping[str, Any] = field(default_factory=dict)
    counts: bool = False

    @property
    def is_good(self) -> bool:
        """Return whether it is none of those for which the command ends with 1."""
        return self.ending is Ending.PASSED or (self.ending is Ending.SKIPPED and not self.counts)


def trials(names: Sequence[str]) -> list[Trial]:
    """Return what is to be tried for these agents; for none, for all that are configured; `agents`: the milestones."""
    if not names:
        return [trial for agent_id in sorted(settings.AGENTS) for trial in _of(agent_id, asked_by_name=False)]
    return [trial for name in names for trial in _named(name)]


def _named(name: str) -> list[Trial]:
    if name == "agents":
        return [Trial(agent_id=agent_id, smoke=smoke) for agent_id, smoke in MILESTONES]
    return _of(name, asked_by_name=True)


def _of(agent_id: str, *, asked_by_name: bool) -> list[Trial]:
    tests = definitions.deployed(agent_id).agent.smoke if agent_id in settings.AGENTS else ()
    return [Trial(agent_id=agent_id, smoke=each, asked_by_name=asked_by_name) for each in tests or (None,)]


def run(wanted: Sequence[Trial], http: httpx.Client) -> Iterator[Outcome]:
    """Run them one after the other; yield how each ended."""
    for trial in wanted:
        yield _try(trial, http)


def _try(trial: Trial, http: httpx.Client) -> Outcome:
    agent_id, smoke = trial.agent_id, trial.smoke
    caller = Caller(http, agent_id, target=settings.SMOKE_TARGETS.get(agent_id, ""))
    began, ending, detail = time.monotonic(), Ending.PASSED, ""
    try:
        _does(trial, caller)
    except NotConfigured as error:
        ending, detail = Ending.SKIPPED, str(error)
    except Failed as error:
        ending, detail = Ending.FAILED, str(error)
    except (KeyError, TypeError, IndexError, ValueError) as error:  # the test read what the answer does not have
        ending, detail = Ending.FAILED, f"the answer has another shape: {type(error).__name__}: {error}"
    return Outcome(
        agent_id=agent_id,
        title=smoke.title if smoke else "",
        ending=ending,
        seconds=round(time.monotonic() - began, 3),
        detail=detail,
        basis=caller.bases[-1] if caller.bases else {},
        counts=trial.asked_by_name,
    )


def _does(trial: Trial, caller: Caller) -> None:
    """Do it. Raises NotConfigured, and what the smoke test raises."""
    missing = [
        each for each in (trial.agent_id, *(trial.smoke.needs if trial.smoke else ())) if each not in settings.AGENTS
    ]
    if missing:
        raise NotConfigured(f"{', '.join(missing)} is not configured")
    if trial.smoke is None:
        raise NotConfigured(f"{trial.agent_id} has no smoke test")
    if trial.smoke.writes and not caller.target:
        raise NotConfigured(f"it writes, and SMOKE_TARGETS names no target for {trial.agent_id}")
    trial.smoke.does(caller)
