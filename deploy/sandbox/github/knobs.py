"""Doors for tests and demonstrations, where a person would click on GitHub's pages. No vendor has these.

POST /_sandbox/repositories   {"owner": "octo-org", "name": "app", "private": false, "files": {"README.md": "# App"},
                               "collaborators": {"octo-reader": "pull"}, "issues": ["First"], ...}
PATCH /_sandbox/repositories/{owner}/{name}   {"archived": true, "collaborators": {...}, "protected": ["main"],
                                               "pull_requests": false, "private": true}
DELETE /_sandbox/repositories/{owner}/{name}
PATCH /_sandbox/accounts/{login}    {"owners": ["octo-user"]}
PATCH /_sandbox/tokens/{login}      {"scopes": ["repo"]} or any other facts of this person's tokens (config.py)
POST  /_sandbox/deliveries          {"lost": ["octo-org/app"]}   from now on nothing reaches the hooks of these; also
      "twice" (each arrives two times at once), "held" (kept back until released), "badly_signed" (with a wrong secret):
      names of repositories, of organizations, or an app's slug. A kind that is left out stays as it is, [] ends it.
POST  /_sandbox/deliveries/release  {"order": "newest-first"}   or "oldest-first", or [delivery ids]: held ones go, one
      after the other
POST  /_sandbox/cards/...           what people do with cards: see card_knobs.py
GET  /_sandbox/deliveries[?event=]   every webhook delivery with its payload, oldest first
GET  /_sandbox/state          one line for each thing that a platform may have made: boards, hooks, pulls, commits
"""

import json
from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from deploy.sandbox.github import boards, card_knobs, deliveries, ownership, seed
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
    """Delete a repository with all that belongs to it; unlike GitHub's own DELETE, without an event."""
    ownership.delete(world, _find(world, owner, name), None)
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


def trouble(world: World, given: Json) -> Json:
    """Say what goes wrong with the deliveries to the hooks of which names; an empty list ends it."""
    world.trouble.set(given)
    return dict(world.trouble.shown())


def release(world: World, given: Json) -> Json:
    """Let held deliveries go, one after the other, in the order that is given."""
    held = [each.id for each in world.store.all(Delivery, lambda each: each.held)]
    order = given.get("order", "oldest-first")
    if isinstance(order, list):
        if unknown := set(order) - set(held):
            raise Problem(422, f"not held: {', '.join(map(str, sorted(unknown)))}")
    elif order not in ("oldest-first", "newest-first"):
        raise Problem(422, "order is oldest-first, newest-first or a list of ids")
    ids = order if isinstance(order, list) else None
    released = deliveries.release(world, ids, backwards=order == "newest-first")
    return {"released": [each.id for each in released]}


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
            if each.target != "integration" and not each.deleted
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
        door("/deliveries", "POST", lambda _, given: trouble(world, given)),
        door("/deliveries/release", "POST", lambda _, given: release(world, given)),
        *(
            door(path, "POST", lambda _, given, work=work: work(world, given))  # type: ignore[misc] # bound now
            for path, work in card_knobs.DOORS.items()
        ),
        door("/events", "POST", lambda _, given: emit(world, given)),
        door("/deliveries", "GET", lambda request, _: sent(world, request.query_params.get("event"))),
        door("/state", "GET", lambda *_: state(world)),
    ]
