"""Who pays for a call, with which key, up to which sum, and which model a tier means there."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

from django.conf import settings

from apps.agents.llm import queries
from apps.agents.llm.errors import BudgetExceeded
from apps.agents.llm.words import Work
from apps.projects import queries as projects
from apps.projects.credentials import model_keys
from meshsix.durable.outcomes import Permanent, TryLater
from meshsix.integrations.vault import Absent
from meshsix.kit import clock, names
from meshsix.wiring import Clients

if TYPE_CHECKING:  # loaded by those who ask models
    from meshsix.integrations.litellm.models import Models

BUDGET_PERIOD = timedelta(days=30)

_ONBOARD = "Onboard the repository with a model budget, or run its step configure_litellm again."


@dataclass(frozen=True, kw_only=True)
class Account:
    """A key with its limit in USD for 30 days (None: LiteLLM's alone) and the models of its tiers."""

    key: str = field(repr=False)
    max_budget: Decimal | None
    tiers: Mapping[str, str]

    def model(self, tier: str) -> str:
        """Return the model that a tier means; empty where none does."""
        return self.tiers.get(tier, "")


def models_of(clients: Clients) -> "Models":
    """Return the client of the models. Raises TryLater where the platform has none."""
    if clients.models is None:
        hint = "Set LITELLM_URL and LITELLM_ADMIN_KEY."
        raise TryLater("No language model is configured.", vendor="litellm", hint=hint)
    return clients.models


def account_of(work: Work, clients: Clients) -> Account:
    """Return who pays for this work: its project, else the platform. Raises Permanent where the project has no key."""
    models_of(clients)
    if not work.project:
        return Account(key=_platform_key(clients), max_budget=None, tiers=_tiers({}))
    project = projects.by_name(names.parse_repository(work.project))
    if project is None:
        raise Permanent("llm:no-project", hint=_ONBOARD, detail=f"{work.project} is not onboarded.")
    try:
        key = model_keys.project_key(clients.vault, project.auth_project_id)
    except Absent as absent:
        raise Permanent("llm:no-key", hint=_ONBOARD, detail=f"{work.project} has no model key.") from absent
    own = project.settings.get("models", {})
    return Account(
        key=key,
        max_budget=_amount(own.get("max_budget", settings.LITELLM_DEFAULT_BUDGET)),
        tiers=_tiers(own),
    )


def _platform_key(clients: Clients) -> str:
    if clients.litellm is None:
        raise TryLater("No LiteLLM is configured.", vendor="litellm", hint="Set LITELLM_URL and LITELLM_ADMIN_KEY.")
    return model_keys.platform_key(clients.litellm, clients.vault)


def _tiers(own: Mapping[str, object]) -> dict[str, str]:
    """Return model by tier: the project's own, else the platform's, else the project's default, else the platform's."""
    usual = str(own.get("default") or settings.LITELLM_DEFAULT_MODEL)
    return {
        tier: str(own.get(tier) or named or ("" if tier == "embed" else usual))
        for tier, named in settings.LLM_MODELS.items()
    }


def refuse_spent(work: Work, account: Account) -> None:
    """Raise BudgetExceeded where the project's 30 days or the agent's day are spent, by our own record of calls.

    Calls that run side by side may pass this together: the sum may end above the limit by what they cost.
    """
    now = clock.now()
    if work.project and account.max_budget is not None:
        spent = queries.spent_by_project(work.project_key, since=now - BUDGET_PERIOD)
        if spent >= account.max_budget:
            raise BudgetExceeded(
                f"{work.project} has spent {spent:.2f} of {account.max_budget:.2f} USD in 30 days.",
                hint="Raise max_budget of the project, or wait.",
            )
    most = Decimal(str(settings.AGENT_DAILY_BUDGET_USD))
    if most > 0 and work.agent_id:
        day = now.replace(hour=0, minute=0, second=0, microsecond=0)
        spent = queries.spent_by_agent(work.agent_id, since=day)
        if spent >= most:
            raise BudgetExceeded(
                f"{work.agent_id} has spent {spent:.2f} of {most:.2f} USD today.",
                hint="Raise AGENT_DAILY_BUDGET_USD, or wait until midnight UTC.",
            )


def _amount(value: object) -> Decimal | None:
    try:
        return Decimal(str(value))
    except InvalidOperation:
        return None
