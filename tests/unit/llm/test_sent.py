"""What is sent to a model is counted by its characters, in whatever script."""

import pytest

from meshsix.integrations.litellm import ChatAsk, Message, Speaker
from meshsix.kit import tokens


@pytest.mark.parametrize("letter", ["a", "é", "記"])
def test_four_characters_of_any_script_are_one_token(letter: str) -> None:
    said = Message(speaker=Speaker.USER, content=letter * 4000)
    ask = ChatAsk(model="claude-haiku", messages=(said,), max_tokens=100)
    assert 1000 <= tokens.count(ask.as_text()) < 1020
