"""Tools: what the model is told, what is checked, and what really ran."""

import threading
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

import pytest

from apps.agents.llm import tools
from apps.agents.llm.tools import Tool, ToolFailed, tool
from apps.agents.llm.words import ToolUse
from meshsix.integrations.errors import TryLater
from meshsix.integrations.litellm import ToolCall

pytestmark = pytest.mark.django_db


class Unit(StrEnum):
    """A unit."""

    HOURS = "hours"
    DAYS = "days"


@dataclass(frozen=True, kw_only=True)
class Found:
    """What a search found."""

    names: tuple[str, ...]


def search(query: str, limit: int = 5, unit: Unit = Unit.DAYS) -> Found:
    """Search for names.

    Only this first paragraph is for the model.
    """
    if query == "fail":
        raise ToolFailed("nothing is there")
    if query == "later":
        raise TryLater("the vendor is away")
    return Found(names=(query,) * limit + (unit,))


def call(arguments: str, name: str = "search") -> ToolCall:
    return ToolCall(call_id="c", name=name, arguments=arguments)


@pytest.fixture
def known() -> dict[str, Tool]:
    return {"search": tool(search)}


def test_a_model_is_told_name_first_paragraph_and_arguments(known: dict[str, Tool]) -> None:
    offer = known["search"].offer()
    assert (offer.name, offer.description) == ("search", "Search for names.")
    assert offer.parameters["required"] == ["query"]
    assert offer.parameters["additionalProperties"] is False
    assert set(offer.parameters["properties"]) == {"query", "limit", "unit"}  # type: ignore[call-overload] # an object


def test_a_tool_without_words_or_types_is_refused() -> None:
    def silent(query: str) -> str:
        return query

    def untyped(query) -> str:  # type: ignore[no-untyped-def] # noqa: ANN001 - what is refused
        """Search."""
        return str(query)

    for function, words in ((silent, "docstring"), (untyped, "annotate query")):
        with pytest.raises(TypeError, match=words):
            tool(function)


def test_a_good_call_runs_with_checked_arguments(known: dict[str, Tool]) -> None:
    result = tools.run(call('{"query": "x", "limit": 2, "unit": "hours"}'), known)
    assert (result.text, result.error_type, result.ran) == ('{"names":["x","x","hours"]}', "", True)


@pytest.mark.parametrize(
    ("wish", "error_type", "words"),
    [
        (call("{}"), "invalid_input", "query: Field required"),
        (call('{"query": "x", "limit": "many"}'), "invalid_input", "limit: "),
        (call('{"query": "x", "extra": 1}'), "invalid_input", "extra: "),
        (call("no json"), "invalid_input", "arguments: "),
        (call('{"query": "x"}', "delete"), "unknown_tool", "there is no tool 'delete'; there are search"),
        (call('{"query": "fail"}'), "error", "nothing is there"),
        (call('{"query": "later"}'), "error", "the vendor is away"),
    ],
)
def test_a_bad_call_is_an_error_that_the_model_sees(
    known: dict[str, Tool], wish: ToolCall, error_type: str, words: str
) -> None:
    result = tools.run(wish, known)
    assert (result.error_type, result.ran) == (error_type, error_type == "error")
    assert words in result.text


def test_a_tool_that_takes_too_long_is_left_alone() -> None:
    end = threading.Event()

    def wait() -> str:
        """Wait."""
        end.wait(60)
        return "late"

    result = tools.run(call("{}", "wait"), {"wait": tool(wait)}, longest=timedelta(seconds=0.05))
    end.set()
    assert (result.error_type, result.ran) == ("timeout", True)


def test_a_long_result_is_cut_and_its_whole_size_told(known: dict[str, Tool]) -> None:
    result = tools.run(call('{"query": "x", "limit": 5000}'), known, most_tokens=10)
    assert len(result.text) == 40
    assert result.text.endswith("[cut]")
    assert result.output_size > 10_000


def test_a_fault_of_the_tool_itself_is_no_word_for_the_model() -> None:
    def broken() -> str:
        """Break."""
        return str(1 / 0)

    with pytest.raises(ZeroDivisionError):
        tools.run(call("{}", "broken"), {"broken": tool(broken)})


def test_only_what_ran_counts_as_used(known: dict[str, Tool]) -> None:
    said = ['{"query": "x"}', '{"query": "fail"}', "{}"]
    results = [*(tools.run(call(each), known) for each in said), tools.refused(call("{}"), "enough")]
    assert tools.used(results) == (ToolUse(name="search", calls=2, failed=1),)
    assert tools.used([tools.refused(call("{}"), "enough")]) == ()
