"""Everything that the sandbox GitHub holds: records, git repositories, configuration. For one thread at a time."""

import hashlib
from datetime import UTC, datetime
from pathlib import Path

import jwt

from deploy.sandbox.github import records
from deploy.sandbox.github.callers import READ, Caller, Kind, Need, require, role_of
from deploy.sandbox.github.config import Config, Installation
from deploy.sandbox.github.git import Git
from deploy.sandbox.github.problems import Problem, not_found
from deploy.sandbox.github.records import Account, Hook, InstallationToken, Issue, Label, Project, Pull, Repository
from deploy.sandbox.github.store import Store
from deploy.sandbox.github.trouble import Trouble

KINDS: tuple[type[records.Record], ...] = (
    Account,
    Repository,
    Hook,
    records.Delivery,
    Label,
    Issue,
    Pull,
    records.Comment,
    records.Review,
    records.CheckRun,
    Project,
    records.Field,
    records.Item,
    InstallationToken,
)
LABELS = {
    "bug": ("d73a4a", "Something isn't working"),
    "documentation": ("0075ca", "Improvements or additions to documentation"),
    "enhancement": ("a2eeef", "New feature or request"),
    "good first issue": ("7057ff", "Good for newcomers"),
}


def timestamp() -> str:
    """Return the present second as GitHub writes it: 2026-01-31T09:00:00Z."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class World:
    """The state, and the questions and changes that REST, GraphQL and git have in common."""

    def __init__(self, config: Config, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self.config = config
        self.url = config.url or "http://127.0.0.1"
        self.git = Git(directory / "git")
        self.git.root.mkdir(exist_ok=True)
        self.store = Store(directory / "github.sqlite3", KINDS)
        self.to_send = True
        """Whether deliveries may be waiting to be sent."""
        self.trouble = Trouble()
        """What goes wrong with deliveries."""
        self.terse_boards = False
        """Whether events of boards name just the field that changed, as some of GitHub's do."""

    # accounts

    def account(self, login: str) -> Account | None:
        """Return the account with this login, in whatever case it is written."""
        return self.store.first(Account, lambda each: each.login.lower() == login.lower())

    def known(self, login: str) -> Account:
        """Return an account that must exist, because a record names it."""
        found = self.account(login)
        return found or self.add_account(login)

    def add_account(self, login: str, *, kind: str = "User", name: str | None = None) -> Account:
        """Add an account."""
        kind = "Bot" if login.endswith("[bot]") else kind
        return self.store.add(Account(login=login, kind=kind, name=name, created_at=timestamp()))

    def caller(self, authorization: str) -> Caller:
        """Return who shows this Authorization value. Raises Problem 401 for one that is not valid."""
        scheme, _, value = authorization.partition(" ")
        value = value.strip()
        if not authorization:
            return Caller()
        if scheme.lower() not in ("bearer", "token") or not value:
            raise Problem(401, "Bad credentials")
        return self.caller_with(value)

    def caller_with(self, token: str) -> Caller:
        """Return the caller to whom a token belongs. Raises Problem 401."""
        for each in self.config.tokens:
            if each.token == token and each.kind == "classic":
                return Caller(kind=Kind.CLASSIC, login=each.login, scopes=each.scopes)
            if each.token == token:
                owner = each.owner or each.login
                return Caller(kind=Kind.FINE_GRAINED, login=each.login, permissions=each.permissions, owner=owner)
        issued = self.store.first(InstallationToken, lambda each: each.token == token)
        if issued is not None:
            return self._installation_caller(issued)
        if token.count(".") == 2:  # noqa: PLR2004 - the dots of a JWT
            return self._app_caller(token)
        raise Problem(401, "Bad credentials")

    def installations(self) -> list[tuple[int, Installation]]:
        """Return every installation with the id of its app."""
        return [(app.id, each) for app in self.config.apps for each in app.installations]

    def _installation_caller(self, issued: InstallationToken) -> Caller:
        if issued.expires_at <= timestamp():
            raise Problem(401, "Bad credentials")
        app = next((each for each in self.config.apps if each.id == issued.app_id), None)
        installation = next((each for _, each in self.installations() if each.id == issued.installation_id), None)
        if app is None or installation is None:
            raise Problem(401, "Bad credentials")
        return Caller(
            kind=Kind.INSTALLATION,
            login=f"{app.slug}[bot]",
            permissions=issued.permissions,
            owner=installation.owner,
            repositories=None if issued.repositories is None else frozenset(issued.repositories),
            app=app,
            installation=installation,
        )

    def _app_caller(self, token: str) -> Caller:
        try:
            issuer = str(jwt.decode(token, options={"verify_signature": False}).get("iss"))
            app = next(each for each in self.config.apps if issuer in (str(each.id), each.client_id))
            claims = jwt.decode(
                token, app.public_key, algorithms=["RS256"], options={"require": ["exp", "iat"]}, leeway=5
            )
        except (jwt.InvalidTokenError, StopIteration):
            raise Problem(401, "A JSON web token could not be decoded") from None
        if claims["exp"] > datetime.now(UTC).timestamp() + 610:
            raise Problem(401, "'Expiration time' claim ('exp') is too far in the future")
        return Caller(kind=Kind.APP, login=f"{app.slug}[bot]", app=app)

    # repositories

    def find_repository(self, owner: str, name: str) -> Repository | None:
        """Return a repository by owner and name, in whatever case they are written."""
        wanted = f"{owner}/{name}".lower()
        return self.store.first(Repository, lambda each: each.full_name.lower() == wanted)

    def moved(self, owner: str, name: str) -> Repository | None:
        """Return the repository that once had this name, if no other has it now."""
        wanted = f"{owner}/{name}".lower()
        if self.find_repository(owner, name):
            return None
        return self.store.first(Repository, lambda each: wanted in each.former)

    def repository(self, caller: Caller, owner: str, name: str, need: Need = READ) -> Repository:
        """Return a repository in which the caller may do what `need` says. Raises Problem."""
        found = self.find_repository(owner, name)
        if found is None:
            raise not_found()
        require(caller, found, self.known(found.owner), need)
        return found

    def role(self, caller: Caller, repository: Repository) -> str | None:
        """Return the caller's role in a repository, or None if it cannot be seen."""
        return role_of(caller, repository, self.known(repository.owner))

    def add_repository(self, owner: str, name: str, **facts: object) -> Repository:
        """Add an empty repository with GitHub's usual labels. `facts` are fields of the record."""
        now = timestamp()
        record = Repository(owner=owner, name=name, created_at=now, updated_at=now, pushed_at=now)
        for fact, value in facts.items():
            setattr(record, fact, value)
        self.store.add(record)
        self.git.create(record.full_name, record.default_branch)
        self.git.protect(record.full_name, record.protected)
        for label, (color, description) in LABELS.items():
            self.store.add(Label(repository_id=record.id, name=label, color=color, description=description))
        return record

    def by_id(self, repository_id: int) -> Repository:
        """Return the repository that a record names."""
        found = self.store.get(Repository, repository_id)
        if found is None:
            raise not_found()
        return found

    def touch(self, repository: Repository, *, pushed: bool = False) -> None:
        """Note that a repository was changed."""
        repository.updated_at = timestamp()
        if pushed:
            repository.pushed_at = repository.updated_at
        self.store.save(repository)

    # issues

    def issue(self, repository: Repository, number: int) -> Issue:
        """Return an issue or the issue side of a pull request. Raises Problem 404."""
        found = self.store.first(Issue, lambda each: (each.repository_id, each.number) == (repository.id, number))
        if found is None:
            raise not_found()
        return found

    def add_issue(self, repository: Repository, author: str, title: str, **facts: object) -> Issue:
        """Add an issue under the repository's next number. `facts` are fields of the record."""
        now = timestamp()
        record = Issue(
            repository_id=repository.id,
            number=repository.next_number,
            title=title,
            author=author,
            created_at=now,
            updated_at=now,
        )
        for fact, value in facts.items():
            setattr(record, fact, value)
        repository.next_number += 1
        self.store.save(repository)
        return self.store.add(record)

    def pull(self, issue: Issue) -> Pull:
        """Return the other half of a pull request. Raises Problem 404 for a plain issue."""
        found = self.store.first(Pull, lambda each: each.issue_id == issue.id)
        if found is None:
            raise not_found()
        return found

    def label(self, repository: Repository, name: str) -> Label | None:
        """Return a label by its name, in whatever case it is written."""
        return self.store.first(
            Label, lambda each: each.repository_id == repository.id and each.name.lower() == name.lower()
        )

    def labelled(self, repository: Repository, name: str) -> Label:
        """Return a label, made now if the repository lacks it, as GitHub does when an issue names it."""
        found = self.label(repository, name)
        return found or self.store.add(Label(repository_id=repository.id, name=name))

    def email(self, login: str) -> str:
        """Return the address that GitHub gives to a commit made on its pages."""
        account = self.known(login)
        return f"{account.id}+{login}@users.noreply.github.com"


def short_hash(text: str) -> str:
    """Return eight hex digits that depend on the text alone, as option ids look."""
    return hashlib.sha256(text.encode()).hexdigest()[:8]
