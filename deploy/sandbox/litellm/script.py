r"""What a sandbox model answers: by the rules of a scenario, else by a few habits that need no rule.

A rule as JSON (every field is optional; README.md has the table):

    {"when": {"contains": "Redis or PostgreSQL", "matches": "what is (\d+)", "speaker": "user", "tool": "calculate",
              "schema": "GeneralAnswer", "model": "claude-*"},
     "skip": 0, "times": 1,
     "answer": {"content": "It was {tool}.", "json": {}, "tool_calls": [{"name": "calculate", "arguments": {}}],
                "finish_reason": "length", "usage": {"prompt_tokens": 10, "completion_tokens": 2}, "cost_usd": null,
                "body": {}}}

Habits, in this order: ask a tool that takes an expression for a sum; tell what a tool said; fill the schema that was
asked for, with the first source that was named (`S1`) wherever ids are wanted; say a sum; say that all is good.
"""

import ast
import json
import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from deploy.sandbox.litellm.filling import filled
from deploy.sandbox.scripted import ANSWER

_WHEN = {"contains", "matches", "speaker", "tool", "schema", "model"}
_SUM = re.compile(r"\d+(?:\.\d+)?(?:\s*[-+*/]\s*\d+(?:\.\d+)?)+")
_CITABLE = re.compile(r"\bS\d+\b")
_SIGNS: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}


class ScriptError(ValueError):
    """A rule that cannot be understood; the message says why."""


@dataclass(frozen=True, kw_only=True)
class Heard:
    """The facts of a request that a rule may ask for. `schema` is None where any text will do."""

    model: str
    messages: list[dict[str, Any]]
    tools: dict[str, dict[str, Any]]
    schema: dict[str, Any] | None
    schema_name: str

    @property
    def speaker(self) -> str:
        """Return who spoke last."""
        return str(self.messages[-1].get("role")) if self.messages else ""

    def last(self, role: str) -> str:
        """Return what this speaker said last; empty where that is nothing."""
        said = (text_of(each) for each in reversed(self.messages) if each.get("role") == role)
        return next(said, "")

    @property
    def all_words(self) -> str:
        """Return everything that was said."""
        return "\n".join(text_of(each) for each in self.messages)


@dataclass(frozen=True, kw_only=True)
class Said:
    """The answer: words or wishes for tools. `body` replaces the whole answer; `cost_usd` -1 means: by the prices."""

    content: str | None = None
    tool_calls: list[dict[str, Any]] = field(default_factory=list)
    finish_reason: str = ""
    usage: dict[str, int] | None = None
    cost_usd: float | None = -1.0
    body: Any = None


def checked(rule: object) -> dict[str, Any]:
    """Return the rule as it is kept. Raises ScriptError."""
    if not isinstance(rule, dict) or not isinstance(rule.get("answer"), dict):
        raise ScriptError("a rule is an object with an answer")
    unknown = set(rule.get("when", {})) - _WHEN
    if unknown:
        raise ScriptError(f"a rule's `when` knows no {', '.join(sorted(unknown))}")
    return {
        "when": rule.get("when", {}),
        "skip": rule.get("skip", 0),
        "times": rule.get("times"),
        "answer": rule["answer"],
    }


def fits(rule: Mapping[str, Any], heard: Heard) -> bool:
    """Return whether the rule speaks of this request, its counters apart."""
    when = rule["when"]
    return (
        (when.get("contains", "") in heard.all_words)
        and (re.search(when.get("matches", ""), heard.last("user"), re.IGNORECASE) is not None)
        and when.get("speaker", heard.speaker) == heard.speaker
        and ("tool" not in when or when["tool"] in heard.tools)
        and when.get("schema", heard.schema_name) == heard.schema_name
        and fnmatchcase(heard.model, when.get("model", "*"))
    )


def told(rule: Mapping[str, Any], heard: Heard) -> Said:
    """Return the answer of a rule that fits."""
    answer = rule["answer"]
    content = json.dumps(answer["json"]) if "json" in answer else answer.get("content")
    if content is not None:
        content = content.replace("{tool}", heard.last("tool")).replace("{user}", heard.last("user"))
    return Said(
        content=content,
        tool_calls=answer.get("tool_calls", []),
        finish_reason=answer.get("finish_reason", ""),
        usage=answer.get("usage"),
        cost_usd=answer.get("cost_usd", -1.0),
        body=answer.get("body"),
    )


def by_habit(heard: Heard) -> Said:
    """Return the answer where no rule fits."""
    asked = _SUM.search(heard.last("user"))
    if asked and heard.speaker == "user" and (calculator := _calculator(heard.tools)):
        name, argument = calculator
        return Said(tool_calls=[{"name": name, "arguments": {argument: asked[0]}}])
    words = heard.last("tool") if heard.speaker == "tool" else ""
    words = words or (f"{_value(asked[0]):g}" if asked else "")
    if heard.schema is not None:
        cited = _CITABLE.search(heard.all_words)
        return Said(content=json.dumps(filled(heard.schema, words or ANSWER, cited[0] if cited else "")))
    return Said(content=f"The answer is {words}." if words else ANSWER)


def _calculator(tools: Mapping[str, Mapping[str, Any]]) -> tuple[str, str] | None:
    for name, parameters in tools.items():
        if "expression" in parameters.get("properties", {}):
            return name, "expression"
    return None


def _value(expression: str) -> float:
    def of(node: ast.expr) -> float:
        if isinstance(node, ast.BinOp):
            return _SIGNS[type(node.op)](of(node.left), of(node.right))
        return float(ast.unparse(node))

    try:
        return of(ast.parse(expression, mode="eval").body)
    except ZeroDivisionError:
        return float("inf")


def text_of(message: Mapping[str, Any]) -> str:
    """Return the text of a message, given as one text or in parts."""
    content = message.get("content")
    if isinstance(content, list):
        return "".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return str(content or "")
