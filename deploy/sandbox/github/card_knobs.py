"""Doors for what a person would do with cards on a board's page. No vendor has these; knobs.py opens them.

A card is named by `item` (its global id), or by `repository` and `issue` on the board `project`, which may be left out
where one board is linked. `actor` does it, octo-user unless told.

POST /_sandbox/cards/move     {..., "status": "In Progress"}   to another column; put on the board first if need be
POST /_sandbox/cards/add      {"repository": "octo-org/app", "issue": 1} or {"project": "PVT_...", "title": "Idea"}
POST /_sandbox/cards/remove, /_sandbox/cards/archive, /_sandbox/cards/restore
POST /_sandbox/cards/reorder  {..., "after": "PVTI_..."}       behind another card; first without `after`
POST /_sandbox/cards/convert  {"item": "PVTI_...", "repository": "octo-org/bookmarks"}   a draft becomes an issue
POST /_sandbox/cards/touch    {..., "field": "Labels"}         tell of a field that shows a fact of the issue
POST /_sandbox/boards         {"terse": true}                  from now on `edited` events lack names, from and to
"""

from collections.abc import Callable, Mapping
from typing import Any

from deploy.sandbox.github import boards, deliveries, issue_shapes
from deploy.sandbox.github.problems import Problem, not_found
from deploy.sandbox.github.records import Field, Issue, Item, Project, Repository, number_of
from deploy.sandbox.github.world import World

Json = dict[str, Any]


def move(world: World, given: Json) -> Json:
    """Move a card to another column."""
    item = _find(world, given) if "item" in given else _added(world, given)
    record = _field(world, item, str(given.get("field", "Status")))
    option = next((each for each in record.options if each.name == given["status"]), None)
    if option is None:
        raise Problem(422, "no such option")
    boards.set_value(world, item, record, option.id, _actor(given))
    return _shown(item)


def add(world: World, given: Json) -> Json:
    """Put an issue or a draft on a board."""
    if "issue" in given:
        return _shown(_added(world, given))
    project = _project(world, given, None)
    return _shown(boards.add_item(world, project, None, _actor(given), title=str(given["title"])))


def remove(world: World, given: Json) -> Json:
    """Take a card off its board."""
    item = _find(world, given)
    boards.remove_item(world, item, _actor(given))
    return _shown(item)


def archive(world: World, given: Json) -> Json:
    """Archive a card."""
    item = _find(world, given)
    boards.archive(world, item, _actor(given), archived=True)
    return _shown(item)


def restore(world: World, given: Json) -> Json:
    """Bring an archived card back."""
    item = _find(world, given)
    boards.archive(world, item, _actor(given), archived=False)
    return _shown(item)


def reorder(world: World, given: Json) -> Json:
    """Put a card behind another one."""
    item = _find(world, given)
    after = _find(world, {"item": given["after"]}) if given.get("after") else None
    if after is not None and (after.project_id != item.project_id or after.id == item.id):
        raise Problem(422, "not behind that card")
    boards.reorder(world, item, after, _actor(given))
    return _shown(item)


def convert(world: World, given: Json) -> Json:
    """Make an issue of a draft."""
    item, repository = _find(world, {"item": given["item"]}), _repository(world, given)
    if item.content_id is not None:
        raise Problem(422, "not a draft")
    issue = world.add_issue(repository, _actor(given), item.title, body=item.body)
    shown = {"action": "opened", "issue": issue_shapes.event_issue(world, repository, issue)}
    deliveries.emit(world, "issues", shown, sender=_actor(given), repository=repository)
    boards.convert(world, item, issue, _actor(given))
    return {**_shown(item), "issue": issue.number}


def touch(world: World, given: Json) -> Json:
    """Tell that a field changed which shows a fact of the issue."""
    item = _find(world, given)
    boards.touch(world, item, _field(world, item, str(given["field"])), _actor(given))
    return _shown(item)


def talk(world: World, given: Json) -> Json:
    """Say how much the events of boards tell."""
    world.terse_boards = bool(given["terse"])
    return {"terse": world.terse_boards}


DOORS: Mapping[str, Callable[[World, Json], Json]] = {
    "/cards/move": move,
    "/cards/add": add,
    "/cards/remove": remove,
    "/cards/archive": archive,
    "/cards/restore": restore,
    "/cards/reorder": reorder,
    "/cards/convert": convert,
    "/cards/touch": touch,
    "/boards": talk,
}


def _actor(given: Json) -> str:
    return str(given.get("actor", "octo-user"))


def _shown(item: Item) -> Json:
    return {"item": item.node_id}


def _repository(world: World, given: Json) -> Repository:
    owner, _, name = str(given["repository"]).partition("/")
    found = world.find_repository(owner, name)
    if found is None:
        raise not_found()
    return found


def _project(world: World, given: Json, issue: Issue | None) -> Project:
    wanted = given.get("project")
    linked = world.store.all(Project, lambda each: issue is not None and issue.repository_id in each.repositories)
    found = world.store.get(Project, number_of(wanted)) if wanted else next(linked, None)
    if found is None:
        raise not_found()
    return found


def _added(world: World, given: Json) -> Item:
    issue = world.issue(_repository(world, given), int(given["issue"]))
    return boards.add_item(world, _project(world, given, issue), issue, _actor(given))


def _find(world: World, given: Json) -> Item:
    if "item" in given:
        found = world.store.get(Item, number_of(str(given["item"])))
    else:
        issue = world.issue(_repository(world, given), int(given["issue"]))
        project = _project(world, given, issue)
        ours = (project.id, issue.id)
        found = world.store.first(Item, lambda each: (each.project_id, each.content_id) == ours)
    if found is None:
        raise not_found()
    return found


def _field(world: World, item: Item, name: str) -> Field:
    found = boards.field(world, boards.project_of(world, item), name)
    if found is None:
        raise Problem(422, "no such field")
    return found
