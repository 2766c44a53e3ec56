"""A repository that was renamed or transferred, and what people may do in one, as our client hears of it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.servers import Valkey
from meshsix.integrations.errors import Missing, Refused
from meshsix.integrations.github.budget import connect
from meshsix.integrations.github.client import GitHub
from meshsix.integrations.github.messages import Permission
from meshsix.kit.names import RepositoryName
from tests.sandbox_github import Sandbox, running_sandbox

OLD = RepositoryName(owner="octo-org", name="bookmarks")
NEW = RepositoryName(owner="octo-org", name="shelf")


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    with running_sandbox(tmp_path / "github") as found:
        yield found


@pytest.fixture
def github(sandbox: Sandbox, broker: Valkey) -> GitHub:
    return sandbox.client(connect(broker.url))


def test_a_former_name_is_refused_for_reading_and_writing_alike(sandbox: Sandbox, github: GitHub) -> None:
    head = github.branch(OLD, "main").sha
    sandbox.rest("PATCH", f"/repos/{OLD.full_name}", {"name": NEW.name})
    sandbox.forget_requests()
    with pytest.raises(Refused) as reading:
        github.repository(OLD)
    with pytest.raises(Refused) as writing:
        github.contents.create_branch(OLD, "topic", sha=head)
    assert (reading.value.code, reading.value.status) == ("github:redirected", 301)
    assert (writing.value.code, writing.value.status) == ("github:redirected", 307)
    assert "by its id" in reading.value.hint
    assert len(sandbox.requests()) == 2, "nothing was followed"
    with pytest.raises(Missing):
        github.branch(NEW, "topic")


def test_a_repository_is_found_by_its_id_whatever_its_name_is(sandbox: Sandbox, github: GitHub) -> None:
    before = github.repository(OLD)
    sandbox.rest("PATCH", f"/repos/{OLD.full_name}", {"name": NEW.name})
    renamed = github.repository_by_id("octo-org", before.id)
    assert (renamed.id, renamed.owner, renamed.name) == (before.id, "octo-org", "shelf")
    sandbox.rest("POST", f"/repos/{NEW.full_name}/transfer", {"new_owner": "octo-user"})
    transferred = github.repository_by_id("octo-org", before.id)
    assert (transferred.owner, transferred.owner_is_organization) == ("octo-user", False)
    sandbox.rest("DELETE", "/repos/octo-user/shelf")
    with pytest.raises(Missing):
        github.repository_by_id("octo-user", before.id)
    with pytest.raises(Missing):
        github.repository(OLD)


@pytest.mark.parametrize(
    ("role", "permission", "writes"),
    [
        ("admin", Permission.ADMIN, True),
        ("maintain", Permission.MAINTAIN, True),
        ("push", Permission.WRITE, True),
        ("triage", Permission.TRIAGE, False),
        ("pull", Permission.READ, False),
    ],
)
def test_what_a_collaborator_may_do(
    sandbox: Sandbox, github: GitHub, role: str, permission: Permission, *, writes: bool
) -> None:
    sandbox.settings(OLD.full_name, collaborators={"octo-reader": role})
    found = github.permission(OLD, "octo-reader")
    assert (found, found.writes) == (permission, writes)


def test_strangers_may_nothing_in_a_private_repository(sandbox: Sandbox, github: GitHub) -> None:
    sandbox.settings(OLD.full_name, collaborators={}, private=True)
    assert github.permission(OLD, "octo-reader") is Permission.NONE
    assert github.permission(OLD, "nobody-of-this-name") is Permission.NONE
    assert not Permission.NONE.writes
    with pytest.raises(Missing):
        github.permission(RepositoryName(owner="octo-org", name="nothing"), "octo-reader")


def test_a_custom_role_counts_as_what_it_is_based_on() -> None:
    assert Permission.parse({"permission": "write", "role_name": "release-manager"}) is Permission.WRITE
    assert Permission.parse({"permission": "write", "role_name": "maintain"}) is Permission.MAINTAIN
