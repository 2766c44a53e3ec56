"""Doors for tests and demonstrations, where a person would click on GitHub's pages. No vendor has these.

POST /_sandbox/repositories   {"owner": "octo-org", "name": "app", "private": false, "files": {"README.md": "# App"},
                               "collaborators": {"octo-reader": "pull"}, "issues": ["First"], ...}
PATCH /_sandbox/repositories/{owner}/{name}   {"archived": true, "collaborators": {...}, "protected": ["main"],
                                               "pull_requests": false, "private": true}
DELETE /_sandbox/repositories/{owner}/{name}
PATCH /_sandbox/accounts/{login}    {"owners": ["octo-user"]}
PATCH /_sandbox/tokens/{login}      {"scopes": ["repo"]} or any other facts of this person's tokens (config.py)
POST  /_sandbox/deliveries          {"lost": ["octo-org/app"]}   from now on nothing reaches the hooks of these
POST /_sandbox/cards/move     {"project": "PVT_...", "issue": 1, "repository": "octo-org/bookmarks",
                               "status": "In Progress", "actor": "octo-user"}
GET  /_sandbox/deliveries[?event=]   every webhook delivery with its payload, oldest first
GET  /_sandbox/state          one line for each thing that a platform may have made: boards, hooks, pulls, commits
"""

import json
import shutil
from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from deploy.sandbox.github import boards, deliveries, seed
from deploy.sandbox.github.config import Seed, Token
from deploy.sandbox.github.git import Person
from deploy.sandbox.github.problems import Problem, not_found
from deploy.sandbox.github.records import (
    Delivery,
    Hook,
    Issue,
    Item,
    Project,
    Pull,
    Repository,
    number_of,
)
from deploy.sandbox.github.web import Desk
from deploy.sandbox.github.world import World, timestamp

Json = dict[str, Any]


def create(world: World, given: Json) -> Json:
    """Add a repository, and its owner if there is none of that name."""
    owner, kind = str(given["owner"]), str(given.pop("owner_kind", "User"))
    if world.account(owner) is None:
        account = world.add_account(owner, kind=kind)
        account.owners = list(given.get("owners", ["octo-user"])) if kind == "Organization" else []
        world.store.save(account)
    given.pop("owners", None)
    files = given.pop("files", None)
    facts = Seed.model_validate(given)
    if world.find_repository(facts.owner, facts.name):
        raise Problem(422, "there is such a repository already")
    record = seed.add(world, facts)
    if files:
        _commit(world, record, {path: text.encode() for path, text in files.items()})
    return {"full_name": record.full_name, "node_id": record.node_id, "id": record.id}


def _commit(world: World, record: Repository, files: dict[str, bytes]) -> None:
    person = Person(name="Octo User", email=world.email("octo-user"))
    sha = world.git.commit_files(record.full_name, None, "Begin", person, additions=files)
    world.git.set_ref(record.full_name, f"refs/heads/{record.default_branch}", sha)


def change(world: World, owner: str, name: str, given: Json) -> Json:
    """Set facts of a repository as its owner would on the settings page."""
    record = _find(world, owner, name)
    known = {"archived", "collaborators", "protected", "pull_requests", "private", "default_branch", "description"}
    if unknown := set(given) - known:
        raise Problem(422, f"unknown: {', '.join(sorted(unknown))}")
    for fact, value in given.items():
        setattr(record, fact, value)
    world.git.protect(record.full_name, record.protected)
    world.touch(record)
    return {"full_name": record.full_name, **given}


def _find(world: World, owner: str, name: str) -> Repository:
    record = world.find_repository(owner, name)
    if record is None:
        raise not_found()
    return record


def delete(world: World, owner: str, name: str) -> Json:
    """Delete a repository with all that belongs to it."""
    record = _find(world, owner, name)
    issues = world.store.all(Issue, lambda each: each.repository_id == record.id)
    hooks = world.store.all(Hook, lambda each: (each.target, each.target_id) == ("repository", record.id))
    for gone in (*issues, *hooks, record):
        world.store.remove(gone)
    shutil.rmtree(world.git.path(record.full_name), ignore_errors=True)
    return {}


def change_account(world: World, login: str, given: Json) -> Json:
    """Set who owns an organization."""
    account = world.account(login)
    if account is None:
        raise not_found()
    account.owners = list(given["owners"])
    world.store.save(account)
    return {"login": account.login, "owners": account.owners}


def change_tokens(world: World, login: str, given: Json) -> Json:
    """Set facts of a person's tokens until the end of this process, as if others had been handed over."""
    tokens = [
        Token.model_validate({**each.model_dump(), **given}) if each.login == login else each
        for each in world.config.tokens
    ]
    world.config = world.config.model_copy(update={"tokens": tuple(tokens)})
    return {"changed": sum(each.login == login for each in tokens)}


def lose(world: World, given: Json) -> Json:
    """Let deliveries to the hooks of these repositories and organizations get lost; an empty list ends it."""
    world.lost = frozenset(given["lost"])
    return {"lost": sorted(world.lost)}


def move(world: World, given: Json) -> Json:
    """Move the card of an issue to another column, put on the board first if need be; `actor` did it."""
    owner, _, name = str(given["repository"]).partition("/")
    issue = world.issue(_find(world, owner, name), int(given["issue"]))
    linked = world.store.all(Project, lambda each: issue.repository_id in each.repositories)
    wanted = given.get("project")
    project = world.store.get(Project, number_of(wanted)) if wanted else next(linked, None)
    if project is None:
        raise not_found()
    actor = str(given.get("actor", "octo-user"))
    item = boards.add_item(world, project, issue, actor)
    field = boards.field(world, project, str(given.get("field", "Status")))
    option = next((each for each in field.options if each.name == given["status"]), None) if field else None
    if field is None or option is None:
        raise Problem(422, "no such field or option")
    boards.set_value(world, item, field, option.id, actor)
    return {"item": item.node_id}


def emit(world: World, given: Json) -> Json:
    """Send an event with any payload to the hooks of a repository."""
    owner, _, name = str(given["repository"]).partition("/")
    record = _find(world, owner, name)
    actor = str(given.get("actor", "octo-user"))
    deliveries.emit(world, str(given["event"]), dict(given.get("payload") or {}), sender=actor, repository=record)
    return {}


def sent(world: World, event: str | None) -> Json:
    """Return every delivery."""
    found = world.store.all(Delivery, lambda each: event in (None, each.event))
    return {
        "deliveries": [
            {**vars(each), "payload": json.loads(each.payload), "target": hook.target if hook else None}
            for each in found
            for hook in [world.store.get(Hook, each.hook_id)]
        ]
    }


def state(world: World) -> Json:
    """Return what exists, short enough to be compared before and after."""
    repositories = list(world.store.all(Repository))
    return {
        "at": timestamp(),
        "boards": [
            {
                "owner": boards.owner_of(world, each).login,
                "number": each.number,
                "title": each.title,
                "closed": each.closed,
                "short_description": each.short_description,
                "readme": each.readme,
                "repositories": [world.by_id(number).full_name for number in each.repositories],
                "fields": {
                    one.name: [option.name for option in one.options] or one.data_type
                    for one in boards.fields(world, each)
                },
                "items": sum(1 for _ in world.store.all(Item, lambda one, board=each: one.project_id == board.id)),  # type: ignore[misc] # bound now
            }
            for each in world.store.all(Project)
        ],
        "hooks": [
            {
                "target": each.target,
                "on": deliveries.place_of(world, each),
                "url": each.url,
                "events": each.events,
                "active": each.active,
            }
            for each in world.store.all(Hook)
            if each.target != "integration"
        ],
        "pulls": [
            {
                "repository": world.by_id(issue.repository_id).full_name,
                "number": issue.number,
                "title": issue.title,
                "head": pull.head,
                "state": issue.state,
            }
            for pull in world.store.all(Pull)
            if (issue := world.store.get(Issue, pull.issue_id)) is not None
        ],
        "commits": {
            each.full_name: {
                ref.removeprefix("refs/heads/"): [one.message for one in world.git.log(each.full_name, sha)]
                for ref, sha in world.git.refs(each.full_name, "refs/heads/").items()
            }
            for each in repositories
        },
    }


def routes(desk: Desk) -> list[Route]:
    """Return the routes of the doors."""
    world = desk.world

    def door(path: str, method: str, work: Callable[[Request, Json], Json]) -> Route:
        async def endpoint(request: Request) -> Response:
            raw = await request.body()

            def task() -> Response:
                desk.learn_address(request)
                try:
                    return JSONResponse(work(request, json.loads(raw) if raw else {}))
                except (Problem, KeyError, ValueError) as error:
                    status = error.status if isinstance(error, Problem) else 422
                    desk.world.store.rollback()
                    return JSONResponse({"message": str(error)}, status)

            return await desk.work(task)

        return Route(f"/_sandbox{path}", endpoint, methods=[method])

    def named(request: Request) -> tuple[str, str]:
        return request.path_params["owner"], request.path_params["name"]

    one = "/repositories/{owner}/{name}"
    return [
        door("/repositories", "POST", lambda _, given: create(world, given)),
        door(one, "PATCH", lambda request, given: change(world, *named(request), given)),
        door(one, "DELETE", lambda request, _: delete(world, *named(request))),
        door(
            "/accounts/{login}",
            "PATCH",
            lambda request, given: change_account(world, request.path_params["login"], given),
        ),
        door(
            "/tokens/{login}", "PATCH", lambda request, given: change_tokens(world, request.path_params["login"], given)
        ),
        door("/deliveries", "POST", lambda _, given: lose(world, given)),
        door("/cards/move", "POST", lambda _, given: move(world, given)),
        door("/events", "POST", lambda _, given: emit(world, given)),
        door("/deliveries", "GET", lambda request, _: sent(world, request.query_params.get("event"))),
        door("/state", "GET", lambda *_: state(world)),
    ]
