"""The development environment's description: taken as it is, extended by our feature, or made from the template.

A devcontainer.json may stand at three places: https://containers.dev/implementors/spec/#devcontainerjson
"""

from dataclasses import dataclass

from django.conf import settings
from django.template.loader import render_to_string

from apps.onboarding import jsonc
from apps.onboarding.catalog import problem
from apps.onboarding.words import Access, DevcontainerWanted, Scaffolded
from meshsix.integrations.errors import Missing
from meshsix.integrations.github.contents import Contents
from meshsix.integrations.github.messages import Branch, Commit, File, PullRequest
from meshsix.wiring import Clients

FOLDER = ".devcontainer"
FIRST_PLACE = f"{FOLDER}/devcontainer.json"
SECOND_PLACE = ".devcontainer.json"
BRANCH = "mesh-six/devcontainer"
MARK = "Mesh-Six-Step: scaffold_devcontainer"
TEMPLATE = settings.BASE_DIR / "templates" / "devcontainer" / "devcontainer.json"


@dataclass(frozen=True, kw_only=True)
class _Change:
    """A file to bring into the repository; `created` where it has no devcontainer yet."""

    path: str
    content: str
    created: bool

    @property
    def message(self) -> tuple[str, str]:
        """Return title and text for a commit or a pull request."""
        text = render_to_string("devcontainer/pull_request.md", {"path": self.path, "created": self.created})
        title, _, body = text.strip().partition("\n")
        return title, body.strip()


def scaffold_devcontainer(wanted: DevcontainerWanted, clients: Clients) -> Scaffolded:
    """Make sure that the repository describes an environment with our feature; by a pull request where it has none.

    A new file goes directly to the default branch where the project's settings say so. Raises Permanent where the file
    cannot be read, and where neither a commit nor a pull request is possible.
    """
    access, contents = wanted.validate_repo, clients.github.contents
    files = _present(contents, access)
    ready = next((path for path, text in files.items() if _has_feature(path, text)), None)
    if ready is not None:
        return _found(contents, access, ready)
    change = _change(files)
    base = contents.branch(access.repository, access.default_branch)
    pull_requests = clients.github.repository(access.repository).pull_requests
    directly = change.created and wanted.ask.settings.commit_devcontainer_directly
    if (directly or not pull_requests) and not _protected(contents, access, base):
        return _commit(contents, access, change, base)
    if not pull_requests:
        raise problem("onboard:devcontainer:protected-no-pull-requests")
    return _propose(contents, access, change, base)


def _present(contents: Contents, access: Access) -> dict[str, str]:
    """Return the text of every devcontainer.json by its path, in the order in which tools look for them."""
    repo, ref = access.repository, access.default_branch
    entries = contents.folder(repo, FOLDER, ref=ref)
    paths = [entry.path for entry in entries if entry.path == FIRST_PLACE]
    paths.append(SECOND_PLACE)
    paths += [f"{entry.path}/devcontainer.json" for entry in entries if entry.type == "dir"]
    found = {path: contents.file(repo, path, ref=ref) for path in paths}
    return {path: _text(file) for path, file in found.items() if file is not None}


def _text(file: File) -> str:
    try:
        return file.text
    except UnicodeDecodeError as error:
        raise problem("onboard:devcontainer:unreadable", f"{file.path} is not UTF-8.") from error


def _feature_name(reference: str) -> str:
    """Return a feature's name without registry, folder and version, for example `mesh-six-tools`."""
    return reference.rsplit("/", 1)[-1].split(":", 1)[0].split("@", 1)[0]


def _has_feature(path: str, text: str) -> bool:
    """Return whether the file has our feature in whatever version; any file will do where none is configured."""
    try:
        features = jsonc.parse(text).get("features", {})
    except jsonc.Unreadable as error:
        raise problem("onboard:devcontainer:unreadable", f"{path}: {error}") from error
    wanted = settings.DEVCONTAINER_FEATURE_REF
    return not wanted or _feature_name(wanted) in {_feature_name(str(reference)) for reference in features or ()}


def _change(files: dict[str, str]) -> _Change:
    """Return the change that brings our feature in: to the first file that is there, else to the template."""
    path, text = next(iter(files.items()), (FIRST_PLACE, TEMPLATE.read_text(encoding="utf-8")))
    wanted = settings.DEVCONTAINER_FEATURE_REF
    try:
        content = jsonc.with_member(text, "features", wanted) if wanted else text
    except jsonc.Unreadable as error:
        raise problem("onboard:devcontainer:unreadable", f"{path}: {error}") from error
    return _Change(path=path, content=content, created=not files)


def _protected(contents: Contents, access: Access, base: Branch) -> bool:
    return base.protected or contents.ruled(access.repository, base.name)


def _found(contents: Contents, access: Access, path: str) -> Scaffolded:
    """Return what is there; where the latest commit of the file is ours, a crash may have kept us from saying so."""
    commits = contents.commits(access.repository, path=path, ref=access.default_branch, most=1)
    if commits and MARK in commits[0].message:
        return _committed(path, commits[0])
    url = f"{access.html_url}/blob/{access.default_branch}/{path}"
    return Scaffolded(outcome="present", path=path, url=url, pull_request=None, commit_sha="")


def _committed(path: str, commit: Commit) -> Scaffolded:
    return Scaffolded(outcome="committed", path=path, url=commit.url, pull_request=None, commit_sha=commit.sha)


def _commit(contents: Contents, access: Access, change: _Change, onto: Branch) -> Scaffolded:
    """Commit the change onto a branch; refused by GitHub where the branch has moved since we looked."""
    title, body = change.message
    commit = contents.commit(
        access.repository,
        branch=onto.name,
        expected_head=onto.sha,
        headline=title,
        body=f"{body}\n\n{MARK}",
        write={change.path: change.content},
    )
    return _committed(change.path, commit)


def _propose(contents: Contents, access: Access, change: _Change, base: Branch) -> Scaffolded:
    """Open a pull request, unless one is open or a person did not want what it brought."""
    earlier = contents.pull_requests(access.repository, head=BRANCH, base=base.name)
    latest = earlier[0] if earlier else None
    if latest is not None and latest.state == "open":
        return _proposed(change, latest, outcome="proposed")
    if latest is not None and not latest.merged:
        return _proposed(change, latest, outcome="declined")
    is_news = _prepare(contents, access, change, base)
    if latest is not None and not is_news:
        return _proposed(change, latest, outcome="declined")
    title, body = change.message
    made = contents.create_pull_request(access.repository, head=BRANCH, base=base.name, title=title, body=body)
    return _proposed(change, made, outcome="proposed")


def _prepare(contents: Contents, access: Access, change: _Change, base: Branch) -> bool:
    """Bring the change onto our branch; return False where an earlier attempt left it there."""
    try:
        branch = contents.branch(access.repository, BRANCH)
    except Missing:
        contents.create_branch(access.repository, BRANCH, sha=base.sha)
        branch = Branch(name=BRANCH, sha=base.sha, protected=False)
    present = contents.file(access.repository, change.path, ref=branch.sha)
    if present is not None and present.content == change.content.encode():
        return False
    _commit(contents, access, change, branch)
    return True


def _proposed(change: _Change, pull_request: PullRequest, *, outcome: str) -> Scaffolded:
    return Scaffolded(
        outcome=outcome, path=change.path, url=pull_request.url, pull_request=pull_request.number, commit_sha=""
    )
