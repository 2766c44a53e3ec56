"""What we may do at GitHub: the credential, the repository, hooks, the default branch, and what is left of our budget.

Scopes: https://docs.github.com/en/apps/oauth-apps/building-oauth-apps/scopes-for-oauth-apps
"""

from collections.abc import Iterator
from http import HTTPStatus
from urllib.parse import urlencode

from django.conf import settings

from apps.onboarding.catalog import PROBLEMS
from apps.onboarding.doctor.check import Said, failed, good_or, ok, skipped, warning
from apps.onboarding.doctor.exam import Exam, NoRepository
from apps.onboarding.steps.access import BOARD_EVENT, grants, lacking_scopes, needed_permissions, needed_scopes
from apps.onboarding.steps.hooks import doors
from meshsix.integrations.errors import Missing, Refused
from meshsix.integrations.github.hooks import Place
from meshsix.integrations.github.messages import CredentialKind, Identity, Repository

_ALL_SCOPES = "repo,admin:repo_hook,project,read:org,admin:org_hook"
_LEAST_CALLS = 200
_MOST_HOOKS = 20


def credential(exam: Exam) -> Iterator[Said]:
    """Whether GitHub knows us, and whether our kind of credential reaches this kind of owner."""
    if exam.named is None and settings.GITHUB_APP_ID:
        raise NoRepository
    try:
        identity = exam.identity.seen()
    except Missing:
        fix = f"Install the app for {exam.name.owner}: its page, Install App."
        yield failed(f"The GitHub App is not installed for {exam.name.owner}.", fix=fix)
        return
    yield ok(f"GitHub knows us as {identity.login}, by {_kind(identity)}.")


def _kind(identity: Identity) -> str:
    return {
        CredentialKind.CLASSIC: "a classic token",
        CredentialKind.FINE_GRAINED: "a fine-grained token",
        CredentialKind.APP: "a GitHub App",
    }[identity.kind]


def reach(exam: Exam) -> Iterator[Said]:
    """Whether our kind of credential reaches boards of this kind of owner."""
    identity, repository = exam.identity.given(), exam.repository.given()
    fix = f"Set GITHUB_TOKEN_FILE to a classic token: {new_token_link(repository)}"
    fact = f"{repository.owner} is a user: their boards can be reached with a classic token only, not by this one."
    organization = repository.owner_is_organization
    good = organization or identity.kind is CredentialKind.CLASSIC
    owner = f"{repository.owner} is {'an organization' if organization else 'a user'}; {_kind(identity)} reaches it."
    yield good_or(good, owner, otherwise=failed(fact, fix=fix))


def new_token_link(repository: Repository | None = None) -> str:
    """Return the page that makes a classic token, with the right scopes ticked."""
    scopes = ",".join(needed_scopes(repository)) if repository else _ALL_SCOPES
    return f"{settings.GITHUB_WEB_URL}/settings/tokens/new?{urlencode({'description': 'Mesh Six', 'scopes': scopes})}"


def permissions(exam: Exam) -> Iterator[Said]:
    """Each scope of a classic token, each permission of an app; what a fine-grained token may, GitHub does not tell."""
    identity, repository = exam.identity.given(), exam.repository.given()
    match identity.kind:
        case CredentialKind.CLASSIC:
            yield from _scopes(identity, repository)
        case CredentialKind.APP:
            yield from _app_permissions(identity)
        case CredentialKind.FINE_GRAINED:
            fix = (
                "Give it: Contents, Pull requests and Webhooks write; for the organization Projects and Webhooks write."
            )
            yield warning("GitHub does not tell what a fine-grained token may before it is used.", fix=fix)


def _scopes(identity: Identity, repository: Repository) -> Iterator[Said]:
    lacking = lacking_scopes(identity.scopes, repository)
    for scope in needed_scopes(repository):
        fix = f"Tick {scope} at {settings.GITHUB_WEB_URL}/settings/tokens, or make one: {new_token_link(repository)}"
        part = scope.replace(":", "-").replace("_", "-")
        lacks = failed(f"The token lacks the scope {scope}.", fix=fix, part=part)
        yield good_or(scope not in lacking, f"The token has what the scope {scope} gives.", otherwise=lacks)


def _app_permissions(identity: Identity) -> Iterator[Said]:
    for name, level in needed_permissions(identity).items():
        fix = f"Give the app the permission {name}: {level} (its settings, Permissions), and let the owner accept it."
        fact = f"The installation has {name}: {identity.permissions.get(name, 'nothing')}, not {level}."
        lacks = failed(fact, fix=fix, part=name.replace("_", "-"))
        yield good_or(grants(identity, name, level), f"The installation has {name}: {level}.", otherwise=lacks)


def repository(exam: Exam) -> Iterator[Said]:
    """Whether the repository is there and can be written to."""
    try:
        found = exam.repository.seen()
    except Missing:
        fix = PROBLEMS["onboard:repository:missing"].hint.removesuffix(", then resume.")
        yield failed(f"GitHub shows no {exam.name.full_name} to us.", fix=f"{fix}.")
        return
    full_name = f"{found.owner}/{found.name}"
    if found.archived:
        fix = f"Unarchive it: {found.html_url}/settings, Danger Zone."
        yield failed(f"{full_name} is archived: nothing can be written to it.", fix=fix)
    elif found.disabled:
        yield failed(f"{full_name} is disabled by GitHub.", fix="Ask GitHub's support to enable it.")
    else:
        yield ok(
            f"{full_name} is there, {'private' if found.private else 'public'}, with branch {found.default_branch}."
        )


def admin(exam: Exam) -> Iterator[Said]:
    """Whether we administer the repository."""
    identity, found = exam.identity.given(), exam.repository.given()
    if identity.kind is CredentialKind.APP:
        yield skipped("An app has no role in a repository; its permissions say what it may.")
        return
    fix = f"Let an owner give {identity.login} the role Admin: {found.html_url}/settings/access"
    lacks = failed(f"{identity.login} may read {exam.name.full_name}, not administer it.", fix=fix)
    yield good_or(found.administered, f"{identity.login} administers {exam.name.full_name}.", otherwise=lacks)


def hooks(exam: Exam) -> Iterator[Said]:
    """Whether we may manage webhooks of the repository, and of the organization where there is one."""
    found = exam.repository.given()
    yield _hooks(exam, exam.name, f"{found.html_url}/settings/hooks", part="repository")
    identity = exam.identity.given()
    told_by_app = identity.kind is CredentialKind.APP and BOARD_EVENT in identity.events
    if found.owner_is_organization and not told_by_app:
        where = f"{settings.GITHUB_WEB_URL}/organizations/{found.owner}/settings/hooks"
        yield _hooks(exam, found.owner, where, part="organization")


def _hooks(exam: Exam, place: Place, where: str, *, part: str) -> Said:
    try:
        found = exam.clients.github.hooks.of(place)
    except Refused as error:
        if part == "organization":
            fix = f"Use a token of an owner of {place} with the scope admin:org_hook: {new_token_link()}"
        else:
            fix = f"Give the credential admin rights and the scope admin:repo_hook: {new_token_link()}"
        return failed(f"We may not manage the webhooks of the {part}: {error}", fix=fix, part=part)
    ours = any(hook.url.startswith(f"{doors()}/webhooks/") for hook in found)
    full = len(found) >= _MOST_HOOKS and not ours
    fact = f"The {part} has {len(found)} webhooks already; GitHub allows {_MOST_HOOKS} an event."
    full_said = warning(fact, fix=f"Delete one that is not needed any more: {where}", part=part)
    return good_or(not full, f"We see the webhooks of the {part}: {len(found)}.", otherwise=full_said)


def branch(exam: Exam) -> Iterator[Said]:
    """Whether there is a way to bring a file into the default branch."""
    found, contents = exam.repository.given(), exam.clients.github.contents
    name = found.default_branch
    try:
        protected = contents.branch(exam.name, name).protected or contents.ruled(exam.name, name)
    except Missing:
        yield failed(f"There is no branch {name}.", fix=f"Push a first commit: git push origin {name}")
        return
    if protected and not found.pull_requests:
        fix = f"Turn pull requests on ({found.html_url}/settings, Features) or let {exam.identity.given().login} push."
        yield failed(f"{name} is protected and pull requests are off: no file can be brought in.", fix=fix)
    elif protected:
        yield ok(f"{name} is protected; the devcontainer comes as a pull request.")
    else:
        yield ok(f"{name} can be written to.")


def quota(exam: Exam) -> Iterator[Said]:
    """How many calls we have left."""
    if exam.named is None and settings.GITHUB_APP_ID:
        raise NoRepository
    try:
        quotas = exam.clients.github.quotas(exam.named.owner if exam.named else "")
    except Missing:
        yield ok("This GitHub has no limits.")
        return
    for name, each in quotas.items():
        fact = f"{each.remaining} of {each.limit} calls are left until {each.resets_at:%H:%M} UTC."
        fix = f"Wait until {each.resets_at:%H:%M} UTC, or use a credential that nobody else spends."
        little = warning(f"{fact} An onboarding would wait for more.", fix=fix, part=name)
        yield good_or(each.remaining >= min(_LEAST_CALLS, each.limit // 2), fact, otherwise=little)


def public_address(exam: Exam) -> Iterator[Said]:
    """Whether our public address leads to us."""
    answer = exam.clients.public.send("GET", "/healthz")
    if answer.status_code == HTTPStatus.SERVICE_UNAVAILABLE:
        fix = "Look at the platform's checks above, and at the web process' log."
        yield failed(f"{settings.PUBLIC_URL}/healthz answers, but is not ready.", fix=fix)
        return
    good = answer.status_code == HTTPStatus.OK and answer.text.strip() == "ok"
    fact = f"{settings.PUBLIC_URL}/healthz answers {answer.status_code}, not as we do: it leads to something else."
    fix = "Correct PUBLIC_URL, or what its name, proxy or ingress leads to (and ALLOWED_HOSTS)."
    yield good_or(good, f"{settings.PUBLIC_URL} leads to us.", otherwise=failed(fact, fix=fix))
