"""Pages for people, so that the links in answers lead somewhere. They show and change nothing."""

from html import escape

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from deploy.sandbox.github import boards
from deploy.sandbox.github.records import Account, Hook, Issue, Item, Project, Repository
from deploy.sandbox.github.web import Desk
from deploy.sandbox.github.world import World

STYLE = """
body{font:15px/1.5 system-ui,sans-serif;margin:0;color:#1f2328;background:#f6f8fa}
header{background:#24292f;color:#fff;padding:12px 24px}header a{color:#fff;text-decoration:none;font-weight:600}
header small{color:#d0d7de;margin-left:12px}main{padding:24px;max-width:1280px;margin:auto}
.board{display:flex;gap:12px;overflow-x:auto;align-items:flex-start}
.column{background:#eaeef2;border-radius:8px;padding:10px;min-width:190px;flex:1}
.column h2{font-size:14px;margin:0 0 8px}
.card,li{background:#fff;border:1px solid #d0d7de;border-radius:6px;padding:8px;margin:6px 0}
ul{list-style:none;padding:0}pre{background:#fff;border:1px solid #d0d7de;border-radius:6px;padding:12px;overflow:auto}
.muted{color:#59636e}a{color:#0969da}
"""


def page(title: str, body: str) -> Response:
    """Return a page. `body` is HTML whose texts are escaped already."""
    return HTMLResponse(
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{escape(title)}</title><style>{STYLE}</style>"
        f"<header><a href='/'>Sandbox GitHub</a><small>a stand-in on this machine, read-only</small></header>"
        f"<main><h1>{escape(title)}</h1>{body}</main></html>",
        headers={"content-security-policy": "default-src 'none'; style-src 'unsafe-inline'"},
    )


def _link(path: str, text: str) -> str:
    return f"<a href='{escape(path, quote=True)}'>{escape(text)}</a>"


def _list(lines: list[str]) -> str:
    return "<ul>" + "".join(f"<li>{line}</li>" for line in lines) + "</ul>" if lines else "<p class=muted>None.</p>"


def home(world: World) -> Response:
    """Return the list of repositories and boards."""
    repositories = [_link(f"/{each.full_name}", each.full_name) for each in world.store.all(Repository)]
    found = [_link(boards.path_of(world, each), each.title) for each in world.store.all(Project)]
    return page("Repositories", f"{_list(repositories)}<h2>Boards</h2>{_list(found)}")


def repository(world: World, record: Repository) -> Response:
    """Return a repository's page: files, commits, issues, boards, hooks."""
    name = record.full_name
    head = world.git.branch(name, record.default_branch)
    files = [escape(each.path) for each in world.git.entries(name, head)] if head else []
    log = (
        [
            f"<code>{each.sha[:7]}</code> {escape(each.message.partition(chr(10))[0])}"
            for each in world.git.log(name, head, limit=10)
        ]
        if head
        else []
    )
    issues = [
        _link(f"/{name}/issues/{each.number}", f"#{each.number} {each.title}")
        + f" <span class=muted>{each.state}</span>"
        for each in world.store.all(Issue, lambda each: each.repository_id == record.id)
    ]
    linked = world.store.all(Project, lambda each: record.id in each.repositories)
    found = [_link(boards.path_of(world, each), each.title) for each in linked]
    hooks = [
        f"{escape(each.url)} <span class=muted>{escape(', '.join(each.events))}</span>"
        for each in world.store.all(
            Hook, lambda each: (each.target, each.target_id) == ("repository", record.id) and not each.deleted
        )
    ]
    sections = {"Files": files, "Commits": log, "Issues and pull requests": issues, "Boards": found, "Webhooks": hooks}
    parts = "".join(f"<h2>{title}</h2>{_list(lines)}" for title, lines in sections.items())
    return page(name, f"<p>{escape(record.description or '')}</p>{parts}")


def issue(world: World, record: Repository, number: int) -> Response:
    """Return the page of an issue or pull request."""
    found = world.issue(record, number)
    return page(
        f"#{number} {found.title}", f"<p class=muted>{escape(found.state)}</p><pre>{escape(found.body or '')}</pre>"
    )


def board(world: World, project: Project) -> Response:
    """Return a board with a column for each Status."""
    status = boards.field(world, project, "Status")
    cards = [each for each in boards.items(world, project) if not each.archived]
    columns = [("No Status", None), *((each.name, each.id) for each in (status.options if status else []))]
    parts = []
    for title, option in columns:
        here = [each for each in cards if (each.values.get(str(status.id)) if status else None) == option]
        if here or option is not None:
            shown = "".join(f"<div class=card>{_card(world, each)}</div>" for each in here)
            parts.append(
                f"<div class=column><h2>{escape(title)} <span class=muted>{len(here)}</span></h2>{shown}</div>"
            )
    fields = ", ".join(escape(each.name) for each in boards.fields(world, project))
    text = f"<p>{escape(project.short_description or '')}</p><div class=board>{''.join(parts)}</div>"
    return page(project.title, f"{text}<p class=muted>Fields: {fields}</p>")


def _card(world: World, item: Item) -> str:
    content = boards.content_of(world, item)
    if content is None:
        return escape(item.title)
    name = world.by_id(content.repository_id).full_name
    return _link(f"/{name}/issues/{content.number}", f"#{content.number} {content.title}")


def routes(desk: Desk) -> list[Route]:
    """Return the routes of the pages; they come last, since they take any path of two parts."""
    world = desk.world

    def show(request: Request) -> Response:
        facts = request.path_params
        if "number" in facts and "owner" not in facts:
            account = world.account(facts["login"])
            ours = (account.id if account else 0, facts["number"])
            project = world.store.first(Project, lambda each: (each.owner_id, each.number) == ours)
            return board(world, project) if project else page("Not found", "")
        if "owner" not in facts:
            account = world.account(facts["login"]) if "login" in facts else None
            return _account(world, account) if account else home(world)
        record = world.find_repository(facts["owner"], facts["repo"])
        if record is None or record.private:
            return page("Not found", "<p>No such repository, or it is private.</p>")
        return issue(world, record, facts["number"]) if "number" in facts else repository(world, record)

    async def endpoint(request: Request) -> Response:
        return await desk.work(lambda: show(request))

    paths = (
        "/",
        "/orgs/{login}/projects/{number:int}",
        "/users/{login}/projects/{number:int}",
        "/{owner}/{repo}/issues/{number:int}",
        "/{owner}/{repo}/pull/{number:int}",
        "/{owner}/{repo}/{rest:path}",
        "/{owner}/{repo}",
        "/{login}",
    )
    return [Route(path, endpoint, methods=["GET"]) for path in paths]


def _account(world: World, account: Account) -> Response:
    owned = [
        _link(f"/{each.full_name}", each.full_name)
        for each in world.store.all(Repository)
        if each.owner == account.login
    ]
    return page(account.login, _list(owned))
