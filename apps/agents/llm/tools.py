"""Tools for models: typed functions that really run. Their calls are checked, their results cut, their time bounded."""

import contextvars
import functools
import inspect
import time
import typing
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as TooSlow
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pydantic_core
from django.db import connection
from pydantic import BaseModel, ConfigDict, ValidationError, create_model

from apps.agents.llm.words import ToolUse
from meshsix.integrations.errors import VendorError
from meshsix.integrations.litellm import ToolCall, ToolOffer
from meshsix.kit import tokens

LONGEST = timedelta(seconds=30)
MOST_TOKENS = 3000
"""What all results of one round may have together."""
MOST_ROUNDS = 8
MOST_CALLS = 20


class ToolFailed(Exception):  # noqa: N818 - reads as a word of the domain
    """A tool cannot do what it was asked; the message is for the model."""


@dataclass(frozen=True, kw_only=True)
class Tool:
    """A function that a model may wish for. `heard` is told what of a result the model is really given."""

    name: str
    description: str
    function: Callable[..., object]
    arguments: type[BaseModel]
    heard: Callable[[str], None] | None = None

    def offer(self) -> ToolOffer:
        """Return the tool as the model is told of it."""
        schema = {key: value for key, value in self.arguments.model_json_schema().items() if key != "title"}
        return ToolOffer(name=self.name, description=self.description, parameters=schema)


@dataclass(frozen=True, kw_only=True)
class ToolResult:
    """What came of a call. `text` is for the model; `error_type` is empty where it went well."""

    call: ToolCall
    text: str
    output_size: int
    duration_ms: int
    error_type: str = ""
    ran: bool = True


def tool(function: Callable[..., object]) -> Tool:
    """Make a tool of a function with annotated parameters; its docstring's first paragraph is what the model reads.

    Raises TypeError where an annotation or the docstring is missing.
    """
    name = function.__name__
    described = (inspect.getdoc(function) or "").partition("\n\n")[0].replace("\n", " ")
    hints = typing.get_type_hints(function)
    fields: dict[str, Any] = {}
    for parameter in inspect.signature(function).parameters.values():
        if parameter.name not in hints:
            raise TypeError(f"The tool {name} must annotate {parameter.name}.")
        default = ... if parameter.default is parameter.empty else parameter.default
        fields[parameter.name] = (hints[parameter.name], default)
    if not described:
        raise TypeError(f"The tool {name} needs a docstring: it is what the model reads.")
    made = create_model(name, __config__=ConfigDict(extra="forbid"), **fields)
    return Tool(name=name, description=described, function=function, arguments=made)


def run(
    call: ToolCall, tools: Mapping[str, Tool], *, longest: timedelta = LONGEST, most_tokens: int = MOST_TOKENS
) -> ToolResult:
    """Check the call, run the tool and return its result, cut. What a model can mend is an error that it sees.

    The tool runs in a thread with a database connection of its own. One that takes too long is left to end by itself:
    every client has timeouts. Other exceptions than ToolFailed and those of vendors pass through.
    """
    started = time.monotonic()

    def result(text: str, error_type: str = "", *, ran: bool = True) -> ToolResult:
        told = tokens.cut(text, most_tokens)
        took = int((time.monotonic() - started) * 1000)
        return ToolResult(call=call, text=told, output_size=len(text), duration_ms=took, error_type=error_type, ran=ran)

    wanted = tools.get(call.name)
    if wanted is None:
        return result(
            f"Error: there is no tool {call.name!r}; there are {', '.join(tools)}.", "unknown_tool", ran=False
        )
    try:
        given = wanted.arguments.model_validate_json(call.arguments or "{}")
    except ValidationError as error:
        return result(f"Error: {_faults(error)}", "invalid_input", ran=False)
    try:
        found = _within(
            longest, functools.partial(wanted.function, **{name: getattr(given, name) for name in _set(given)})
        )
    except TooSlow:
        return result(f"Error: it took longer than {longest.total_seconds():g} s.", "timeout")
    except (ToolFailed, VendorError) as error:
        return result(f"Error: {error}", "error")
    given_back = result(found if isinstance(found, str) else pydantic_core.to_json(found, fallback=str).decode())
    if wanted.heard is not None:
        wanted.heard(given_back.text)
    return given_back


def refused(call: ToolCall, why: str) -> ToolResult:
    """Return the result of a call that was not even tried."""
    return ToolResult(call=call, text=f"Error: {why}", output_size=0, duration_ms=0, error_type="limit", ran=False)


def used(results: Sequence[ToolResult]) -> tuple[ToolUse, ...]:
    """Return which tools really ran, in the order of their first call."""
    ran = [result for result in results if result.ran]
    return tuple(
        ToolUse(
            name=name,
            calls=sum(each.call.name == name for each in ran),
            failed=sum(each.call.name == name and bool(each.error_type) for each in ran),
        )
        for name in dict.fromkeys(each.call.name for each in ran)
    )


def _set(given: BaseModel) -> list[str]:
    return list(type(given).model_fields)


def _within(longest: timedelta, call: Callable[[], object]) -> object:
    def work() -> object:
        try:
            return call()
        finally:
            connection.close()  # this thread's own

    pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="tool")
    try:
        return pool.submit(contextvars.copy_context().run, work).result(timeout=longest.total_seconds())
    finally:
        pool.shutdown(wait=False)


def _faults(error: ValidationError) -> str:
    faults = error.errors(include_url=False, include_input=False, include_context=False)
    return "; ".join(f"{'.'.join(map(str, fault['loc'])) or 'arguments'}: {fault['msg']}" for fault in faults)
