"""Answers by schema: the strict form, and reading what a model said."""

from dataclasses import dataclass, field
from enum import StrEnum

import pytest
from jsonschema import Draft202012Validator

from apps.agents.llm.shapes import NotFitting, shape
from deploy.sandbox.litellm.filling import filled, strict_problem


class Kind(StrEnum):
    """Two kinds."""

    A = "a"
    B = "b"


@dataclass(frozen=True, kw_only=True)
class Part:
    """A part of an answer."""

    name: str
    kind: Kind = Kind.A


@dataclass(frozen=True, kw_only=True)
class Answer:
    """An answer with parts."""

    summary: str
    parts: tuple[Part, ...]
    confidence: float = field(default=0.5, metadata={})
    note: str | None = None


@dataclass(frozen=True, kw_only=True)
class Free:
    """An answer with a free mapping."""

    facts: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class Titled:
    """Fields that are called like keywords of JSON Schema."""

    title: str
    default: int
    properties: str


def test_the_strict_form_is_what_openai_takes_and_its_example_fits_the_type() -> None:
    for kind in (Answer, Titled, Part):
        wanted = shape(kind)
        assert wanted.strict is not None
        assert strict_problem(wanted.strict) is None
        Draft202012Validator.check_schema(wanted.strict)
        example = filled(wanted.strict, "words")
        Draft202012Validator(wanted.strict).validate(example)
        wanted.adapter.validate_python(example)


def test_fields_keep_their_names_whatever_they_are_called() -> None:
    strict = shape(Titled).strict
    assert strict is not None
    assert set(strict["required"]) == {"title", "default", "properties"}  # type: ignore[call-overload] # a list of names


def test_a_free_mapping_has_no_strict_form() -> None:
    assert shape(Free).strict is None
    assert '"facts"' in shape(Free).told()


SAID = '{"summary": "s", "parts": [{"name": "n", "kind": "b"}], "confidence": 1, "more": 2}'


@pytest.mark.parametrize("text", [SAID, f"```json\n{SAID}\n```", f"\n```\n{SAID}```\n"])
def test_fences_and_unknown_fields_do_no_harm(text: str) -> None:
    assert shape(Answer).read(text) == Answer(summary="s", parts=(Part(name="n", kind=Kind.B),), confidence=1.0)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("not json", "answer: "),
        ('{"summary": "s"}', "parts: Field required"),
        ('{"summary": "s", "parts": [{"name": 3}]}', "parts.0.name: "),
        ('{"summary": "s", "parts": [{"name": "n", "kind": "c"}]}', "parts.0.kind: "),
        ("[]", "answer: "),
    ],
)
def test_what_does_not_fit_is_told_by_its_path(text: str, problem: str) -> None:
    with pytest.raises(NotFitting) as caught:
        shape(Answer).read(text)
    assert any(each.startswith(problem) for each in caught.value.problems)
