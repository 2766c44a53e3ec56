"""Users, organizations, the rate limit and GitHub Apps."""

import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

from starlette.routing import Route

from deploy.sandbox.github import shapes
from deploy.sandbox.github.callers import Caller, Kind
from deploy.sandbox.github.config import App, Installation
from deploy.sandbox.github.problems import Problem, not_found
from deploy.sandbox.github.records import Account, InstallationToken, Repository
from deploy.sandbox.github.web import Call, Desk, Reply, need_person
from deploy.sandbox.github.world import World

NEVER = "2020-01-01T00:00:00Z"


def me(call: Call) -> Reply:
    """Return the caller's own profile."""
    caller = need_person(call)
    if caller.kind in (Kind.INSTALLATION, Kind.APP):
        raise Problem(403, "Resource not accessible by integration")
    return Reply(body=shapes.private_user(call.world, call.world.known(caller.login)))


def user(call: Call) -> Reply:
    """Return anybody's profile; organizations have one here, too."""
    account = call.world.account(call.params["username"])
    if account is None:
        raise not_found()
    return Reply(body=shapes.full_user(call.world, account))


def _organization(call: Call) -> Account:
    account = call.world.account(call.params["org"])
    if account is None or account.kind != "Organization":
        raise not_found()
    return account


def organization(call: Call) -> Reply:
    """Return an organization."""
    return Reply(body=shapes.organization(call.world, _organization(call)))


def membership(call: Call) -> Reply:
    """Return the caller's membership of an organization."""
    account, caller = _organization(call), need_person(call)
    if caller.kind is Kind.CLASSIC and not caller.has_scope("read:org"):
        raise Problem(403, "You need at least read:org scope to see your organization memberships.")
    if caller.login not in account.owners:
        raise not_found()
    base = f"{call.world.url}/orgs/{account.login}"
    return Reply(
        body={
            "url": f"{base}/memberships/{caller.login}",
            "state": "active",
            "role": "admin",
            "organization_url": base,
            "organization": shapes.short_organization(call.world, account),
            "user": shapes.user(call.world, caller.login),
        }
    )


def repositories_of(call: Call) -> Reply:
    """List the repositories of an organization or user that the caller can see."""
    login = call.params.get("org") or call.params.get("username") or need_person(call).login
    if call.world.account(login) is None:
        raise not_found()
    return call.page(
        [
            shapes.repository(call.world, each, call.caller)
            for each in call.world.store.all(Repository, lambda one: one.owner.lower() == login.lower())
            if call.world.role(call.caller, each)
        ]
    )


def app(call: Call) -> Reply:
    """Return the app that signed the caller's JWT."""
    found = signed_by(call.caller)
    return Reply(body=integration(call.world, found))


def signed_by(caller: Caller) -> App:
    """Return the app whose JWT the caller shows. Raises Problem 401 for any other credential."""
    if caller.kind is not Kind.APP or caller.app is None:
        raise Problem(401, "A JSON web token could not be decoded")
    return caller.app


def integration(world: World, found: App) -> dict[str, Any]:
    """Return an app as GitHub shows it."""
    return {
        "id": found.id,
        "client_id": found.client_id or f"Iv1.{found.id:016x}",
        "slug": found.slug,
        "node_id": f"A_kwDO{found.id}",
        "owner": shapes.user(world, found.owner),
        "name": found.slug,
        "description": None,
        "external_url": f"{world.url}/apps/{found.slug}",
        "html_url": f"{world.url}/apps/{found.slug}",
        "created_at": NEVER,
        "updated_at": NEVER,
        "permissions": found.permissions,
        "events": list(found.events),
        "installations_count": len(found.installations),
    }


def _installation(world: World, found: App, installation: Installation) -> dict[str, Any]:
    account = world.known(installation.owner)
    base = f"{world.url}/app/installations/{installation.id}"
    return {
        "id": installation.id,
        "account": shapes.user(world, account.login),
        "repository_selection": "all" if installation.repositories is None else "selected",
        "access_tokens_url": f"{base}/access_tokens",
        "repositories_url": f"{world.url}/installation/repositories",
        "html_url": f"{world.url}/organizations/{account.login}/settings/installations/{installation.id}",
        "app_id": found.id,
        "app_slug": found.slug,
        "target_id": account.id,
        "target_type": account.kind,
        "permissions": found.permissions,
        "events": list(found.events),
        "created_at": NEVER,
        "updated_at": NEVER,
        "single_file_name": None,
        "has_multiple_single_files": False,
        "single_file_paths": [],
        "suspended_by": None,
        "suspended_at": None,
    }


def installations(call: Call) -> Reply:
    """List the installations of the calling app."""
    found = signed_by(call.caller)
    return call.page([_installation(call.world, found, each) for each in found.installations])


def installation(call: Call) -> Reply:
    """Return an installation by id, by repository, or by account."""
    found = signed_by(call.caller)
    for each in found.installations:
        if "installation_id" in call.params:
            fits = each.id == call.number("installation_id")
        else:
            login = call.params.get("owner") or call.params.get("org") or call.params["username"]
            names = each.repositories
            name = call.params.get("repo")
            fits = each.owner.lower() == login.lower() and (names is None or name is None or name in names)
            fits = fits and (name is None or call.world.find_repository(login, name) is not None)
        if fits:
            return Reply(body=_installation(call.world, found, each))
    raise not_found()


def access_token(call: Call) -> Reply:
    """Give the calling app a token for one of its installations, good for an hour."""
    found = signed_by(call.caller)
    wanted = next((each for each in found.installations if each.id == call.number("installation_id")), None)
    if wanted is None:
        raise not_found()
    given = call.body(optional={"repositories": list, "repository_ids": list, "permissions": dict})
    permissions = given.get("permissions") or found.permissions
    if any(name not in found.permissions for name in permissions):
        raise Problem(422, "The permissions requested are not granted to this installation.")
    names = given.get("repositories") or wanted.repositories
    ids = given.get("repository_ids")
    if names is not None:
        repositories = [call.world.find_repository(wanted.owner, name) for name in names]
        if None in repositories:
            raise Problem(422, "There is at least one repository that does not exist or is not accessible.")
        ids = [each.id for each in repositories if each is not None]
    expires = (datetime.now(UTC) + timedelta(hours=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    issued = call.world.store.add(
        InstallationToken(
            token=f"ghs_{secrets.token_hex(18)}",
            app_id=found.id,
            installation_id=wanted.id,
            expires_at=expires,
            permissions=permissions,
            repositories=ids,
        )
    )
    body: dict[str, Any] = {
        "token": issued.token,
        "expires_at": expires,
        "permissions": permissions,
        "repository_selection": "all" if ids is None else "selected",
    }
    if ids is not None:
        body["repositories"] = [shapes.repository(call.world, call.world.by_id(each)) for each in ids]
    return Reply(status=201, body=body)


def installation_repositories(call: Call) -> Reply:
    """List what an installation token reaches."""
    caller = call.caller
    if caller.kind is not Kind.INSTALLATION or caller.owner is None:
        raise Problem(403, "You must authenticate with an installation access token in order to list repositories.")
    seen = [
        shapes.repository(call.world, each, caller)
        for each in call.world.store.all(Repository)
        if each.owner.lower() == caller.owner.lower()
        and (caller.repositories is None or each.id in caller.repositories)
    ]
    return call.page(seen, wrapped="repositories")


def routes(desk: Desk) -> list[Route]:
    """Return the routes of these pages of GitHub's reference."""

    def rate_limit(call: Call) -> Reply:
        counted = {name: desk.limits.count(call.caller, name, cost=0) for name in ("core", "graphql", "search")}
        return Reply(body={"resources": counted, "rate": counted["core"]})

    return [
        *desk.route("/user", get=me),
        *desk.route("/user/repos", get=repositories_of),
        *desk.route("/users/{username}", get=user),
        *desk.route("/users/{username}/repos", get=repositories_of),
        *desk.route("/orgs/{org}", get=organization),
        *desk.route("/orgs/{org}/repos", get=repositories_of),
        *desk.route("/user/memberships/orgs/{org}", get=membership),
        *desk.route("/rate_limit", get=rate_limit),
        *desk.route("/app", get=app),
        *desk.route("/app/installations", get=installations),
        *desk.route("/app/installations/{installation_id:int}", get=installation),
        *desk.route("/app/installations/{installation_id:int}/access_tokens", post=access_token),
        *desk.route("/repos/{owner}/{repo}/installation", get=installation),
        *desk.route("/orgs/{org}/installation", get=installation),
        *desk.route("/users/{username}/installation", get=installation),
        *desk.route("/installation/repositories", get=installation_repositories),
    ]
