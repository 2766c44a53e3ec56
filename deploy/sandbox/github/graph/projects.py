"""Boards, their fields and cards as objects of the schema."""

from typing import Any, ClassVar

from deploy.sandbox.github import boards
from deploy.sandbox.github.graph.connections import Connection, connect
from deploy.sandbox.github.graph.eyes import Node
from deploy.sandbox.github.records import SINGLE_SELECT, Field, Item, Option, Project, Repository


class ProjectV2(Node):
    """A board."""

    typename = "ProjectV2"
    record: Project
    template = False

    @property
    def owner(self) -> Any:  # noqa: ANN401 - an account
        """The account that owns it."""
        return self.eyes.node(boards.owner_of(self.world, self.record))

    @property
    def creator(self) -> Any:  # noqa: ANN401 - an account
        """Who made it."""
        return self.eyes.node(self.world.known(self.record.creator))

    @property
    def resource_path(self) -> str:
        """The path of its page."""
        return boards.path_of(self.world, self.record)

    @property
    def url(self) -> str:
        """Its page."""
        return self.world.url + self.resource_path

    @property
    def viewer_can_update(self) -> bool:
        """Whether the caller may change it."""
        return self.eyes.owns(boards.owner_of(self.world, self.record))

    viewer_can_close = viewer_can_reopen = viewer_can_update

    def field(self, *, name: str) -> "FieldNode | None":
        """A field by its name."""
        found = boards.field(self.world, self.record, name)
        return FieldNode(self.eyes, found) if found else None

    def fields(self, **args: Any) -> Connection:  # noqa: ANN401 - arguments of the schema
        """Its fields."""
        found = boards.fields(self.world, self.record)
        return connect("fields", self.eyes.nodes(found), args)

    def items(self, **args: Any) -> Connection:  # noqa: ANN401 - arguments of the schema
        """Its cards, without archived ones."""
        found = [each for each in boards.items(self.world, self.record) if not each.archived]
        return connect("items", self.eyes.nodes(found), args)

    def repositories(self, **args: Any) -> Connection:  # noqa: ANN401 - arguments of the schema
        """The repositories that are linked to it."""
        found = [self.world.store.get(Repository, each) for each in self.record.repositories]
        seen = self.eyes.nodes(each for each in found if each is not None and self.eyes.sees(each))
        return connect("repositories", seen, args)


class FieldNode(Node):
    """A field of a board."""

    record: Field

    @property
    def typename(self) -> str:  # type: ignore[override] # one class for two types of the schema
        """The type in the schema."""
        return "ProjectV2SingleSelectField" if self.record.data_type == SINGLE_SELECT else "ProjectV2Field"

    @property
    def project(self) -> ProjectV2 | None:
        """The board."""
        found = self.world.store.get(Project, self.record.project_id)
        return ProjectV2(self.eyes, found) if found else None

    def options(self, *, names: list[str] | None = None) -> list["OptionNode"]:
        """The choices."""
        return [OptionNode(each) for each in self.record.options if names is None or each.name in names]


class OptionNode:
    """A choice of a single-select field."""

    def __init__(self, option: Option) -> None:
        self.id, self.name, self.color, self.description = option.id, option.name, option.color, option.description
        self.name_html, self.description_html = option.name, option.description


class ItemNode(Node):
    """A card."""

    typename = "ProjectV2Item"
    record: Item

    @property
    def type(self) -> str:
        """ISSUE, PULL_REQUEST or DRAFT_ISSUE."""
        return boards.kind_of(self.world, self.record)

    @property
    def is_archived(self) -> bool:
        """Whether it is put away."""
        return self.record.archived

    @property
    def project(self) -> ProjectV2:
        """The board."""
        return ProjectV2(self.eyes, boards.project_of(self.world, self.record))

    @property
    def creator(self) -> Any:  # noqa: ANN401 - an account
        """Who put it there."""
        return self.eyes.node(self.world.known(self.record.creator))

    @property
    def content(self) -> Any:  # noqa: ANN401 - an issue, pull request or draft
        """The issue, pull request or draft."""
        found = boards.content_of(self.world, self.record)
        return self.eyes.node(found) if found else DraftNode(self)

    def _values(self) -> list["ValueNode"]:
        project = self.project.record
        found = boards.content_of(self.world, self.record)
        shown = []
        for field in boards.fields(self.world, project):
            value = self.record.values.get(str(field.id))
            if field.data_type == "TITLE":
                value = found.title if found else self.record.title
            if value is not None:
                shown.append(ValueNode(self, FieldNode(self.eyes, field), value))
        return shown

    def field_values(self, **args: Any) -> Connection:  # noqa: ANN401 - arguments of the schema
        """Its values."""
        return connect("fieldValues", self._values(), args)

    def field_value_by_name(self, *, name: str) -> "ValueNode | None":
        """Its value of one field."""
        return next((each for each in self._values() if each.field.record.name.lower() == name.lower()), None)


class DraftNode:
    """A draft, which is a card without an issue."""

    typename = "DraftIssue"

    def __init__(self, item: ItemNode) -> None:
        self.id = f"DI_{item.id[5:]}"
        self.title, self.body, self.body_text = item.record.title, item.record.body, item.record.body
        self.created_at, self.updated_at, self.creator = item.record.created_at, item.record.updated_at, item.creator

    def assignees(self, **args: Any) -> Connection:  # noqa: ANN401 - arguments of the schema
        """Who works on it: nobody, since drafts of this sandbox are assigned to nobody."""
        return connect("assignees", [], args)


class ValueNode:
    """A card's value of a field."""

    KINDS: ClassVar = {SINGLE_SELECT: "SingleSelect", "NUMBER": "Number", "DATE": "Date"}

    def __init__(self, item: ItemNode, field: FieldNode, value: str | float) -> None:
        self.item, self.field, self.creator = item, field, item.creator
        self.typename = f"ProjectV2ItemField{self.KINDS.get(field.record.data_type, 'Text')}Value"
        self.id = f"PVTFV_{item.id[5:]}_{field.record.id}"
        self.database_id = item.record.id * 1_000 + field.record.id % 1_000
        self.created_at, self.updated_at = item.record.created_at, item.record.updated_at
        option = next((each for each in field.record.options if each.id == value), None)
        self.text = self.number = self.date = value
        self.option_id = option.id if option else None
        self.name = self.name_html = option.name if option else None
        self.color = option.color if option else "GRAY"
        self.description = self.description_html = option.description if option else None
