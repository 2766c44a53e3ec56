"""Projects v2 boards: their default fields, cards, and the events that only an organization's boards send."""

from typing import Any

from deploy.sandbox.github import deliveries, shapes
from deploy.sandbox.github.records import SINGLE_SELECT, Account, Field, Issue, Item, Option, Project
from deploy.sandbox.github.world import World, short_hash, timestamp

Json = dict[str, Any]
STATUS_OPTIONS = (
    Option(id="f75ad846", name="Todo", color="GREEN", description="This item hasn't been started"),
    Option(id="47fc9ee4", name="In Progress", color="YELLOW", description="This is actively being worked on"),
    Option(id="98236657", name="Done", color="PURPLE", description="This has been completed"),
)
BUILT_IN = {
    "Title": "TITLE",
    "Assignees": "ASSIGNEES",
    "Status": SINGLE_SELECT,
    "Labels": "LABELS",
    "Linked pull requests": "LINKED_PULL_REQUESTS",
    "Milestone": "MILESTONE",
    "Repository": "REPOSITORY",
    "Reviewers": "REVIEWERS",
    "Parent issue": "PARENT_ISSUE",
    "Sub-issues progress": "SUB_ISSUES_PROGRESS",
}
CONTENT_TYPES = {"ISSUE": "Issue", "PULL_REQUEST": "PullRequest", "DRAFT_ISSUE": "DraftIssue"}


def owner_of(world: World, project: Project) -> Account:
    """Return the account that owns a board."""
    found = world.store.get(Account, project.owner_id)
    return found or world.known("ghost")


def path_of(world: World, project: Project) -> str:
    """Return the path of a board's page."""
    owner = owner_of(world, project)
    return f"/{'orgs' if owner.kind == 'Organization' else 'users'}/{owner.login}/projects/{project.number}"


def create(world: World, owner: Account, title: str, creator: str, repositories: list[int]) -> Project:
    """Make a board with GitHub's default fields, Status among them."""
    now = timestamp()
    numbers = [each.number for each in world.store.all(Project, lambda each: each.owner_id == owner.id)]
    project = world.store.add(
        Project(
            owner_id=owner.id,
            number=max(numbers, default=0) + 1,
            title=title,
            creator=creator,
            repositories=repositories,
            created_at=now,
            updated_at=now,
        )
    )
    for name, kind in BUILT_IN.items():
        options = [Option(**vars(each)) for each in STATUS_OPTIONS] if name == "Status" else []
        record = Field(
            project_id=project.id, name=name, data_type=kind, options=options, created_at=now, updated_at=now
        )
        world.store.add(record)
    return project


def fields(world: World, project: Project) -> list[Field]:
    """Return a board's fields in their order."""
    return list(world.store.all(Field, lambda each: each.project_id == project.id))


def field(world: World, project: Project, name: str) -> Field | None:
    """Return a field by its name, in whatever case it is written."""
    return next((each for each in fields(world, project) if each.name.lower() == name.lower()), None)


def items(world: World, project: Project) -> list[Item]:
    """Return a board's cards in their order, archived ones included."""
    found = world.store.all(Item, lambda each: each.project_id == project.id)
    return sorted(found, key=lambda each: (each.position, each.id))


def new_options(record: Field, wanted: list[Json]) -> list[Option]:
    """Return the options that replace a field's. One that names an id keeps it; the others get new ids.

    Cards hold option ids, so a list without ids takes the value away from every card, as on GitHub.
    """
    known = {each.id for each in record.options}
    made = []
    for place, each in enumerate(wanted):
        kept = each.get("id") if each.get("id") in known else None
        fresh = short_hash(
            f"{record.id}:{record.updated_at}:{len(record.options)}:{place}:{each['name']}:{sorted(known)}"
        )
        made.append(Option(id=kept or fresh, name=each["name"], color=each["color"], description=each["description"]))
    return made


def set_options(world: World, record: Field, wanted: list[Json]) -> None:
    """Replace a field's options, and take values that no longer exist off the cards."""
    record.options = new_options(record, wanted)
    record.updated_at = timestamp()
    world.store.save(record)
    alive = {each.id for each in record.options}
    key = str(record.id)
    for item in world.store.all(Item, lambda each: each.project_id == record.project_id and key in each.values):
        if item.values[key] not in alive:
            del item.values[key]
            world.store.save(item)


def content_of(world: World, item: Item) -> Issue | None:
    """Return the issue or pull request on a card; None for a draft."""
    return world.store.get(Issue, item.content_id)


def kind_of(world: World, item: Item) -> str:
    """Return a card's type: ISSUE, PULL_REQUEST or DRAFT_ISSUE."""
    content = content_of(world, item)
    return "DRAFT_ISSUE" if content is None else "PULL_REQUEST" if content.is_pull else "ISSUE"


def add_item(
    world: World, project: Project, content: Issue | None, creator: str, *, title: str = "", body: str = ""
) -> Item:
    """Put an issue or a draft on a board; one that is there already is returned as it is."""
    if content is not None:
        for each in items(world, project):
            if each.content_id == content.id:
                return each
    now = timestamp()
    number = content.id if content else None
    item = Item(
        project_id=project.id,
        content_id=number,
        title=title,
        body=body,
        creator=creator,
        created_at=now,
        updated_at=now,
    )
    world.store.add(item)
    item.position = float(item.id)
    world.store.save(item)
    emit(world, item, "created", creator)
    return item


def remove_item(world: World, item: Item, actor: str) -> None:
    """Take a card off its board."""
    emit(world, item, "deleted", actor)
    world.store.remove(item)


def archive(world: World, item: Item, actor: str, *, archived: bool) -> None:
    """Archive a card, or bring it back."""
    before = item.updated_at
    item.archived, item.updated_at = archived, timestamp()
    world.store.save(item)
    changes = {"archived_at": {"from": None, "to": item.updated_at} if archived else {"from": before, "to": None}}
    emit(world, item, "archived" if archived else "restored", actor, changes=changes)


def reorder(world: World, item: Item, after: Item | None, actor: str) -> None:
    """Put a card behind another one, or first."""
    ordered = [each for each in items(world, project_of(world, item)) if each.id != item.id]
    before = _predecessor(items(world, project_of(world, item)), item)
    ordered.insert(ordered.index(after) + 1 if after else 0, item)
    for place, each in enumerate(ordered):
        each.position = float(place)
        world.store.save(each)
    item.updated_at = timestamp()
    world.store.save(item)
    change = {"from": before.node_id if before else None, "to": after.node_id if after else None}
    emit(world, item, "reordered", actor, changes={"previous_projects_v2_item_node_id": change})


def _predecessor(ordered: list[Item], item: Item) -> Item | None:
    place = ordered.index(item)
    return ordered[place - 1] if place else None


def convert(world: World, item: Item, issue: Issue, actor: str) -> None:
    """Make a draft's card the card of an issue."""
    item.content_id, item.title, item.body, item.updated_at = issue.id, "", "", timestamp()
    world.store.save(item)
    emit(world, item, "converted", actor, changes={"content_type": {"from": "DraftIssue", "to": "Issue"}})


def touch(world: World, item: Item, record: Field, actor: str) -> None:
    """Tell that a field changed which shows a fact of the issue (labels, assignees): GitHub names just the field."""
    emit(world, item, "edited", actor, changes={"field_value": _field(record)})


def set_value(world: World, item: Item, record: Field, value: str | float | None, actor: str) -> None:
    """Give a card a value of a field (None: take it away)."""
    key = str(record.id)
    before = item.values.get(key)
    if value is None:
        item.values.pop(key, None)
    else:
        item.values[key] = value
    item.updated_at = timestamp()
    world.store.save(item)
    change = _field(record)
    if not world.terse_boards:
        names = {"field_name": record.name, "project_number": project_of(world, item).number}
        change |= {**names, "from": _shown(record, before), "to": _shown(record, value)}
    emit(world, item, "edited", actor, changes={"field_value": change})


def _field(record: Field) -> Json:
    return {"field_node_id": record.node_id, "field_type": record.data_type.lower()}


def _shown(record: Field, value: str | float | None) -> object:
    if record.data_type != SINGLE_SELECT or value is None:
        return value
    option = next((each for each in record.options if each.id == value), None)
    return vars(option) if option else None


def project_of(world: World, item: Item) -> Project:
    """Return the board that a card is on."""
    found = world.store.get(Project, item.project_id)
    if found is None:
        raise LookupError(f"card {item.id} names a board that is gone")
    return found


def emit(world: World, item: Item, action: str, actor: str, **more: Json) -> None:
    """Tell organization hooks and apps about a card. Boards of users send nothing."""
    project = project_of(world, item)
    owner = owner_of(world, project)
    if owner.kind != "Organization":
        return
    content = content_of(world, item)
    shown = {
        "id": item.id,
        "node_id": item.node_id,
        "project_node_id": project.node_id,
        "content_node_id": content.node_id if content else f"DI_{item.node_id[5:]}",
        "content_type": CONTENT_TYPES[kind_of(world, item)],
        "creator": shapes.user(world, item.creator),
        "created_at": item.created_at,
        "updated_at": item.updated_at,
        "archived_at": item.updated_at if item.archived else None,
    }
    body = {"action": action, "projects_v2_item": shown, **more}
    deliveries.emit(world, "projects_v2_item", body, sender=actor, organization=owner)
