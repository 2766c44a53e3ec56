"""GitHub's answers as frozen types with the fields that we use; unknown fields are ignored. No clock, no I/O.

REST: https://docs.github.com/en/rest. GraphQL: https://docs.github.com/en/graphql.
"""

from meshsix.integrations.github.messages.accounts import CredentialKind, Identity, Permission, Quota
from meshsix.integrations.github.messages.boards import Board, BoardField, Color, FieldType, Option
from meshsix.integrations.github.messages.cards import Card, CardContent, CardPage
from meshsix.integrations.github.messages.hooks import HookDelivery, LastResponse, Webhook
from meshsix.integrations.github.messages.problems import Problem
from meshsix.integrations.github.messages.repositories import Branch, Commit, Entry, File, PullRequest, Repository

__all__ = [
    "Board",
    "BoardField",
    "Branch",
    "Card",
    "CardContent",
    "CardPage",
    "Color",
    "Commit",
    "CredentialKind",
    "Entry",
    "FieldType",
    "File",
    "HookDelivery",
    "Identity",
    "LastResponse",
    "Option",
    "Permission",
    "Problem",
    "PullRequest",
    "Quota",
    "Repository",
    "Webhook",
]
