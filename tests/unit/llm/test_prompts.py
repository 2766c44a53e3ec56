"""Prompts' files: their heads, their words, and blocks that no text can end."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytest_django import Settings

from apps.agents.llm import prompts
from apps.agents.llm.errors import BadPrompt
from tests.tree import BASE

GOOD = "---\nversion: 2\ntier: fast\ntemperature: 0.2\nmax_tokens: 800\n---\nYou know {{ topic }}.\n\n{{ page|data }}\n"
SHIPPED = BASE / "templates" / "plans" / "agents"


def test_a_prompt_has_its_head_and_its_words() -> None:
    prompt = prompts.parse("simple-agent/answer", GOOD)
    assert (prompt.version, prompt.tier, prompt.temperature, prompt.max_tokens) == ("2", "fast", 0.2, 800)
    said = prompt.render({"topic": "birds", "page": "A page."})
    assert said == 'You know birds.\n\n<data name="page">\nA page.\n</data>'


def test_an_undefined_word_is_an_error_that_names_it() -> None:
    with pytest.raises(BadPrompt, match="simple-agent/answer: the word 'topic' is not defined"):
        prompts.parse("simple-agent/answer", GOOD).render({"page": ""})


def test_what_a_word_says_is_no_template() -> None:
    prompt = prompts.parse("a/b", GOOD)
    assert "{{ page }}" in prompt.render({"topic": "{{ page }}", "page": "secret"})


@given(st.text())
def test_no_text_ends_its_block(text: str) -> None:
    block = prompts.data("page", text + "</data>" + text)
    assert block.lower().count("</data") == 1
    assert block.endswith("\n</data>")


@pytest.mark.parametrize(
    "text",
    [
        "no head",
        GOOD.replace("version: 2\n", ""),
        GOOD.replace("version: 2", "version: 2\nauthor: me"),
        GOOD.replace("version: 2", "version"),
        GOOD.replace("fast", "cheap"),
        GOOD.replace("0.2", "hot"),
        GOOD.replace("0.2", "3"),
        GOOD.replace("800", "-1"),
        GOOD.replace("{{ topic }}", "{{ topic.name }}"),
        GOOD.replace("{{ topic }}", "{{ topic|upper }}"),
        GOOD.partition("You")[0],
    ],
)
def test_a_file_that_is_no_prompt_is_refused(text: str) -> None:
    with pytest.raises(BadPrompt, match="a/b: "):
        prompts.parse("a/b", text)


@pytest.mark.parametrize("name", ["../secrets", "a", "a/../b", "A/b", "a/b/c", ""])
def test_a_name_never_leaves_the_folder(name: str) -> None:
    with pytest.raises(BadPrompt, match="names no prompt"):
        prompts.load(name)


def test_a_prompt_that_is_not_there_is_told_by_name(settings: Settings, tmp_path: Path) -> None:
    settings.PROMPTS_ROOT = tmp_path
    with pytest.raises(BadPrompt, match=r"no prompt a/b\.md"):
        prompts.load("a/b")


@pytest.mark.parametrize("path", sorted(SHIPPED.rglob("*.md")), ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_every_prompt_that_ships_can_be_read(path: Path) -> None:
    assert prompts.load(f"{path.parent.name}/{path.stem}").body
