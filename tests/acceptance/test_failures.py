"""Each way to fail for good says the same at every door; mended, `resume` goes on from the failed step."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from apps.onboarding.catalog import PROBLEMS
from deploy.local.options import Options
from deploy.local.stack import Stack
from tests.doors import Browser, Told, failure, finished_steps, plain, quick_environment, terminal
from tests.failure_cases import Case, make
from tests.failure_table import ALONE, SIDE_BY_SIDE
from tests.platform import Json, Platform, running, step

pytestmark = [pytest.mark.acceptance, pytest.mark.xdist_group("failures")]

SHORT = {"HOOK_PING_WAIT_SECONDS": "30", "POD_WAIT_SECONDS": "40", "SIGN_IN_WAIT_SECONDS": "60"}


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    data: Path = tmp_path_factory.mktemp("failures") / "stack"
    with running(Stack(Options(data=data, environ=quick_environment(**SHORT), workers=2))) as found:
        yield found


@pytest.fixture(scope="module")
def browser(platform: Platform) -> Iterator[Browser]:
    with Browser(platform).signed_in() as signed_in:
        yield signed_in


@pytest.fixture(scope="module")
def started(platform: Platform) -> dict[str, str]:
    """All that can go wrong side by side, started before the first of them is looked at: run id by repository."""
    return {case.name: begin(platform, case) for case in SIDE_BY_SIDE}


def begin(platform: Platform, case: Case) -> str:
    if case.facts is not None:
        make(case, platform)
    case.spoil(platform, case.name)
    return platform.start(case.name, **case.ask)


@pytest.fixture(scope="module")
def told(platform: Platform, started: dict[str, str]) -> dict[str, Told]:
    """What the terminal says of each of them once they have failed."""
    for run_id in started.values():
        platform.wait(run_id, "failed")
    return terminal(platform, *started)


def fails_everywhere(platform: Platform, browser: Browser, case: Case, run_id: str, told: Told) -> Json:
    """Assert that API, page and terminal tell the same code and hint; return the failed run."""
    run = platform.wait(run_id, "failed")
    code, hint = failure(run)
    row = step(run, case.step)
    assert (code, row["state"]) == (case.code, "failed")
    assert case.says in row["error_detail"]
    if code in PROBLEMS:
        assert hint == PROBLEMS[code].hint
    assert hint
    words = browser.words(f"/onboarding/{run_id}")
    assert code in words
    assert plain(hint) in words
    assert told.exit == 1
    assert code in told.words
    assert plain(hint) in told.words
    return run


def completes_from_there(platform: Platform, case: Case, failed: Json) -> None:
    """Assert that after the mending only the failed step and what comes after it are done."""
    before = finished_steps(failed)
    case.mend(platform, case.name)
    platform.ask("POST", f"/onboard/{failed['id']}/resume", {}, status=202)
    if not case.ask["skip_auth"]:
        platform.sign_in(failed["id"])
    run = platform.wait(failed["id"], "completed")
    after = finished_steps(run)
    assert {name: after[name] for name in before} == before
    assert len(after) == len(run["steps"])
    assert (run["error_code"], run["error_hint"]) == ("", "")


@pytest.mark.parametrize("case", SIDE_BY_SIDE, ids=lambda case: f"{case.code}-{case.about}")
def test_a_failure_of_one_repository(
    platform: Platform, browser: Browser, started: dict[str, str], told: dict[str, Told], case: Case
) -> None:
    failed = fails_everywhere(platform, browser, case, started[case.name], told[case.name])
    completes_from_there(platform, case, failed)


@pytest.mark.parametrize("case", ALONE, ids=lambda case: f"{case.code}-{case.about}")
def test_a_failure_that_all_would_meet(platform: Platform, browser: Browser, case: Case) -> None:
    run_id = begin(platform, case)
    case.person(platform, run_id)
    platform.wait(run_id, "failed")
    failed = fails_everywhere(platform, browser, case, run_id, terminal(platform, case.name)[case.name])
    completes_from_there(platform, case, failed)
