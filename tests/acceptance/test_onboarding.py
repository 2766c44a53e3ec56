"""A repository is onboarded from end to end by real processes, and a second time without a change anywhere."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.options import Options
from deploy.local.stack import Stack
from tests import servers
from tests.platform import Platform, running, step

pytestmark = [pytest.mark.acceptance, pytest.mark.xdist_group("onboarding")]

STATUS_OPTIONS = ["Todo", "Planning", "In Progress", "QA", "Review", "Blocked", "Done"]


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    data: Path = tmp_path_factory.mktemp("onboarding") / "stack"
    environ = {**servers.plain_environment(), "RATE_LIMITS_ON": "false"}
    with running(Stack(Options(data=data, environ=environ, workers=2))) as found:
        yield found


@pytest.mark.parametrize("mode", ["local", "envbuilder"])
def test_a_repository_is_onboarded_and_everything_exists_once(platform: Platform, mode: str) -> None:
    name = platform.repository()
    run = platform.onboard(name, execution_mode=mode)
    state = platform.sandbox("github", "GET", "state")
    boards = [board for board in state["boards"] if board["repositories"] == [name]]
    assert len(boards) == 1
    assert boards[0]["fields"]["Status"] == STATUS_OPTIONS
    assert boards[0]["fields"]["Priority"] == ["Critical", "High", "Medium", "Low"]
    assert {"Session ID", "Pod Name", "Workflow ID"} < set(boards[0]["fields"])
    assert [hook["on"] for hook in state["hooks"] if hook["on"] in {name, "octo-org"}].count(name) == 1
    assert [hook["on"] for hook in state["hooks"]].count("octo-org") == 1
    kept = platform.secret(f"mesh-six/webhooks/{name}")
    assert (kept["owner"], kept["repo"]) == tuple(name.split("/"))
    assert run["progress"] == 1
    assert [row["name"] for row in run["steps"] if row["state"] not in {"done", "skipped"}] == []


def test_a_second_onboarding_changes_nothing_at_any_vendor(platform: Platform) -> None:
    name = platform.repository()
    platform.onboard(name, execution_mode="envbuilder")
    platform.forget()
    again = platform.onboard(name, execution_mode="envbuilder")
    assert again["status"] == "completed"
    assert platform.changes() == []


def test_a_user_owned_repository_is_onboarded_and_its_board_is_polled(platform: Platform) -> None:
    name = platform.repository("octo-user")
    run = platform.onboard(name)
    hooks = step(run, "register_webhook")["output"]
    assert hooks["board_events"] == "poll"
    assert hooks["organization_hook_id"] is None


def test_what_is_asked_to_be_skipped_is_skipped_with_its_reason(platform: Platform) -> None:
    run = platform.onboard(platform.repository(), skip_auth=True, skip_litellm=True)
    for name in ("initiate_claude_oauth", "store_claude_credentials", "configure_litellm"):
        row = step(run, name)
        assert row["state"] == "skipped"
        assert row["skip_reason"]


def test_a_second_request_for_an_unfinished_onboarding_is_told_its_id(platform: Platform) -> None:
    name = platform.repository()
    run_id = platform.start(name)
    problem = platform.ask("POST", "/onboard", {"repository": name.upper()}, status=409)
    assert problem["run_id"] == run_id
    assert problem["code"] == "onboard:request:already-running"
    platform.wait(run_id, "waiting_auth")
    platform.ask("POST", f"/onboard/{run_id}/cancel", {}, status=202)


def test_bad_input_is_explained_field_by_field_and_starts_nothing(platform: Platform) -> None:
    before = platform.ask("GET", "/onboard?limit=1")["results"]
    problem = platform.ask(
        "POST", "/onboard", {"repo_owner": "-", "repo_name": "x", "resource_limits": {"cpu_limit": "lots"}}, status=400
    )
    assert {error["pointer"] for error in problem["errors"]} == {"/resource_limits/cpu_limit"}
    assert platform.ask("GET", "/onboard?limit=1")["results"] == before
