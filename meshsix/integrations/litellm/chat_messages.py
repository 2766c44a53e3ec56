"""What is said to a model and what it answers, as frozen types. Pure.

Shapes: https://platform.openai.com/docs/api-reference/chat/create, in LiteLLM's hands
https://docs.litellm.ai/docs/completion/output and https://docs.litellm.ai/docs/proxy/cost_tracking.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the package takes a second to load, and most processes ask no model
    from openai.types.chat import ChatCompletionFunctionToolParam, ChatCompletionMessageParam
    from openai.types.chat.completion_create_params import ResponseFormat

COST_HEADER = "x-litellm-response-cost"
COST_DIGITS = 12
"""How many digits of a USD are kept: a token of the cheapest model costs more than one of the last."""


class Speaker(StrEnum):
    """Who says a message."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"
    TOOL = "tool"


@dataclass(frozen=True, kw_only=True)
class ToolCall:
    """A model's wish that a tool runs; `arguments` is its own JSON text, not yet checked."""

    call_id: str
    name: str
    arguments: str


@dataclass(frozen=True, kw_only=True)
class Message:
    """One message. `tool_calls` belong to an assistant's, `tool_call_id` to a tool's result."""

    speaker: Speaker
    content: str
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str = ""

    def as_json(self) -> "ChatCompletionMessageParam":
        """Return the message as OpenAI's wire format has it."""
        match self.speaker:
            case Speaker.SYSTEM:
                return {"role": "system", "content": self.content}
            case Speaker.USER:
                return {"role": "user", "content": self.content}
            case Speaker.TOOL:
                return {"role": "tool", "content": self.content, "tool_call_id": self.tool_call_id}
            case Speaker.ASSISTANT if not self.tool_calls:
                return {"role": "assistant", "content": self.content}
        return {
            "role": "assistant",
            "content": self.content or None,
            "tool_calls": [
                {"id": each.call_id, "type": "function", "function": {"name": each.name, "arguments": each.arguments}}
                for each in self.tool_calls
            ],
        }


@dataclass(frozen=True, kw_only=True)
class ToolOffer:
    """A tool that the model may wish for; `parameters` is the JSON Schema of its arguments."""

    name: str
    description: str
    parameters: Mapping[str, object]

    def as_json(self) -> "ChatCompletionFunctionToolParam":
        """Return the offer as OpenAI's wire format has it."""
        facts = {"name": self.name, "description": self.description, "parameters": dict(self.parameters)}
        return {"type": "function", "function": facts}  # type: ignore[typeddict-item] # the same three words


@dataclass(frozen=True, kw_only=True)
class AnswerShape:
    """The JSON that the answer must be. Not `strict`: any JSON object; the prompt tells the schema."""

    name: str
    schema: Mapping[str, object]
    strict: bool

    def as_json(self) -> "ResponseFormat":
        """Return the shape as OpenAI's wire format has it."""
        if not self.strict:
            return {"type": "json_object"}
        return {
            "type": "json_schema",
            "json_schema": {"name": self.name, "schema": dict(self.schema), "strict": True},
        }


@dataclass(frozen=True, kw_only=True)
class ChatAsk:
    """One request. `answer_now`: the tools stay listed, since the messages name them, but none may be called."""

    model: str
    messages: tuple[Message, ...]
    max_tokens: int
    temperature: float | None = None
    tools: tuple[ToolOffer, ...] = ()
    shape: AnswerShape | None = None
    answer_now: bool = False

    def as_text(self) -> str:
        """Return all that the model reads, for counting it."""
        shape = self.shape.as_json() if self.shape else None
        said = [[each.as_json() for each in self.messages], [each.as_json() for each in self.tools], shape]
        return json.dumps(said, ensure_ascii=False)


@dataclass(frozen=True, kw_only=True)
class ChatAnswer:
    """What came back. `finish_reason` is `length` where the answer was cut; `cost_usd` None where nothing says it."""

    model: str
    content: str
    tool_calls: tuple[ToolCall, ...]
    finish_reason: str
    prompt_tokens: int
    completion_tokens: int
    cost_usd: Decimal | None


@dataclass(frozen=True, kw_only=True)
class Embedded:
    """One vector a text, in the order of the texts."""

    vectors: tuple[tuple[float, ...], ...] = field(repr=False)
    prompt_tokens: int
    cost_usd: Decimal | None


@dataclass(frozen=True, kw_only=True)
class ModelFacts:
    """What `/model/info` says of a model: USD a token, None where unknown, and whether it keeps to a JSON Schema."""

    name: str
    input_price: Decimal | None
    output_price: Decimal | None
    takes_schema: bool

    def cost(self, prompt_tokens: int, completion_tokens: int) -> Decimal | None:
        """Return what so many tokens cost in USD, None where a price is missing."""
        if self.input_price is None or (completion_tokens and self.output_price is None):
            return None
        return self.input_price * prompt_tokens + (self.output_price or Decimal(0)) * completion_tokens


class Unreadable(ValueError):  # noqa: N818 - reads as a word of the domain
    """An answer that is no answer of a model; the message says what is missing, never what was said."""


def chat_answer(body: object, headers: Mapping[str, str]) -> ChatAnswer:
    """Parse `/chat/completions`. Raises Unreadable where there is no choice."""
    answer = _mapping(body)
    choice = _mapping(next(iter(_list(answer.get("choices"))), None))
    message = _mapping(choice.get("message"))
    if not message:
        raise Unreadable("The answer has no choice.")
    content, usage = message.get("content"), _mapping(answer.get("usage"))
    return ChatAnswer(
        model=str(answer.get("model") or ""),
        content=content if isinstance(content, str) else "",
        tool_calls=tuple(_tool_call(_mapping(each)) for each in _list(message.get("tool_calls"))),
        finish_reason=str(choice.get("finish_reason") or ""),
        prompt_tokens=_count(usage.get("prompt_tokens")),
        completion_tokens=_count(usage.get("completion_tokens")),
        cost_usd=cost(headers),
    )


def cost(headers: Mapping[str, str]) -> Decimal | None:
    """Return what LiteLLM says that a call cost in USD, None where it does not."""
    return _money(headers.get(COST_HEADER))


def _tool_call(call: Mapping[str, object]) -> ToolCall:
    function = _mapping(call.get("function"))
    return ToolCall(
        call_id=str(call.get("id") or ""),
        name=str(function.get("name") or ""),
        arguments=str(function.get("arguments") or "{}"),
    )


def embedded(body: object, headers: Mapping[str, str], *, wanted: int) -> Embedded:
    """Parse `/embeddings` of `wanted` texts. Raises Unreadable where vectors are missing or no numbers."""
    answer = _mapping(body)
    rows = sorted((_mapping(each) for each in _list(answer.get("data"))), key=lambda row: _count(row.get("index")))
    vectors = tuple(_vector(row.get("embedding")) for row in rows)
    if len(vectors) != wanted:
        raise Unreadable(f"{wanted} vectors were asked for, {len(vectors)} came.")
    usage = _mapping(answer.get("usage"))
    return Embedded(
        vectors=vectors,
        prompt_tokens=_count(usage.get("prompt_tokens")),
        cost_usd=cost(headers),
    )


def _vector(value: object) -> tuple[float, ...]:
    numbers = tuple(float(each) for each in _list(value) if isinstance(each, int | float))
    if not numbers or len(numbers) != len(_list(value)) or not all(map(math.isfinite, numbers)):
        raise Unreadable("A vector is no list of numbers.")
    return numbers


def model_facts(body: object) -> tuple[ModelFacts, ...]:
    """Parse `/model/info`."""
    found = []
    for row in map(_mapping, _list(_mapping(body).get("data"))):
        info = _mapping(row.get("model_info"))
        found.append(
            ModelFacts(
                name=str(row.get("model_name") or ""),
                input_price=_money(info.get("input_cost_per_token")),
                output_price=_money(info.get("output_cost_per_token")),
                takes_schema=info.get("supports_response_schema") is True,
            )
        )
    return tuple(found)


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _count(value: object) -> int:
    return value if isinstance(value, int) and value > 0 else 0


def _money(value: object) -> Decimal | None:
    """Return an amount in USD; None where there is none or it is no amount (the header's "None" for unknown models).

    LiteLLM counts in floats: what lies beyond the digits that we keep is noise.
    """
    try:
        amount = None if value is None else Decimal(str(value))
    except InvalidOperation:
        return None
    return round(amount, COST_DIGITS) if amount is not None and amount.is_finite() and amount >= 0 else None
