"""The devcontainer is taken as it is, extended by a pull request, or made; what people wrote stays."""

import base64
import json
from dataclasses import replace
from typing import Any

import pytest
from pytest_django import Settings

from apps.onboarding.steps.devcontainer import BRANCH, MARK, scaffold_devcontainer
from apps.onboarding.words import DevcontainerWanted, Registered, Scaffolded
from meshsix.durable.outcomes import Permanent
from meshsix.integrations.errors import TryLater
from tests.github_bench import Bench

FEATURE = "registry.example.org/mesh-six/mesh-six-tools:1"
FIRST, SECOND = ".devcontainer/devcontainer.json", ".devcontainer.json"
THEIRS = '{\n  // ours since 2019\n  "image": "example.org/base", // do not touch\n}\n'


@pytest.fixture(autouse=True)
def _feature(settings: Settings) -> None:
    settings.DEVCONTAINER_FEATURE_REF = FEATURE


def wanted(bench: Bench, *, directly: bool = False, full_name: str = "octo-org/bookmarks") -> DevcontainerWanted:
    ask = bench.ask(full_name)
    registered = Registered(project_id="p", env_name="e", credential_project_id="c", created=True)
    return DevcontainerWanted(
        ask=replace(ask, settings=replace(ask.settings, commit_devcontainer_directly=directly)),
        validate_repo=bench.access(full_name),
        register_in_database=registered,
    )


def scaffold(bench: Bench, *, directly: bool = False) -> Scaffolded:
    return scaffold_devcontainer(wanted(bench, directly=directly), bench.clients)


def put(bench: Bench, path: str, text: str) -> None:
    body = {"message": "By hand", "content": base64.b64encode(text.encode()).decode()}
    bench.sandbox.rest("PUT", f"/repos/octo-org/bookmarks/contents/{path}", body)


def text_at(bench: Bench, path: str, ref: str) -> str:
    found = bench.sandbox.rest("GET", f"/repos/octo-org/bookmarks/contents/{path}?ref={ref}")
    return base64.b64decode(found["content"]).decode()


def commits(bench: Bench, branch: str) -> list[str]:
    found: dict[str, list[str]] = bench.sandbox.state()["commits"]["octo-org/bookmarks"]
    return found.get(branch, [])


def pulls(bench: Bench) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = bench.sandbox.state()["pulls"]
    return found


def changes_of_second_run(bench: Bench, *, directly: bool = False) -> tuple[Scaffolded, int]:
    bench.sandbox.forget_requests()
    again = scaffold(bench, directly=directly)
    return again, len(bench.sandbox.requests(changes=True))


def test_a_new_one_is_proposed_on_a_branch(bench: Bench) -> None:
    before = commits(bench, "main")
    made = scaffold(bench)
    assert (made.outcome, made.path) == ("proposed", FIRST)
    assert commits(bench, "main") == before
    assert MARK in commits(bench, BRANCH)[0]
    text = text_at(bench, FIRST, BRANCH)
    assert FEATURE in text
    assert "// The development environment of this repository" in text
    (pull,) = pulls(bench)
    assert (pull["number"], pull["head"], pull["state"]) == (made.pull_request, BRANCH, "open")
    assert changes_of_second_run(bench) == (made, 0)


def test_settings_let_it_be_committed_directly(bench: Bench) -> None:
    made = scaffold(bench, directly=True)
    assert made.outcome == "committed"
    assert made.commit_sha in made.url
    assert MARK in commits(bench, "main")[0]
    assert not pulls(bench)
    assert changes_of_second_run(bench, directly=True) == (made, 0)


@pytest.mark.parametrize("path", [FIRST, SECOND, ".devcontainer/python/devcontainer.json"])
def test_one_with_our_feature_is_taken_as_it_is(bench: Bench, path: str) -> None:
    put(bench, path, json.dumps({"features": {FEATURE.replace(":1", ":2.0.1"): {"claudeVersion": "2"}}}))
    made, changes = changes_of_second_run(bench)
    assert (made.outcome, made.path, changes) == ("present", path, 0)
    assert made.url.endswith(f"/blob/main/{path}")


@pytest.mark.parametrize("path", [FIRST, SECOND, ".devcontainer/python/devcontainer.json"])
def test_one_without_our_feature_gets_a_proposal_that_changes_nothing_else(bench: Bench, path: str) -> None:
    put(bench, path, THEIRS)
    made = scaffold(bench, directly=True)
    assert (made.outcome, made.path) == ("proposed", path)
    assert text_at(bench, path, "main") == THEIRS
    assert text_at(bench, path, BRANCH) == THEIRS.replace(
        "// do not touch\n}", f'// do not touch\n  "features": {{\n    "{FEATURE}": {{}}\n  }},\n}}'
    )


def test_without_a_feature_any_devcontainer_will_do(bench: Bench, settings: Settings) -> None:
    settings.DEVCONTAINER_FEATURE_REF = ""
    put(bench, SECOND, THEIRS)
    assert scaffold(bench).outcome == "present"


def test_a_declined_proposal_is_not_made_again(bench: Bench) -> None:
    made = scaffold(bench)
    bench.sandbox.rest("PATCH", f"/repos/octo-org/bookmarks/pulls/{made.pull_request}", {"state": "closed"})
    again, changes = changes_of_second_run(bench)
    assert (again.outcome, again.pull_request, changes) == ("declined", made.pull_request, 0)


def test_a_merged_proposal_is_present(bench: Bench) -> None:
    made = scaffold(bench)
    bench.sandbox.rest("PUT", f"/repos/octo-org/bookmarks/pulls/{made.pull_request}/merge", {})
    again, changes = changes_of_second_run(bench)
    assert (again.path, changes) == (FIRST, 0)
    assert again.outcome in {"present", "committed"}


@pytest.mark.parametrize("text", ["{", '{"features": []}', "[]"])
def test_one_that_cannot_be_read_is_left_alone(bench: Bench, text: str) -> None:
    put(bench, FIRST, text)
    with pytest.raises(Permanent) as caught:
        scaffold(bench)
    assert caught.value.code == "onboard:devcontainer:unreadable"
    assert FIRST in caught.value.detail


def test_a_protected_branch_gets_a_proposal(bench: Bench) -> None:
    bench.sandbox.settings("octo-org/bookmarks", protected=["main"])
    assert scaffold(bench, directly=True).outcome == "proposed"


def test_without_pull_requests_it_is_committed(bench: Bench) -> None:
    bench.sandbox.settings("octo-org/bookmarks", pull_requests=False)
    assert scaffold(bench).outcome == "committed"


def test_protected_and_without_pull_requests_there_is_no_way(bench: Bench) -> None:
    bench.sandbox.settings("octo-org/bookmarks", protected=["main"], pull_requests=False)
    with pytest.raises(Permanent) as caught:
        scaffold(bench)
    assert caught.value.code == "onboard:devcontainer:protected-no-pull-requests"
    assert not bench.sandbox.requests(changes=True)


@pytest.mark.parametrize(
    "match",
    [
        {"method": "POST", "path": "/repos/*/git/refs"},
        {"operation": "createCommitOnBranch"},
        {"method": "POST", "path": "/repos/*/pulls"},
    ],
)
@pytest.mark.parametrize("kind", ["drop-before-effect", "drop-after-effect", "status", "rate-limit-secondary"])
def test_a_failure_at_any_change_leaves_one_of_each(bench: Bench, match: dict[str, str], kind: str) -> None:
    bench.sandbox.fault(kind, match=match, seconds=0)
    with pytest.raises(TryLater):
        scaffold(bench)
    made = scaffold(bench)
    assert made.outcome == "proposed"
    assert len(pulls(bench)) == 1
    assert len([message for message in commits(bench, BRANCH) if MARK in message]) == 1


@pytest.mark.parametrize("kind", ["drop-before-effect", "drop-after-effect"])
def test_a_failure_of_the_direct_commit_leaves_one(bench: Bench, kind: str) -> None:
    bench.sandbox.fault(kind, match={"operation": "createCommitOnBranch"})
    with pytest.raises(TryLater):
        scaffold(bench, directly=True)
    assert scaffold(bench, directly=True).outcome == "committed"
    assert len([message for message in commits(bench, "main") if MARK in message]) == 1
