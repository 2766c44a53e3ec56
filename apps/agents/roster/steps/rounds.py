"""The steps of a deep research by their names: the engine knows each step's input by the names of those before it."""

from dataclasses import dataclass

from apps.agents.roster.research.report import ResearchAnswer
from apps.agents.roster.steps import deep_research
from apps.agents.roster.steps.deep_research import Assessed, Fetched, Plan, Read, Wanted
from meshsix.wiring import Clients


@dataclass(frozen=True, kw_only=True)
class FirstFetch(Wanted):
    """What the first round fetches by."""

    plan: Plan


@dataclass(frozen=True, kw_only=True)
class FirstRead(Wanted):
    """What the first round reads."""

    fetch_1: Fetched | None


@dataclass(frozen=True, kw_only=True)
class FirstAssess(Wanted):
    """What the first round assesses."""

    read_1: Read | None


@dataclass(frozen=True, kw_only=True)
class SecondFetch(Wanted):
    """What the second round fetches by."""

    assess_1: Assessed | None


@dataclass(frozen=True, kw_only=True)
class SecondRead(Wanted):
    """What the second round reads."""

    fetch_2: Fetched | None


@dataclass(frozen=True, kw_only=True)
class SecondAssess(Wanted):
    """What the second round assesses."""

    read_2: Read | None


@dataclass(frozen=True, kw_only=True)
class ThirdFetch(Wanted):
    """What the third round fetches by."""

    assess_2: Assessed | None


@dataclass(frozen=True, kw_only=True)
class ThirdRead(Wanted):
    """What the third round reads."""

    fetch_3: Fetched | None


@dataclass(frozen=True, kw_only=True)
class ThirdAssess(Wanted):
    """What the third round assesses."""

    read_3: Read | None


@dataclass(frozen=True, kw_only=True)
class WriteWanted(Wanted):
    """What writing takes."""

    plan: Plan
    fetch_1: Fetched | None
    read_1: Read | None
    assess_1: Assessed | None
    fetch_2: Fetched | None
    read_2: Read | None
    assess_2: Assessed | None
    fetch_3: Fetched | None
    read_3: Read | None
    assess_3: Assessed | None


def fetch_1(wanted: FirstFetch, clients: Clients) -> Fetched:
    """Fetch what the plan wishes for."""
    return deep_research.fetch(1, wanted.plan.wishes, wanted, clients)


def read_1(wanted: FirstRead, clients: Clients) -> Read:
    """Note what the first round's sources say."""
    return deep_research.read(wanted.fetch_1, wanted, clients)


def assess_1(wanted: FirstAssess, clients: Clients) -> Assessed:
    """Say what is missing after the first round."""
    return deep_research.assess(wanted.read_1, wanted, clients)


def fetch_2(wanted: SecondFetch, clients: Clients) -> Fetched:
    """Fetch what the first round missed."""
    return deep_research.fetch(2, wanted.assess_1.wishes if wanted.assess_1 else (), wanted, clients)


def read_2(wanted: SecondRead, clients: Clients) -> Read:
    """Note what the second round's sources say."""
    return deep_research.read(wanted.fetch_2, wanted, clients)


def assess_2(wanted: SecondAssess, clients: Clients) -> Assessed:
    """Say what is missing after the second round."""
    return deep_research.assess(wanted.read_2, wanted, clients)


def fetch_3(wanted: ThirdFetch, clients: Clients) -> Fetched:
    """Fetch what the second round missed."""
    return deep_research.fetch(3, wanted.assess_2.wishes if wanted.assess_2 else (), wanted, clients)


def read_3(wanted: ThirdRead, clients: Clients) -> Read:
    """Note what the third round's sources say."""
    return deep_research.read(wanted.fetch_3, wanted, clients)


def assess_3(wanted: ThirdAssess, clients: Clients) -> Assessed:
    """Say what is missing after the third round."""
    return deep_research.assess(wanted.read_3, wanted, clients)


def write(wanted: WriteWanted, clients: Clients) -> ResearchAnswer:
    """Answer from what all rounds noted."""
    first = (wanted.fetch_1, wanted.read_1, wanted.assess_1)
    second = (wanted.fetch_2, wanted.read_2, wanted.assess_2)
    third = (wanted.fetch_3, wanted.read_3, wanted.assess_3)
    return deep_research.write(wanted.plan, (*first, *second, *third), wanted, clients)
