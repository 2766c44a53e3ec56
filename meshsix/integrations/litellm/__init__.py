"""LiteLLM: its admin part (teams, keys) and the words of its models (answers, vectors, prices).

`models.Models` speaks to the models. It is not imported here: what it needs takes a second to load.
"""

from meshsix.integrations.litellm.chat_messages import (
    AnswerShape,
    ChatAnswer,
    ChatAsk,
    Embedded,
    Message,
    ModelFacts,
    Speaker,
    ToolCall,
    ToolOffer,
)
from meshsix.integrations.litellm.client import LiteLLM
from meshsix.integrations.litellm.messages import Key, Team

__all__ = [
    "AnswerShape",
    "ChatAnswer",
    "ChatAsk",
    "Embedded",
    "Key",
    "LiteLLM",
    "Message",
    "ModelFacts",
    "Speaker",
    "Team",
    "ToolCall",
    "ToolOffer",
]
