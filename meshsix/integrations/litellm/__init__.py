"""LiteLLM: its admin part (teams, keys) and its models (answers, vectors, prices)."""

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
from meshsix.integrations.litellm.models import Models

__all__ = [
    "AnswerShape",
    "ChatAnswer",
    "ChatAsk",
    "Embedded",
    "Key",
    "LiteLLM",
    "Message",
    "ModelFacts",
    "Models",
    "Speaker",
    "Team",
    "ToolCall",
    "ToolOffer",
]
