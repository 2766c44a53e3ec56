"""One call of a model for some work: who pays, how long, what is written down, and whose fault a failure is."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, TypeVar
from uuid import UUID

import structlog
from django.conf import settings

from apps.agents.llm import accounts, prices, recording
from apps.agents.llm.accounts import Account
from apps.agents.llm.errors import BudgetExceeded, ContextTooLarge
from apps.agents.llm.models import CostSource, LlmCall
from apps.agents.llm.words import Work
from meshsix.durable.outcomes import Permanent
from meshsix.integrations.errors import Missing, Refused, TryLater, VendorError
from meshsix.integrations.litellm import ChatAnswer, ChatAsk, Embedded, Speaker, failures
from meshsix.kit import clock, ids, redact, tokens
from meshsix.wiring import Clients

if TYPE_CHECKING:  # loaded by those who ask models
    from meshsix.integrations.litellm.models import Models

_SPARE = timedelta(seconds=2)
"""What is left of a task's time for what follows the answer."""
_HOPELESS = {failures.KEY_REFUSED, failures.MODEL_DENIED, failures.NO_SUCH_MODEL}
Found = TypeVar("Found")
_log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class Label:
    """What a call is for, as events and rows say it."""

    purpose: str
    prompt_name: str = ""
    prompt_version: str = ""
    schema_name: str = ""
    repair: bool = False


@dataclass(frozen=True, kw_only=True)
class Taken:
    """What a call took, and the word for its failure: for its event and its row.

    `was_lost`: it was sent and nobody knows what became of it; its tokens are those that were sent.
    """

    prompt_tokens: int = 0
    completion_tokens: int = 0
    cost_usd: Decimal | None = None
    response_length: int = 0
    tool_call_count: int = 0
    finish_reason: str = ""
    took: timedelta = timedelta(0)
    error_type: str = ""
    was_lost: bool = False


class Exchange:
    """Calls of models for one piece of work. Once LiteLLM has refused for the budget, it is not asked again."""

    def __init__(self, work: Work, clients: Clients) -> None:
        self.work = work
        self._clients = clients
        self._account: Account | None = None
        self._spent = ""

    @property
    def account(self) -> Account:
        """Return who pays; looked up once. Raises Permanent, TryLater."""
        if self._account is None:
            self._account = accounts.account_of(self.work, self._clients)
        return self._account

    @property
    def models(self) -> "Models":
        """Return the client. Raises TryLater where there is none."""
        return accounts.models_of(self._clients)

    def takes_schema(self, model: str) -> bool:
        """Return whether a model is known to keep to a JSON Schema."""
        known = prices.facts(self.models, key=self.account.key, model=model)
        return known is not None and known.takes_schema

    def complete(self, ask: ChatAsk, label: Label) -> tuple[UUID, ChatAnswer]:
        """Return the call's id and the answer. Raises what `_fault` says."""
        system = sum(len(each.content) for each in ask.messages if each.speaker is Speaker.SYSTEM)
        said = sum(len(each.content) for each in ask.messages) - system
        call_id = self._begin(ask.model, label, system=system, said=said, tools=len(ask.tools))
        if settings.LLM_LOG_PROMPTS:
            told = redact.text("\n".join(f"{each.speaker}: {each.content}" for each in ask.messages))
            _log.info("prompt", call_id=str(call_id), text=told)
        account, timeout = self.account, self._timeout()
        answer, took = self._timed(
            call_id,
            ask.model,
            label,
            lambda: self.models.complete(ask, key=account.key, timeout=timeout),
            sent=lambda: tokens.count(ask.as_text()),
        )
        taken = Taken(
            prompt_tokens=answer.prompt_tokens,
            completion_tokens=answer.completion_tokens,
            cost_usd=answer.cost_usd,
            response_length=len(answer.content),
            tool_call_count=len(answer.tool_calls),
            finish_reason=answer.finish_reason,
            took=took,
        )
        if settings.LLM_LOG_PROMPTS:
            _log.info("answer", call_id=str(call_id), text=redact.text(answer.content))
        self._end(call_id, ask.model, label, taken)
        return call_id, answer

    def embed(self, texts: Sequence[str], *, model: str, dimension: int, longest: timedelta) -> Embedded:
        """Return the texts' vectors. Raises what `_fault` says."""
        label = Label(purpose="embed")
        call_id = self._begin(model, label, system=0, said=sum(map(len, texts)), tools=0)
        account, timeout = self.account, min(self._timeout(), longest)

        def call() -> Embedded:
            return self.models.embed(texts, model=model, dimension=dimension, key=account.key, timeout=timeout)

        found, took = self._timed(call_id, model, label, call, sent=lambda: sum(map(tokens.count, texts)))
        taken = Taken(prompt_tokens=found.prompt_tokens, cost_usd=found.cost_usd, finish_reason="stop", took=took)
        self._end(call_id, model, label, taken)
        return found

    def _timeout(self) -> timedelta:
        """Return how long to wait for the answer. Raises TryLater where the work's time is over."""
        deadline = self.work.deadline
        left = settings.LLM_TIMEOUT if deadline is None else deadline - clock.now() - _SPARE
        if left <= timedelta(0):
            raise TryLater("The time of the task is over.", vendor=failures.VENDOR)
        return min(left, settings.LLM_TIMEOUT)

    def _begin(self, model: str, label: Label, *, system: int, said: int, tools: int) -> UUID:
        """Refuse what the budget or the time forbids; else tell that the call begins, and return its id."""
        if self._spent:
            raise BudgetExceeded(self._spent)
        self._timeout()
        accounts.refuse_spent(self.work, self.account)
        call_id = ids.new_id()
        told = {
            "call_id": str(call_id),
            "model": model,
            "purpose": label.purpose,
            "prompt_name": label.prompt_name,
            "prompt_version": label.prompt_version,
            "system_prompt_length": system,
            "prompt_length": said,
            "tool_count": tools,
            "schema_name": label.schema_name,
            "repair": label.repair,
        }
        recording.tell(self.work, "llm.call", told)
        return call_id

    def _timed(
        self, call_id: UUID, model: str, label: Label, call: Callable[[], Found], *, sent: Callable[[], int]
    ) -> tuple[Found, timedelta]:
        """Return what the call gives and how long it took; write down one that fails. `sent` counts its tokens."""
        started = time.monotonic()
        try:
            found = call()
        except VendorError as error:
            fault, error_type = self._fault(error)
            took = timedelta(seconds=time.monotonic() - started)
            taken = Taken(took=took, error_type=error_type)
            if isinstance(error, failures.AnswerLost):
                taken = replace(taken, was_lost=True, prompt_tokens=sent(), cost_usd=error.cost_usd)
            self._end(call_id, model, label, taken)
            raise fault from error
        return found, timedelta(seconds=time.monotonic() - started)

    def _fault(self, error: VendorError) -> tuple[Exception, str]:
        """Return what a vendor's failure means for the work, and its word.

        Permanent where no attempt mends it (a refused key, a model that is not there), BudgetExceeded, ContextTooLarge,
        else the vendor's own TryLater, Refused or Missing.
        """
        if isinstance(error, TryLater):
            return error, "try_later"
        code = error.code if isinstance(error, Refused) else ""
        if code == failures.BUDGET_EXCEEDED:
            self._spent = "LiteLLM refused the call: the budget is spent."
            return BudgetExceeded(self._spent, hint=error.hint), BudgetExceeded.error_type
        if code == failures.TOO_LONG:
            return ContextTooLarge(str(error), hint=error.hint), ContextTooLarge.error_type
        if code in _HOPELESS:
            return Permanent(code, hint=error.hint, detail=str(error)), "permanent"
        return error, "missing" if isinstance(error, Missing) else "refused"

    def _end(self, call_id: UUID, model: str, label: Label, taken: Taken) -> None:
        cost, source = self._cost(model, taken)
        milliseconds = int(taken.took / timedelta(milliseconds=1))
        told = {
            "call_id": str(call_id),
            "model": model,
            "duration_ms": milliseconds,
            "response_length": taken.response_length,
            "tool_call_count": taken.tool_call_count,
            "finish_reason": taken.finish_reason,
            "prompt_tokens": taken.prompt_tokens,
            "completion_tokens": taken.completion_tokens,
            "cost_usd": None if cost is None else str(cost),
            "cost_source": source or None,
            "error_type": taken.error_type or None,
        }
        recording.keep(
            LlmCall(
                call_id=call_id,
                trace_id=self.work.trace_id,
                task_id=self.work.task_id,
                agent_id=self.work.agent_id,
                project=self.work.project_key,
                purpose=label.purpose,
                prompt_name=label.prompt_name,
                prompt_version=label.prompt_version,
                model=model,
                prompt_tokens=taken.prompt_tokens,
                completion_tokens=taken.completion_tokens,
                cost_usd=cost,
                cost_source=source,
                duration_ms=milliseconds,
                error_type=taken.error_type,
            )
        )
        recording.tell(self.work, "llm.response", told)

    def _cost(self, model: str, taken: Taken) -> tuple[Decimal | None, str]:
        """Return the cost and where it comes from: LiteLLM's own word, else tokens times prices, else nowhere.

        A call that failed costs nothing, but where its answer was lost: LiteLLM bills what it did all the same.
        """
        if taken.cost_usd is not None:
            return taken.cost_usd, CostSource.HEADER
        if taken.error_type and not taken.was_lost:
            return None, ""
        longest = _SPARE / 2 if taken.was_lost else prices.LONGEST
        known = prices.facts(self.models, key=self.account.key, model=model, longest=longest)
        cost = known.cost(taken.prompt_tokens, taken.completion_tokens) if known else None
        source = CostSource.ESTIMATE if taken.was_lost else CostSource.PRICES
        return cost, source if cost is not None else ""
