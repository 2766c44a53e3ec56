"""A conversation with a model: rounds of tools until it answers, a repair, and what all of it took together."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import TypeVar
from uuid import UUID

from apps.agents.llm import recording, tools
from apps.agents.llm.exchange import Exchange, Label
from apps.agents.llm.prompts import Prompt
from apps.agents.llm.tools import Tool, ToolResult
from apps.agents.llm.words import Reply
from meshsix.integrations.litellm import AnswerShape, ChatAnswer, ChatAsk, Message, Speaker, ToolCall
from meshsix.kit import clock, redact

Value = TypeVar("Value")

_SUMMARY_CHARACTERS = 200


class Talk:
    """One conversation. `settle` leads it to an answer without further wishes; `repair` asks once more."""

    def __init__(
        self,
        exchange: Exchange,
        prompt: Prompt,
        messages: Sequence[Message],
        offered: Sequence[Tool],
        *,
        purpose: str,
        may_go_on: Callable[[], None],
    ) -> None:
        self._exchange, self._prompt, self._may_go_on = exchange, prompt, may_go_on
        self._tools = {each.name: each for each in offered}
        self._ask = ChatAsk(
            model=exchange.account.model(prompt.tier),
            messages=tuple(messages),
            max_tokens=prompt.max_tokens,
            temperature=prompt.temperature,
            tools=tuple(each.offer() for each in offered),
        )
        self._label = Label(purpose=purpose, prompt_name=prompt.name, prompt_version=prompt.version)
        self._results: list[ToolResult] = []
        self._answers: list[ChatAnswer] = []
        self._repaired = False

    def wants(self, shape: AnswerShape, *, told: str) -> None:
        """Ask for an answer of this shape; a model that keeps to no schema is told it in words."""
        self._ask = replace(self._ask, shape=shape)
        self._label = replace(self._label, schema_name=shape.name)
        if not shape.strict:
            self._ask = replace(self._ask, messages=_with_words(self._ask.messages, told))

    def settle(self) -> ChatAnswer:
        """Return the first answer that wishes for no tool, after at most 8 rounds of them."""
        for number in range(tools.MOST_ROUNDS + 1):
            self._may_go_on()
            self._ask = replace(self._ask, answer_now=number == tools.MOST_ROUNDS)
            call_id, answer = self._say()
            if not answer.tool_calls or self._ask.answer_now:
                break
            self._use_tools(call_id, answer)
        return answer

    def repair(self, answer: ChatAnswer, problems: Sequence[str]) -> ChatAnswer:
        """Return what the model says when it is told what is wrong with `answer`, as it stands."""
        faults = "\n".join(f"- {problem}" for problem in problems)
        words = f"This answer cannot be used:\n{faults}\nGive the whole answer again, as JSON alone, with these mended."
        said = Message(speaker=Speaker.ASSISTANT, content=answer.content or "(nothing)")
        wish = Message(speaker=Speaker.USER, content=words)
        self._ask = replace(self._ask, messages=(*self._ask.messages, said, wish), answer_now=True)
        self._label = replace(self._label, repair=True)
        self._repaired = True
        self._may_go_on()
        return self._say()[1]

    def reply(self, value: Value, text: str) -> Reply[Value]:
        """Return the answer with all that it took."""
        return Reply(
            value=value,
            text=text,
            models=tuple(dict.fromkeys(each.model or self._ask.model for each in self._answers)),
            tools=tools.used(self._results),
            calls=len(self._answers),
            prompt_tokens=sum(each.prompt_tokens for each in self._answers),
            completion_tokens=sum(each.completion_tokens for each in self._answers),
            cost_usd=sum((each.cost_usd or Decimal(0) for each in self._answers), Decimal(0)),
            repaired=self._repaired,
        )

    def _say(self) -> tuple[UUID, ChatAnswer]:
        call_id, answer = self._exchange.complete(self._ask, self._label)
        self._answers.append(answer)
        return call_id, answer

    def _use_tools(self, call_id: UUID, answer: ChatAnswer) -> None:
        """Run what the model wishes for, one after the other, and add wishes and results to the conversation."""
        wish = Message(speaker=Speaker.ASSISTANT, content=answer.content, tool_calls=answer.tool_calls)
        share = tools.MOST_TOKENS // len(answer.tool_calls)
        results = [self._run(call_id, call, share) for call in answer.tool_calls]
        said = tuple(
            Message(speaker=Speaker.TOOL, content=each.text, tool_call_id=each.call.call_id) for each in results
        )
        self._ask = replace(self._ask, messages=(*self._ask.messages, wish, *said))

    def _run(self, call_id: UUID, call: ToolCall, share: int) -> ToolResult:
        work = self._exchange.work
        summary = redact.text(call.arguments)[:_SUMMARY_CHARACTERS]
        told = {"call_id": str(call_id), "tool_name": call.name, "input_summary": summary}
        recording.tell(work, "tool.invocation", told)
        if sum(each.ran for each in self._results) >= tools.MOST_CALLS:
            result = tools.refused(call, f"no more than {tools.MOST_CALLS} calls may be made; answer now.")
        else:
            longest = tools.LONGEST if work.deadline is None else min(tools.LONGEST, work.deadline - clock.now())
            result = tools.run(call, self._tools, longest=longest, most_tokens=share)
        self._results.append(result)
        facts = {
            "call_id": str(call_id),
            "tool_name": call.name,
            "success": not result.error_type,
            "duration_ms": result.duration_ms,
            "output_size": result.output_size,
            "count": None,
            "error_type": result.error_type or None,
        }
        recording.tell(work, "tool.result", facts)
        return result


def _with_words(messages: tuple[Message, ...], words: str) -> tuple[Message, ...]:
    """Return the messages with `words` behind the system's, or before all where it says nothing."""
    first = messages[0] if messages else None
    if first is None or first.speaker is not Speaker.SYSTEM:
        return (Message(speaker=Speaker.SYSTEM, content=words), *messages)
    return (replace(first, content=f"{first.content}\n\n{words}"), *messages[1:])
