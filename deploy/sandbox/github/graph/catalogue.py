"""Which object of the schema shows which record."""

from collections.abc import Callable
from typing import Any

from deploy.sandbox.github.callers import Caller
from deploy.sandbox.github.graph.eyes import Eyes
from deploy.sandbox.github.graph.issues import CommentNode, LabelNode, issue_node
from deploy.sandbox.github.graph.owners import Owner
from deploy.sandbox.github.graph.projects import FieldNode, ItemNode, ProjectV2
from deploy.sandbox.github.graph.repositories import RepositoryNode
from deploy.sandbox.github.records import (
    Account,
    Comment,
    Field,
    Issue,
    Item,
    Label,
    Project,
    Record,
    Repository,
)
from deploy.sandbox.github.world import World

SHAPES: dict[type[Record], Callable[[Eyes, Any], Any]] = {
    Account: Owner,
    Comment: CommentNode,
    Field: FieldNode,
    Issue: issue_node,
    Item: ItemNode,
    Label: LabelNode,
    Project: ProjectV2,
    Repository: RepositoryNode,
}


def eyes_of(world: World, caller: Caller) -> Eyes:
    """Return the world as one caller sees it."""
    return Eyes(world, caller, SHAPES)
