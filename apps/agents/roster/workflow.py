"""The work of agents that takes several steps, as values of the engine."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from apps.agents.registry.workflow import serving
from apps.agents.roster.research.report import ResearchAsk
from apps.agents.roster.steps import deep_research, rounds
from meshsix.durable.definition import Phase, Step
from meshsix.kit.backoff import Backoff

_MODELS = Backoff(attempts=6, first=timedelta(seconds=5), most=timedelta(seconds=60))
_FETCHES = Backoff(attempts=4, first=timedelta(seconds=2), most=timedelta(seconds=30))
_LONGEST = timedelta(seconds=300)
"""Long enough for two answers of a model; steps.study.AT_A_TIME keeps the others shorter."""


def _step(does: Callable[[Any, Any], Any], backoff: Backoff = _MODELS) -> Step:
    return Step(name=does.__name__, does=does, backoff=backoff, timeout=_LONGEST)


DEEP_RESEARCH = serving(
    name="deep-research",
    ask=ResearchAsk,
    phases=(
        Phase(name="planning", title="What to look for", stretch=(_step(deep_research.plan),)),
        Phase(
            name="first_round",
            title="The first sources",
            stretch=(_step(rounds.fetch_1, _FETCHES), _step(rounds.read_1), _step(rounds.assess_1)),
        ),
        Phase(
            name="second_round",
            title="What the first round missed",
            stretch=(_step(rounds.fetch_2, _FETCHES), _step(rounds.read_2), _step(rounds.assess_2)),
        ),
        Phase(
            name="third_round",
            title="What the second round missed",
            stretch=(_step(rounds.fetch_3, _FETCHES), _step(rounds.read_3), _step(rounds.assess_3)),
        ),
        Phase(name="writing", title="The answer", stretch=(_step(rounds.write),)),
    ),
)
