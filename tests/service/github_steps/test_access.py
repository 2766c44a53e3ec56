"""The first step says exactly what is missing before anything is written."""

import pytest

from apps.onboarding.steps.access import validate_repo
from meshsix.durable.outcomes import Permanent
from tests.github_bench import Bench


def refusal(bench: Bench, full_name: str = "octo-org/bookmarks", *, token: str = "full", **more: object) -> str:
    with pytest.raises(Permanent) as caught:
        validate_repo(bench.ask(full_name, **more), bench.as_token(token))
    assert caught.value.hint
    assert caught.value.detail
    assert not bench.sandbox.requests(changes=True)
    return caught.value.code


def test_a_repository_of_an_organization_is_described(bench: Bench) -> None:
    access = bench.access("Octo-Org/Bookmarks")
    assert (access.owner, access.name, access.owner_is_organization) == ("octo-org", "bookmarks", True)
    assert (access.default_branch, access.credential_kind, access.login) == ("main", "classic", "octo-user")
    assert not bench.sandbox.requests(changes=True)


def test_a_repository_of_a_user_is_described(bench: Bench) -> None:
    assert not bench.access("octo-user/notes").owner_is_organization


def test_a_fine_grained_token_reaches_an_organization(bench: Bench) -> None:
    assert validate_repo(bench.ask(), bench.as_token("fine")).credential_kind == "fine_grained"


def test_a_missing_repository(bench: Bench) -> None:
    assert refusal(bench, "octo-org/nothing") == "onboard:repository:missing"


def test_a_repository_that_has_another_name_now(bench: Bench) -> None:
    bench.sandbox.rest("PATCH", "/repos/octo-org/bookmarks", {"name": "shelf"})
    with pytest.raises(Permanent, match=r"octo-org/bookmarks is octo-org/shelf now\.") as caught:
        bench.access("octo-org/bookmarks")
    assert caught.value.code == "onboard:repository:renamed"


def test_a_redirect_that_does_not_say_where_to(bench: Bench) -> None:
    bench.sandbox.fault("status", match={"path": "/repos/octo-org/old-name"}, status=301, body={"message": "Moved"})
    assert refusal(bench, "octo-org/old-name") == "onboard:repository:renamed"


def test_a_repository_that_went_where_we_do_not_see_it(bench: Bench) -> None:
    moved = {"message": "Moved Permanently", "url": f"{bench.sandbox.url}/repositories/999999"}
    bench.sandbox.fault("status", match={"path": "/repos/octo-org/old-name"}, status=301, body=moved)
    assert refusal(bench, "octo-org/old-name") == "onboard:repository:renamed"


def test_an_archived_repository(bench: Bench) -> None:
    assert refusal(bench, "octo-org/attic") == "onboard:repository:archived"


def test_no_admin_rights(bench: Bench) -> None:
    assert refusal(bench, token="reader") == "onboard:user:no-admin-rights"


def test_missing_scopes(bench: Bench) -> None:
    assert refusal(bench, token="bare") == "onboard:token:scopes-missing"


def test_a_fine_grained_token_does_not_reach_boards_of_a_user(bench: Bench) -> None:
    bench.sandbox.settings("octo-user/notes", private=False)
    assert refusal(bench, "octo-user/notes", token="fine") == "onboard:token:user-boards-need-classic"


def test_a_missing_branch(bench: Bench) -> None:
    assert refusal(bench, default_branch="nowhere") == "onboard:branch:missing"
