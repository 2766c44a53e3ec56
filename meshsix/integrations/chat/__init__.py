"""Posts to chats by their incoming webhooks: Slack and Discord."""

from meshsix.integrations.chat.client import Chat
from meshsix.integrations.chat.failures import Unanswered
from meshsix.integrations.chat.messages import Link, Post

__all__ = ["Chat", "Link", "Post", "Unanswered"]
