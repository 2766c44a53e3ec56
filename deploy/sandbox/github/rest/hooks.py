"""Webhooks of repositories, organizations and apps: create, change, ping, deliveries, redelivery."""

from typing import Any
from urllib.parse import urlsplit

from starlette.routing import Route

from deploy.sandbox.github import deliveries, shapes
from deploy.sandbox.github.callers import Kind, Need
from deploy.sandbox.github.problems import Problem, invalid, not_found
from deploy.sandbox.github.records import Account, Delivery, Hook
from deploy.sandbox.github.rest.accounts import signed_by
from deploy.sandbox.github.web import Call, Desk, Reply, need_person
from deploy.sandbox.github.world import timestamp

LIMIT = 20
READ = Need(role="admin", permission="repository_hooks", scope="read:repo_hook")
WRITE = Need(role="admin", permission="repository_hooks", scope="write:repo_hook", write=True)
CONFIG = {"url", "content_type", "secret", "insecure_ssl", "digest", "token", "username", "password"}
ORGANIZATION_EVENTS = deliveries.KNOWN_EVENTS | {"org_block", "repository_ruleset", "team"}


class Place:
    """The hooks of one repository, organization or app, as the caller may reach them."""

    def __init__(self, call: Call, *, write: bool) -> None:
        self.world, self.call = call.world, call
        if "owner" not in call.params and "org" not in call.params:
            self.target, self.target_id = "integration", signed_by(call.caller).id
            self.path = "app/hook"
        elif "org" in call.params:
            account = _organization(call, write=write)
            self.target, self.target_id = "organization", account.id
            self.path = f"orgs/{account.login}/hooks"
        else:
            repository = call.repository(WRITE if write else READ)
            self.target, self.target_id = "repository", repository.id
            self.path = f"repos/{repository.full_name}/hooks"

    def all(self) -> list[Hook]:
        """Return the hooks, oldest first."""
        ours = (self.target, self.target_id)
        return list(self.world.store.all(Hook, lambda each: (each.target, each.target_id) == ours and not each.deleted))

    def one(self) -> Hook:
        """Return the hook of the path; an app has just one. Raises Problem 404."""
        if self.target == "integration":
            return deliveries.app_hook(self.world, self.target_id)
        wanted = self.call.number("hook_id")
        found = next((each for each in self.all() if each.id == wanted), None)
        if found is None:
            raise not_found()
        return found

    def shown(self, hook: Hook) -> dict[str, Any]:
        """Return a hook's JSON."""
        return shapes.hook(self.world, hook, self.path)


def _organization(call: Call, *, write: bool) -> Account:
    caller = need_person(call)
    account = call.world.account(call.params["org"])
    if account is None or account.kind != "Organization":
        raise not_found()
    if caller.limited:
        if (caller.owner or "").lower() != account.login.lower() or not caller.may("organization_hooks", write=write):
            raise Problem(403, caller.refusal)
        if caller.kind is Kind.INSTALLATION:
            return account
    elif not caller.has_scope("admin:org_hook"):
        raise not_found()
    if caller.login not in account.owners:
        raise not_found()
    return account


def _events(given: Any, known: frozenset[str] | set[str]) -> list[str]:  # noqa: ANN401 - JSON of the caller
    events = ["push"] if given is None else given
    if not events or any(not isinstance(each, str) or each not in known | {"*"} for each in events):
        bad = next((each for each in events if each not in known), "")
        raise invalid("Hook", f"Events is invalid: {bad!r} cannot be used here", field="events", code="invalid")
    return sorted(set(events))


def _config(hook: Hook, given: dict[str, Any]) -> None:
    if unknown := set(given) - CONFIG:
        raise Problem(422, f'Invalid request.\n\n"{min(unknown)}" is not a permitted key.')
    parts = urlsplit(str(given.get("url", "")))
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise invalid(
            "Hook", "url is missing a scheme", field="url", code="missing_field" if not parts.netloc else "custom"
        )
    if given.get("content_type", "form") not in ("json", "form"):
        raise invalid("Hook", "content_type must be json or form", field="content_type")
    hook.url, hook.content_type = str(given["url"]), given.get("content_type", "form")
    hook.insecure_ssl = str(given.get("insecure_ssl", "0"))
    secret = given.get("secret")
    if secret != "********":  # noqa: S105 - GitHub's mask stands for the secret that is there
        hook.secret = secret or None


def _refuse_twin(place: Place, hook: Hook) -> None:
    for each in place.all():
        if each.id != hook.id and each.url == hook.url and set(each.events) & set(hook.events):
            raise Problem(
                422,
                "Validation Failed",
                errors=[
                    {
                        "resource": "Hook",
                        "code": "custom",
                        "message": f"Hook already exists on this {place.target}",
                    }
                ],
            )


def _known(place: Place) -> frozenset[str] | set[str]:
    return deliveries.REPOSITORY_EVENTS if place.target == "repository" else ORGANIZATION_EVENTS


def create(call: Call) -> Reply:
    """Create a hook, which is pinged at once."""
    place = Place(call, write=True)
    given = call.body(optional={"name": str, "config": dict, "events": list, "active": bool})
    if given.get("name", "web") != "web":
        raise invalid("Hook", "name must be web", field="name")
    if not given.get("config"):
        raise Problem(422, 'Invalid request.\n\n"config" wasn\'t supplied.')
    now = timestamp()
    hook = Hook(target=place.target, target_id=place.target_id, url="", events=[], created_at=now, updated_at=now)
    hook.events = _events(given.get("events"), _known(place))
    hook.active = given.get("active", True) is not False
    _config(hook, given["config"])
    _refuse_twin(place, hook)
    if len(place.all()) >= LIMIT:
        message = f'The "push" event cannot have more than {LIMIT} hooks'
        raise invalid("Hook", message)
    call.world.store.add(hook)
    if hook.active:
        deliveries.ping(call.world, hook, sender=call.caller.login, place=place.path)
    return Reply(status=201, body=place.shown(hook))


def listing(call: Call) -> Reply:
    """List the hooks."""
    place = Place(call, write=False)
    return call.page([place.shown(each) for each in place.all()])


def one(call: Call) -> Reply:
    """Return one hook."""
    place = Place(call, write=False)
    return Reply(body=place.shown(place.one()))


def change(call: Call) -> Reply:
    """Change a hook. A config replaces the whole of the former one, secret included."""
    place = Place(call, write=True)
    hook = place.one()
    known = {"config": dict, "events": list, "add_events": list, "remove_events": list, "active": bool, "name": str}
    given = call.body(optional=known)
    if given.get("config") is not None:
        _config(hook, given["config"])
    events = set(_events(given["events"], _known(place)) if given.get("events") is not None else hook.events)
    events |= set(given.get("add_events") or [])
    hook.events = _events(sorted(events - set(given.get("remove_events") or [])), _known(place))
    if given.get("active") is not None:
        hook.active = given["active"]
    _refuse_twin(place, hook)
    hook.updated_at = timestamp()
    call.world.store.save(hook)
    return Reply(body=place.shown(hook))


def delete(call: Call) -> Reply:
    """Delete a hook, which hears of it by a last `meta` event if it wants those."""
    place = Place(call, write=True)
    deliveries.farewell(call.world, place.one(), sender=call.caller.login)
    return Reply(status=204)


def pings(call: Call) -> Reply:
    """Ping a hook."""
    place = Place(call, write=True)
    deliveries.ping(call.world, place.one(), sender=call.caller.login, place=place.path)
    return Reply(status=204)


def config(call: Call) -> Reply:
    """Return where a hook sends to."""
    return Reply(body=shapes.hook_config(Place(call, write=False).one()))


def change_config(call: Call) -> Reply:
    """Change single facts of where a hook sends to."""
    place = Place(call, write=True)
    hook = place.one()
    given = call.body(optional={"url": str, "content_type": str, "secret": str, "insecure_ssl": (str, int, float)})
    former = {
        "url": hook.url,
        "content_type": hook.content_type,
        "secret": hook.secret,
        "insecure_ssl": hook.insecure_ssl,
    }
    _config(hook, {**former, **given})
    _refuse_twin(place, hook)
    hook.updated_at = timestamp()
    call.world.store.save(hook)
    return Reply(body=shapes.hook_config(hook))


def recent(call: Call) -> Reply:
    """List a hook's deliveries, newest first, in pages that are asked for by cursor."""
    hook = Place(call, write=False).one()
    newest = sorted(
        call.world.store.all(Delivery, lambda each: each.hook_id == hook.id and each.done), key=lambda each: -each.id
    )
    size = min(max(int(call.query.get("per_page", "30")), 1), 100)
    cursor = call.query.get("cursor", "")
    if cursor and not cursor.removeprefix("v1_").isdigit():
        raise Problem(400, "Invalid cursor")
    if cursor:
        newest = [each for each in newest if each.id < int(cursor.removeprefix("v1_"))]
    headers = {}
    if len(newest) > size:
        following = f"{call.world.url}{call.path}?per_page={size}&cursor=v1_{newest[size - 1].id}"
        headers["link"] = f'<{following}>; rel="next"'
    return Reply(body=[shapes.delivery(each) for each in newest[:size]], headers=headers)


def _delivery(call: Call, hook: Hook) -> Delivery:
    found = call.world.store.get(Delivery, call.number("delivery_id"))
    if found is None or found.hook_id != hook.id:
        raise not_found()
    return found


def delivery(call: Call) -> Reply:
    """Return one delivery with what was sent and what was answered."""
    found = _delivery(call, Place(call, write=False).one())
    return Reply(body=shapes.full_delivery(found))


def attempts(call: Call) -> Reply:
    """Send a delivery again."""
    found = _delivery(call, Place(call, write=True).one())
    deliveries.redeliver(call.world, found)
    return Reply(status=202, body={})


def routes(desk: Desk) -> list[Route]:
    """Return the routes of this page of GitHub's reference."""
    made = desk.route("/app/hook/config", get=config, patch=change_config)
    made += desk.route("/app/hook/deliveries", get=recent)
    made += desk.route("/app/hook/deliveries/{delivery_id:int}", get=delivery)
    made += desk.route("/app/hook/deliveries/{delivery_id:int}/attempts", post=attempts)
    for base in ("/repos/{owner}/{repo}/hooks", "/orgs/{org}/hooks"):
        made += desk.route(base, get=listing, post=create)
        made += desk.route(f"{base}/{{hook_id:int}}", get=one, patch=change, delete=delete)
        made += desk.route(f"{base}/{{hook_id:int}}/config", get=config, patch=change_config)
        made += desk.route(f"{base}/{{hook_id:int}}/pings", post=pings)
        made += desk.route(f"{base}/{{hook_id:int}}/deliveries", get=recent)
        made += desk.route(f"{base}/{{hook_id:int}}/deliveries/{{delivery_id:int}}", get=delivery)
        made += desk.route(f"{base}/{{hook_id:int}}/deliveries/{{delivery_id:int}}/attempts", post=attempts)
    return made
