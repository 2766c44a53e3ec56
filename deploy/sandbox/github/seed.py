"""What a sandbox GitHub holds at its beginning: accounts, repositories with real commits, an issue to work on."""

from pathlib import Path

from deploy.sandbox.github.config import Organization, Seed, User
from deploy.sandbox.github.git import Person
from deploy.sandbox.github.records import Account, Repository
from deploy.sandbox.github.world import World

FILES = Path(__file__).parent / "seed"
USERS = (
    User(login="octo-user", name="Octo User"),
    User(login="octo-reader", name="Octo Reader"),
    User(login="ghost", name="Deleted user"),
)
ORGANIZATIONS = (Organization(login="octo-org", name="Octo Organization", owners=("octo-user",)),)
READERS = {"octo-reader": "pull"}
REPOSITORIES = (
    Seed(
        owner="octo-org",
        name="bookmarks",
        description="A small bookmarks web application",
        collaborators=READERS,
        files=FILES / "bookmarks",
        issues=("Add tagging support",),
    ),
    Seed(owner="octo-org", name="platform", description="Manifests of the cluster", files=FILES / "platform"),
    Seed(owner="octo-user", name="notes", description="Notes of one person", files=FILES / "notes"),
    Seed(owner="octo-org", name="attic", description="Kept for reading", archived=True, files=FILES / "notes"),
    Seed(
        owner="octo-org",
        name="handbook",
        description="May be read by everybody and changed by its owners",
        collaborators=READERS,
        files=FILES / "notes",
    ),
)
BODIES = {
    "Add tagging support": """As a reader with hundreds of bookmarks I want to find those on one subject.

- A bookmark can have any number of tags; they are given as a comma-separated list when it is added.
- The list shows the tags of each bookmark, and a click on a tag shows only the bookmarks that have it.
- Tags are compared without regard to case. A bookmark keeps its tags when the server starts again.
- The tests cover it.
""",
}
FIRST_COMMIT = "1767258000 +0000"


def plant(world: World) -> None:
    """Put what is missing of the seed and the configuration into the world; what is there stays as it is."""
    config = world.config
    users = (*(USERS if config.seed else ()), *config.users)
    organizations = (*(ORGANIZATIONS if config.seed else ()), *config.organizations)
    for each in users:
        if world.account(each.login) is None:
            world.add_account(each.login, name=each.name)
    for each in organizations:
        account = world.account(each.login) or world.add_account(each.login, kind="Organization", name=each.name)
        _own(world, account, each.owners)
    for token in config.tokens:
        world.known(token.login)
    for seed in (*(REPOSITORIES if config.seed else ()), *config.repositories):
        if world.find_repository(seed.owner, seed.name) is None:
            add(world, seed)
    world.store.commit()


def _own(world: World, account: Account, owners: tuple[str, ...]) -> None:
    wanted = sorted({*account.owners, *owners})
    if wanted != account.owners:
        account.owners = wanted
        world.store.save(account)


def add(world: World, seed: Seed) -> Repository:
    """Add one repository with its files and issues."""
    owner = world.known(seed.owner).login
    record = world.add_repository(
        owner,
        seed.name,
        description=seed.description,
        private=seed.private,
        archived=seed.archived,
        pull_requests=seed.pull_requests,
        default_branch=seed.default_branch,
        collaborators=dict(seed.collaborators),
        protected=list(seed.protected),
    )
    if seed.files is not None:
        person = Person(name="Octo User", email=world.email("octo-user"), date=FIRST_COMMIT)
        world.git.import_files(record.full_name, record.default_branch, read(seed.files), person)
    for title in seed.issues:
        world.add_issue(record, "octo-user", title, body=BODIES.get(title), labels=["enhancement"])
    return record


def read(directory: Path) -> dict[str, tuple[bytes, bool]]:
    """Return the files of a directory: path -> (content, executable)."""
    return {
        str(path.relative_to(directory)): (path.read_bytes(), bool(path.stat().st_mode & 0o100))
        for path in sorted(directory.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }
