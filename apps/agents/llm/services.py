"""What agents call: an answer in words or by schema, with tools that really run, and vectors.

llm = Llm(work, clients)
prompt = llm.prompt("answer")                       # templates/plans/agents/{agent_id}/answer.md
reply = llm.answer(prompt, prompt.messages(words, user=question), tools=(tool(calculate),))
reply = llm.structured(prompt, context.messages, Recommendation)
"""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import TypeVar

from django.conf import settings

from apps.agents.llm import prompts
from apps.agents.llm.errors import InvalidAnswer
from apps.agents.llm.exchange import Exchange
from apps.agents.llm.prompts import Prompt
from apps.agents.llm.shapes import NotFitting, Shape, shape
from apps.agents.llm.talk import Talk
from apps.agents.llm.tools import Tool
from apps.agents.llm.words import Reply, Work
from meshsix.durable.outcomes import TryLater
from meshsix.integrations.litellm import AnswerShape, ChatAnswer, Message
from meshsix.wiring import Clients

Value = TypeVar("Value")

LONGEST_EMBEDDING = timedelta(seconds=10)
_CUT = "length"


class Llm:
    """Language models for one piece of work.

    Every call raises TryLater, Refused, Missing (vendors'), Permanent (a key or model that no attempt mends), or
    BudgetExceeded, ContextTooLarge, InvalidAnswer (errors.py).
    """

    def __init__(self, work: Work, clients: Clients) -> None:
        self.work = work
        self._exchange = Exchange(work, clients)

    def prompt(self, name: str) -> Prompt:
        """Return the prompt `name` of this agent, or `agent/name` of another. Raises BadPrompt."""
        return prompts.load(name if "/" in name else f"{self.work.agent_id}/{name}")

    def answer(
        self,
        prompt: Prompt,
        messages: Sequence[Message],
        *,
        offered: Sequence[Tool] = (),
        purpose: str = "answer",
        may_go_on: Callable[[], None] = lambda: None,
    ) -> Reply[str]:
        """Return the model's words. `may_go_on` is called before each round and may raise (a task's checkpoint)."""
        talk = Talk(self._exchange, prompt, messages, offered, purpose=purpose, may_go_on=may_go_on)
        answer = talk.settle()
        text = _whole(answer)
        return talk.reply(text, text)

    def structured(
        self,
        prompt: Prompt,
        messages: Sequence[Message],
        kind: type[Value],
        *,
        offered: Sequence[Tool] = (),
        purpose: str = "answer",
        may_go_on: Callable[[], None] = lambda: None,
    ) -> Reply[Value]:
        """Return the model's answer as a `kind`. One that does not fit is repaired once, then InvalidAnswer."""
        wanted = shape(kind)
        talk = Talk(self._exchange, prompt, messages, offered, purpose=purpose, may_go_on=may_go_on)
        talk.wants(_asked_shape(wanted, strict=self._takes_schema(prompt)), told=wanted.told())
        answer = talk.settle()
        try:
            value = _fitting(answer, wanted)
        except NotFitting as misfit:
            answer = talk.repair(answer, misfit.problems)
            try:
                value = _fitting(answer, wanted)
            except NotFitting as again:
                took, message = talk.reply(None, answer.content), f"The answer does not fit {wanted.name}: {again}"
                raise InvalidAnswer(message, text=answer.content, models=took.models, tools=took.tools) from None
        return talk.reply(value, answer.content)

    def embed(
        self, texts: Sequence[str], *, longest: timedelta = LONGEST_EMBEDDING
    ) -> tuple[str, tuple[tuple[float, ...], ...]]:
        """Return the embedding model and one vector of EMBEDDING_DIMENSION a text. Raises TryLater without one."""
        model = self._exchange.account.model("embed")
        if not model:
            raise TryLater("No embedding model is configured.", vendor="litellm", hint="Set EMBEDDING_MODEL.")
        found = self._exchange.embed(texts, model=model, dimension=settings.EMBEDDING_DIMENSION, longest=longest)
        return model, found.vectors

    def _takes_schema(self, prompt: Prompt) -> bool:
        return self._exchange.takes_schema(self._exchange.account.model(prompt.tier))


def _asked_shape(wanted: Shape[Value], *, strict: bool) -> AnswerShape:
    if strict and wanted.strict is not None:
        return AnswerShape(name=wanted.name, schema=wanted.strict, strict=True)
    return AnswerShape(name=wanted.name, schema=wanted.schema, strict=False)


def _fitting(answer: ChatAnswer, wanted: Shape[Value]) -> Value:
    """Return the value. Raises NotFitting; a cut or empty answer is never half used."""
    if answer.finish_reason == _CUT:
        raise NotFitting(("answer: it was cut; write less",))
    if not answer.content.strip():
        raise NotFitting(("answer: it is empty",))
    return wanted.read(answer.content)


def _whole(answer: ChatAnswer) -> str:
    if answer.finish_reason == _CUT or not answer.content.strip():
        what = "cut" if answer.finish_reason == _CUT else "empty"
        hint = "Raise max_tokens of the prompt." if what == "cut" else ""
        raise InvalidAnswer(f"The answer is {what}.", text=answer.content, hint=hint)
    return answer.content
